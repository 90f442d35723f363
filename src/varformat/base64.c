/* SPDX-License-Identifier: BSD-2-Clause */
#include "base64.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(unsigned char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

int hf_base64_decode(const void *text, size_t size, uint8_t **bytes, size_t *bytes_size, struct hf_error *err)
{
    const unsigned char *from = (const unsigned char *)text;
    hf_auto(hf_cleanup_free) uint8_t *out = (uint8_t *)malloc(size / 4 * 3 + 3);
    size_t chars = 0, pads = 0, n = 0;
    uint32_t bits = 0;

    if (!out)
        return hf_error_nomem(err);
    for (size_t i = 0; i < size; i++) {
        int value = value_of(from[i]);

        if (isspace(from[i]))
            continue;
        if (from[i] == '=' && (chars + pads) % 4 >= 2) {
            pads++;
            continue;
        }
        if (value < 0 || pads)
            return hf_error_set(err, HF_EDAMAGED, "invalid base64 at byte %zu", i);
        bits = bits << 6 | (uint32_t)value;
        if (++chars % 4 == 0) {
            out[n++] = (uint8_t)(bits >> 16);
            out[n++] = (uint8_t)(bits >> 8);
            out[n++] = (uint8_t)bits;
        }
    }
    if ((chars + pads) % 4 != 0)
        return hf_error_set(err, HF_EDAMAGED, "base64: %zu characters, not a multiple of 4", chars + pads);
    if (chars % 4 >= 2)
        out[n++] = (uint8_t)(chars % 4 == 2 ? bits >> 4 : bits >> 10);
    if (chars % 4 == 3)
        out[n++] = (uint8_t)(bits >> 2);
    *bytes_size = n;
    *bytes = hf_take_ptr(out);
    return 0;
}

int hf_base64_encode(const void *bytes, size_t size, char **text, struct hf_error *err)
{
    const uint8_t *from = (const uint8_t *)bytes;
    char *out = (char *)malloc((size + 2) / 3 * 4 + 1), *to = out;

    if (!out)
        return hf_error_nomem(err);
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t bits =
            (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) | (left > 2 ? from[i + 2] : 0);

        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *to = '\0';
    *text = out;
    return 0;
}
