/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t expected_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* DEL and C1 controls, which terminals obey, and the characters that reorder what is read. */
static bool obeyed(uint32_t c)
{
    return (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t hf_utf8_length(const char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s;
    size_t length = expected_length(p[0]);
    uint32_t c = length == 1 ? p[0] : p[0] & (0x7fU >> length);

    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fU);
    }
    if (!length || c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || obeyed(c))
        return 0;
    return length;
}

char *hf_utf8_escape(const char *s)
{
    char *out = malloc(strlen(s) * 4 + 1), *to = out;

    for (; out && *s;) {
        size_t n = hf_utf8_length(s);

        if (n) {
            memcpy(to, s, n);
            to += n;
            s += n;
        } else
            to += snprintf(to, 5, "\\x%02x", (unsigned char)*s++);
    }
    if (out)
        *to = 0;
    return out;
}

size_t hf_utf8_width(const char *s)
{
    size_t width = 0;

    while (*s) {
        size_t n = hf_utf8_length(s);

        width += n == 0 || (n == 1 && (unsigned char)*s < 0x20) ? 4 : 1;
        s += n ? n : 1;
    }
    return width;
}
