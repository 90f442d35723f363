/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware that a QEMU process has in its flash chip, whatever file it was started with: a saved state brings its
 * own. */
#ifndef HF_CODE_IN_MEMORY_H
#define HF_CODE_IN_MEMORY_H

#include <holdfast/error.h>

#include "digest.h"

enum hf_code_found {
    HF_CODE_UNSEEN, /* no piece of its memory has that size */
    HF_CODE_SAME,
    HF_CODE_OTHER, /* `found` is what it has */
};

/* The chip is a piece of memory of exactly the bank's size. For root, on this host. HF_EIO: the process cannot be read.
 */
int hf_code_in_memory(int64_t pid, uint64_t size, const struct hf_digest *expected, enum hf_code_found *out,
                      struct hf_digest *found, struct hf_error *err);

#endif
