/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings that are lists, separated by commas: features ("acpi-loader.0,lifecycle.0") and images (their SHA-256). */
#ifndef HF_SETTING_LISTS_H
#define HF_SETTING_LISTS_H

#include <stdbool.h>

#include "digest.h"
#include "settings.h"

/* HF_EUSAGE names the first item that is none. */
int hf_setting_list_check(const struct hf_setting *s, const char *value, struct hf_error *err);

/* Whether a value of type BITS has the bit, or one of type DIGESTS the digest. */
bool hf_setting_has_bit(const char *value, const char *domain, unsigned bit);
bool hf_setting_has_digest(const char *value, const struct hf_digest *digest);

#endif
