/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that grows to the end of a caller's buffer and no further. */
#ifndef HF_TEXTBUF_H
#define HF_TEXTBUF_H

#include <stddef.h>
#include <stdint.h>

#include <holdfast/guid.h>

#include "format.h"

struct hf_textbuf {
    char *buf;
    size_t size, at;
};

/* `size` is at least 4. */
static inline struct hf_textbuf hf_textbuf_of(char *buf, size_t size)
{
    buf[0] = '\0';
    return (struct hf_textbuf){.buf = buf, .size = size};
}

static inline void HF_PRINTF(2, 3) hf_textbuf_add(struct hf_textbuf *t, const char *fmt, ...)
{
    va_list ap;

    if (t->size - t->at < 4)
        return; /* full: the last addition ended in "..." */
    va_start(ap, fmt);
    t->at += hf_vformat(t->buf + t->at, t->size - t->at, fmt, ap);
    va_end(ap);
}

static inline void hf_textbuf_guid(struct hf_textbuf *t, const struct hf_guid *guid)
{
    char text[HF_GUID_TEXT_SIZE];

    hf_guid_format(guid, text);
    hf_textbuf_add(t, "%s", text);
}

/* Cut where the buffer ends, with "..." like all else. */
static inline void hf_textbuf_hex(struct hf_textbuf *t, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        if (t->size - t->at < 6) {
            hf_textbuf_add(t, "......");
            return;
        }
        t->buf[t->at++] = digits[bytes[i] >> 4];
        t->buf[t->at++] = digits[bytes[i] & 15];
        t->buf[t->at] = '\0';
    }
}

#endif
