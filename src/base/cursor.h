/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one way to read bytes somebody else wrote.
 *
 * A cursor is sticky: the first read that does not fit marks it bad, and from then on every read gives zeros (or NULL)
 * and moves nothing. Read a whole record, test `bad` once, then use the values: never size a loop or an allocation
 * from a value before testing `bad`.
 */
#ifndef HF_CURSOR_H
#define HF_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <holdfast/endian.h>

struct hf_cursor {
    const uint8_t *base; /* where offset 0 is; for messages and hf_cursor_seek */
    size_t size;
    size_t at;
    bool bad;
};

/* off + len <= size, written so that it cannot wrap. */
static inline bool hf_range_ok(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

static inline struct hf_cursor hf_cursor_of(const void *bytes, size_t size)
{
    return (struct hf_cursor){.base = (const uint8_t *)bytes, .size = size};
}

static inline size_t hf_cursor_left(const struct hf_cursor *c)
{
    return c->bad ? 0 : c->size - c->at;
}

/* Moves to an absolute offset; one past the last byte is allowed. */
static inline void hf_cursor_seek(struct hf_cursor *c, uint64_t at)
{
    if (c->bad || at > c->size)
        c->bad = true;
    else
        c->at = (size_t)at;
}

/* The next n bytes, in place: valid as long as the buffer under the cursor. NULL when they are not there. */
static inline const uint8_t *hf_cursor_take(struct hf_cursor *c, uint64_t n)
{
    const uint8_t *p;

    if (c->bad || n > c->size - c->at) {
        c->bad = true;
        return NULL;
    }
    p = c->base + c->at;
    c->at += (size_t)n;
    return p;
}

/* Copies a fixed-size wire struct; zeros on failure. */
static inline void hf_cursor_copy(struct hf_cursor *c, void *to, size_t n)
{
    const uint8_t *p = hf_cursor_take(c, n);

    if (p)
        memcpy(to, p, n);
    else
        memset(to, 0, n);
}

/* A cursor over the next n bytes; this one moves past them. Bad when they are not there. */
static inline struct hf_cursor hf_cursor_sub(struct hf_cursor *c, uint64_t n)
{
    const uint8_t *p = hf_cursor_take(c, n);

    return (struct hf_cursor){.base = p, .size = p ? (size_t)n : 0, .bad = !p};
}

static inline uint8_t hf_cursor_u8(struct hf_cursor *c)
{
    const uint8_t *p = hf_cursor_take(c, 1);

    return p ? *p : 0;
}

#define HF_CURSOR_GETTER(bits, order)                                                                                  \
    static inline uint##bits##_t hf_cursor_##order##bits(struct hf_cursor *c)                                          \
    {                                                                                                                  \
        hf_##order##bits v;                                                                                            \
                                                                                                                       \
        hf_cursor_copy(c, &v, sizeof v);                                                                               \
        return hf_##order##bits##_get(v);                                                                              \
    }
HF_CURSOR_GETTER(16, le)
HF_CURSOR_GETTER(32, le)
HF_CURSOR_GETTER(64, le)
HF_CURSOR_GETTER(16, be)
HF_CURSOR_GETTER(32, be)
HF_CURSOR_GETTER(64, be)
#undef HF_CURSOR_GETTER

#endif
