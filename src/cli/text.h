/* SPDX-License-Identifier: BSD-2-Clause */
/* Strangers' strings as text that cannot do harm. */
#ifndef HF_TEXT_H
#define HF_TEXT_H

#include <stddef.h>

/* Length in bytes (1 to 4) of the UTF-8 character at `s`; 0 when the bytes there are not one: overlong, surrogate,
 * above U+10FFFF, cut short, or a character that terminals act upon (DEL, C1 controls, bidirectional overrides). */
size_t hf_utf8_length(const char *s);

/* A copy in which every byte that is not part of a character is \xNN; the caller frees it; NULL when out of memory. */
char *hf_utf8_escape(const char *s);

/* How many columns the text takes: one per character, four for each byte that is escaped. */
size_t hf_utf8_width(const char *s);

#endif
