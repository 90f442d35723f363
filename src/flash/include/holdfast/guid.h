/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GUIDs as firmware stores them: 16 bytes, the first three fields little-endian. Kept as bytes, compared as bytes.
 * Freestanding; no state; any thread.
 */
#ifndef HOLDFAST_GUID_H
#define HOLDFAST_GUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hf_guid {
    uint8_t b[16];
};

#define HF_GUID_TEXT_SIZE 37 /* 36 characters and the NUL */

/* The five fields of the usual text, in order: HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c). */
#define HF_GUID(a, m, n, d, e)                                                                                         \
    {                                                                                                                  \
        {                                                                                                              \
            (uint8_t)(a), (uint8_t)((a) >> 8), (uint8_t)((a) >> 16), (uint8_t)((a) >> 24), (uint8_t)(m),               \
                (uint8_t)((m) >> 8), (uint8_t)(n), (uint8_t)((n) >> 8), (uint8_t)((d) >> 8), (uint8_t)(d),             \
                (uint8_t)((e##ull) >> 40), (uint8_t)((e##ull) >> 32), (uint8_t)((e##ull) >> 24),                       \
                (uint8_t)((e##ull) >> 16), (uint8_t)((e##ull) >> 8), (uint8_t)(e##ull)                                 \
        }                                                                                                              \
    }

static inline bool hf_guid_equal(const struct hf_guid *a, const struct hf_guid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Lower-case text with dashes and a NUL. */
HF_PUBLIC void hf_guid_format(const struct hf_guid *guid, char text[HF_GUID_TEXT_SIZE]);

/* Reads the text form (either case, no braces), or one of the names of hf_guid_name(). `size` counts characters
 * without a NUL. HF_EUSAGE when it is neither. */
HF_PUBLIC int hf_guid_parse(const char *text, size_t size, struct hf_guid *guid);

/* The usual name of a well-known GUID ("EfiGlobalVariable"), a string literal; NULL when it has none here. */
HF_PUBLIC const char *hf_guid_name(const struct hf_guid *guid);

#ifdef __cplusplus
}
#endif
#endif
