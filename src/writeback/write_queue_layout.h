/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the queue (write_queue.h): what lies in its memory. */
#ifndef HF_WRITE_QUEUE_LAYOUT_H
#define HF_WRITE_QUEUE_LAYOUT_H

#include "write_queue.h"

#define PAGE      HF_WRITE_QUEUE_PAGE
#define PAGES_MAX (HF_WRITE_QUEUE_BANK_MAX / PAGE)
#define WORDS     (PAGES_MAX / 64)

#define MAGIC   UINT64_C(0x716574697277662d) /* "-fwriteq" */
#define VERSION 2u

/* One batch. `dirty` is what survives the process; the other two are rebuilt by attach. */
struct batch {
    uint64_t dirty[WORDS];    /* the page belongs to the batch */
    uint64_t have[WORDS];     /* the page's bytes are the guest's or, when not dirty, the container's own */
    uint64_t reserved[WORDS]; /* the page's memory can be stored to */
};

/* The memory: this, on whole pages; then the pages of batch 0; then those of batch 1. Only one machine, one boot and
 * one program version ever reads it, so it is in the machine's own byte order. */
struct hf_write_queue_layout {
    uint64_t magic;
    uint32_t version;
    uint32_t pages;
    uint64_t bank_size;
    uint64_t mark;
    int64_t behind;
    uint8_t key[HF_WRITE_QUEUE_KEY_SIZE];
    uint32_t open;        /* which batch receives writes: 0 or 1 */
    uint32_t intent_size; /* 0: no write is under way */
    uint64_t intent_offset;
    struct batch batch[2];
    uint8_t intent[HF_WRITE_QUEUE_WRITE_MAX];
};

/* A killed process leaves its stores in program order as long as the compiler keeps them in that order. */
#define ordered_store(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)

static inline bool bit(const uint64_t *map, uint32_t i)
{
    return map[i / 64] >> (i % 64) & 1;
}

static inline void set_bit(uint64_t *map, uint32_t i)
{
    ordered_store(&map[i / 64], map[i / 64] | UINT64_C(1) << (i % 64));
}

static inline uint32_t count(const uint64_t *map)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < WORDS; i++)
        n += (uint32_t)__builtin_popcountll(map[i]);
    return n;
}

static inline bool empty(const uint64_t *map)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (map[i])
            return false;
    return true;
}

#endif
