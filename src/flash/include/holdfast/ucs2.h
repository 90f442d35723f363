/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware's 16-bit characters (little-endian) and UTF-8. Freestanding; any thread.
 */
#ifndef HOLDFAST_UCS2_H
#define HOLDFAST_UCS2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Up to the first NUL or `size` bytes, as UTF-8 with a NUL, cut to `out_size` (at least 1) at a character. Returns
 * false when something was lost: cut, or half a surrogate pair (which becomes U+FFFD). */
HF_PUBLIC bool hf_ucs2_to_utf8(const uint8_t *bytes, size_t size, char *out, size_t out_size);

/* The other way, with a 16-bit NUL at the end. Returns the bytes written, NUL included; -HF_EUSAGE for bytes that are
 * no UTF-8, -HF_ENOMEM when `out_size` is too small: 2 * (strlen(text) + 1) always suffices. */
HF_PUBLIC int hf_ucs2_from_utf8(const char *text, uint8_t *out, size_t out_size);

#ifdef __cplusplus
}
#endif
#endif
