/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/ucs2.h>

static uint32_t unit(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}

/* Writes the character at *at if it fits with a NUL behind it. */
static bool put_utf8(uint32_t c, char *out, size_t size, size_t *at)
{
    unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};

    if (n >= size - *at)
        return false;
    for (unsigned i = n; i-- > 1; c >>= 6)
        out[*at + i] = (char)(0x80 | (c & 0x3F));
    out[*at] = (char)(lead[n] | c);
    *at += n;
    return true;
}

bool hf_ucs2_to_utf8(const uint8_t *bytes, size_t size, char *out, size_t out_size)
{
    bool whole = true;
    size_t at = 0;

    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t c = unit(bytes + i);

        if (c == 0)
            break;
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < size && (unit(bytes + i + 2) & 0xFC00) == 0xDC00) {
            c = 0x10000 + ((c & 0x3FF) << 10) + (unit(bytes + i + 2) & 0x3FF);
            i += 2;
        } else if (c >= 0xD800 && c < 0xE000) {
            c = 0xFFFD;
            whole = false;
        }
        if (!put_utf8(c, out, out_size, &at)) {
            whole = false;
            break;
        }
    }
    out[at] = '\0';
    return whole;
}

/* Reads one character; 0 at the end of the text, -1 for what is no UTF-8. */
static int32_t take_utf8(const char **text)
{
    const uint8_t *p = (const uint8_t *)*text;
    unsigned n = *p < 0x80 ? 0 : (*p & 0xE0) == 0xC0 ? 1 : (*p & 0xF0) == 0xE0 ? 2 : (*p & 0xF8) == 0xF0 ? 3 : 9;
    static const int32_t least[4] = {0, 0x80, 0x800, 0x10000};
    int32_t c;

    if (n == 9)
        return -1;
    c = n == 0 ? *p : *p & (0x3F >> n);
    for (unsigned i = 1; i <= n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return -1;
        c = c << 6 | (p[i] & 0x3F);
    }
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return -1;
    if (c)
        *text += n + 1;
    return c;
}

int hf_ucs2_from_utf8(const char *text, uint8_t *out, size_t out_size)
{
    size_t at = 0;
    int32_t c;

    do {
        uint32_t units[2];
        unsigned n = 1;

        c = take_utf8(&text);
        if (c < 0)
            return -HF_EUSAGE;
        units[0] = (uint32_t)c;
        if (c >= 0x10000) {
            units[0] = 0xD800 + ((uint32_t)(c - 0x10000) >> 10);
            units[1] = 0xDC00 + ((uint32_t)(c - 0x10000) & 0x3FF);
            n = 2;
        }
        for (unsigned i = 0; i < n; i++, at += 2) {
            if (out_size - at < 2)
                return -HF_ENOMEM;
            out[at] = (uint8_t)units[i];
            out[at + 1] = (uint8_t)(units[i] >> 8);
        }
    } while (c);
    return (int)at;
}
