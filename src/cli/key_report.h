/* SPDX-License-Identifier: BSD-2-Clause */
/* Secure Boot keys as the verbs print them. */
#ifndef HF_KEY_REPORT_H
#define HF_KEY_REPORT_H

#include "key_state.h"
#include "output.h"
#include "var_source.h"

/* The keys of a store. One that cannot be read gives a state with that verdict; only what keeps the file from being
 * opened (HF_ENOTFOUND, HF_EIO, HF_ENOMEM, HF_EOWNED) is an error. */
int hf_key_state_of_file(const char *path, struct hf_key_state *state, struct hf_error *err);
int hf_key_state_of_source(const struct hf_var_source *source, struct hf_key_state *state, struct hf_error *err);

/* Mode and verdict, as every report on keys has them. */
void hf_put_key_verdict(json_t *object, const struct hf_key_state *state);
void hf_put_key_words(json_t *object, enum hf_key_mode mode, enum hf_key_verdict verdict, const char *words);

/* The line of `show` and `vars list`: text and JSON member "keys". A store that cannot be read, too. */
void hf_key_line(const struct hf_invocation *inv, const struct hf_key_state *state);

/* The same for a store that was opened. */
int hf_key_line_of_source(const struct hf_invocation *inv, const struct hf_var_source *source, struct hf_error *err);

/* 64 digits and a NUL. */
#define HF_FINGERPRINT_TEXT (2 * HF_CERTIFICATE_SHA256 + 1)
const char *hf_fingerprint_text(const uint8_t sha256[HF_CERTIFICATE_SHA256], char text[HF_FINGERPRINT_TEXT]);

/* "2038-03-02". */
#define HF_DAY_TEXT 16
const char *hf_day_text(int64_t seconds, char text[HF_DAY_TEXT]);

#endif
