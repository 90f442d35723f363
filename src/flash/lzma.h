/* SPDX-License-Identifier: BSD-2-Clause */
/* The beginning of an LZMA stream ("LZMA alone": 13 header bytes, then data), as edk2 compresses its volumes with. */
#ifndef HF_LZMA_H
#define HF_LZMA_H

#include <stddef.h>
#include <stdint.h>

#define HF_LZMA_CONTEXT_MAX 4 /* lc + lp at most; edk2 uses 3 + 0 */
#define HF_LZMA_PROBS       (1856u + (0x300u << HF_LZMA_CONTEXT_MAX))

/* Decompresses until `out` is full, the stream ends or the input does. `probs` is scratch. Returns how many bytes of
 * `out` are good: 0 for a header that is not LZMA's. Damaged input gives a prefix of rubbish, never a read or write
 * outside the buffers; callers believe only what checks out by itself. */
size_t hf_lzma_prefix(const uint8_t *in, size_t in_size, uint16_t probs[HF_LZMA_PROBS], uint8_t *out, size_t out_size);

#endif
