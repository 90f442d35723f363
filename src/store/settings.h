/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator may set on a guest. One table says which keys there are, what they may be and what they are when
 * nobody set them; `show` prints it, `set` obeys it. */
#ifndef HF_SETTINGS_H
#define HF_SETTINGS_H

#include "container.h"

#define HF_SETTING_VALUE_SIZE 256

enum hf_setting_type {
    HF_SETTING_CHOICE,
    HF_SETTING_NUMBER,
    HF_SETTING_TEXT,
    HF_SETTING_BITS,    /* DOMAIN.BIT, separated by commas; see setting_lists.h */
    HF_SETTING_DIGESTS, /* SHA-256 in hexadecimal, separated by commas */
};

struct hf_setting {
    const char *key; /* "policy", "trial-boots", ... */
    enum hf_setting_type type;
    const char *choices; /* CHOICE: "guest|versioned|host" */
    int64_t min, max;    /* NUMBER */
    const char *initial; /* the value when it was never set */
    const char *help;    /* one line for people */
};

/* The table, ended by a row with key NULL. */
const struct hf_setting *hf_settings(void);
/* NULL: no such key. */
const struct hf_setting *hf_setting_find(const char *key);

/* The value, or the table's initial one. HF_ENOTFOUND: no such key; the text lists them. */
int hf_setting_get(struct hf_container *c, const char *key, char value[HF_SETTING_VALUE_SIZE], struct hf_error *err);
/* The same for type NUMBER. */
int hf_setting_number(struct hf_container *c, const char *key, int64_t *value, struct hf_error *err);
/* Whether somebody set it; if not, hf_setting_get() gives the initial value. */
int hf_setting_is_set(struct hf_container *c, const char *key, bool *set, struct hf_error *err);
/* In a transaction; logs the change as event "set". HF_ENOTFOUND (key), HF_EUSAGE (value; the text says what is allowed). */
int hf_setting_set(struct hf_container *c, const char *key, const char *value, int64_t now, struct hf_error *err);
/* Whether `value` would be taken, without a container. */
int hf_setting_check(const char *key, const char *value, struct hf_error *err);

#endif
