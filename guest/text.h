/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of strangers, made fit for a terminal or for JSON. */
#ifndef HF_GUEST_TEXT_H
#define HF_GUEST_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* A question mark for every byte that is no text. `controls`: control characters may stay. */
void text_clean(char *text, bool controls);

/* On standard output: a JSON string of text that was cleaned, 64 digits. */
void text_json(const char *text);
void text_digest(const uint8_t digest[32]);

#endif
