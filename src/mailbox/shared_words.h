/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's accesses to memory that a guest changes meanwhile: whole words, each read or written exactly once. Offsets
 * are multiples of four. */
#ifndef HF_SHARED_WORDS_H
#define HF_SHARED_WORDS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <holdfast/endian.h>

static inline _Atomic uint32_t *hf_shared_at(uint8_t *window, size_t offset)
{
    return (_Atomic uint32_t *)(void *)(window + offset);
}

static inline uint32_t hf_shared_get(uint8_t *window, size_t offset)
{
    uint32_t raw = atomic_load_explicit(hf_shared_at(window, offset), memory_order_acquire);
    hf_le32 word;

    memcpy(&word, &raw, sizeof word);
    return hf_le32_get(word);
}

static inline void hf_shared_put(uint8_t *window, size_t offset, uint32_t value)
{
    hf_le32 word = hf_le32_of(value);
    uint32_t raw;

    memcpy(&raw, &word, sizeof raw);
    atomic_store_explicit(hf_shared_at(window, offset), raw, memory_order_release);
}

static inline void hf_shared_read(uint8_t *window, size_t offset, void *to, size_t size)
{
    for (size_t i = 0; i < size; i += 4) {
        uint32_t raw = atomic_load_explicit(hf_shared_at(window, offset + i), memory_order_relaxed);

        memcpy((uint8_t *)to + i, &raw, size - i < 4 ? size - i : 4);
    }
}

/* A last word that is not whole is filled with zeros. */
static inline void hf_shared_write(uint8_t *window, size_t offset, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i += 4) {
        uint32_t raw = 0;

        memcpy(&raw, (const uint8_t *)from + i, size - i < 4 ? size - i : 4);
        atomic_store_explicit(hf_shared_at(window, offset + i), raw, memory_order_relaxed);
    }
}

#endif
