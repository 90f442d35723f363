/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <stdio.h>

/* Bytes of the UTF-8 character at `at`; 0: that is none. Overlong forms and surrogates are let through: they harm
 * nobody here. */
static size_t character(const unsigned char *at)
{
    size_t size = *at < 0x80 ? 1 : *at >= 0xc2 && *at < 0xe0 ? 2 : *at >= 0xe0 && *at < 0xf0 ? 3 : 4;

    if ((*at >= 0x80 && *at < 0xc2) || *at > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

static bool is_control(const unsigned char *at)
{
    return *at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

void text_clean(char *text, bool controls)
{
    unsigned char *at = (unsigned char *)text;

    while (*at) {
        size_t size = character(at);

        if (size == 0 || (!controls && is_control(at))) {
            *at++ = '?';
            continue;
        }
        at += size;
    }
}

void text_json(const char *text)
{
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            (void)printf("\\%c", *text);
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            (void)printf("\\u%04x", (unsigned)*text);
        else
            (void)putchar(*text);
    }
    (void)putchar('"');
}

void text_digest(const uint8_t digest[32])
{
    for (unsigned i = 0; i < 32; i++)
        (void)printf("%02x", digest[i]);
}
