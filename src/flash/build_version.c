/* SPDX-License-Identifier: BSD-2-Clause */
#include "build_version.h"

#include <stdbool.h>
#include <string.h>

static bool version_char(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_' || c == '+' || c == '~';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "2025.02...", or "edk2-" and a digit or "stable". */
static bool looks_like(const char *text, size_t n)
{
    if (n >= 7 && text[0] == '2' && text[1] == '0' && is_digit(text[2]) && is_digit(text[3]) && text[4] == '.' &&
        is_digit(text[5]) && is_digit(text[6]))
        return true;
    return n >= 9 && memcmp(text, "edk2-", 5) == 0 && (is_digit(text[5]) || memcmp(text + 5, "stab", 4) == 0);
}

/* Reads characters of `step` bytes until one that no version has; it must be `stop`. */
static bool take(const uint8_t *p, size_t left, size_t step, unsigned stop, char *out, size_t out_size)
{
    char text[64];
    size_t n = 0;

    for (size_t i = 0; i + step <= left; i += step) {
        unsigned c = step == 2 ? (unsigned)(p[i] | p[i + 1] << 8) : p[i];

        if (!version_char(c)) {
            if (c != stop || !looks_like(text, n))
                return false;
            memcpy(out, text, n);
            out[n] = '\0';
            return true;
        }
        if (n == sizeof text - 1 || n == out_size - 1)
            return false;
        text[n++] = (char)c;
    }
    return false;
}

static bool search(const uint8_t *bytes, size_t size, size_t step, unsigned stop, char *out, size_t out_size)
{
    for (size_t i = 0; i + 8 * step <= size; i++) {
        const uint8_t *p = bytes + i;
        bool date = p[0] == '2' && p[step] == '0' && p[4 * step] == '.';
        bool name = p[0] == 'e' && p[step] == 'd' && p[2 * step] == 'k';

        if ((date || name) && take(p, size - i, step, stop, out, out_size))
            return true;
    }
    return false;
}

void hf_build_version(const uint8_t *bytes, size_t size, char *out, size_t out_size)
{
    if (!search(bytes, size, 2, 0, out, out_size) && !search(bytes, size, 1, '/', out, out_size))
        out[0] = '\0';
}
