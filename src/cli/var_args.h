/* SPDX-License-Identifier: BSD-2-Clause */
/* Names, attributes and data as the `vars` verbs take them, and variables as they print them. */
#ifndef HF_VAR_ARGS_H
#define HF_VAR_ARGS_H

#include "var_source.h"
#include "var_write.h"

/* A variable's name with its GUID; `bytes` is allocated. */
struct hf_var_key {
    struct hf_var var; /* guid, name, name_size only */
    uint8_t *bytes;
};
static inline void hf_var_key_done(struct hf_var_key *key)
{
    free(key->bytes);
    key->bytes = NULL;
}

/* The variable called `name` in the source, under --guid when given. Without it the name must be there under one GUID
 * only: HF_EUSAGE lists them. HF_ENOTFOUND: none; `key` is then usable for a new one (under --guid, or
 * that of its row in the table of var_rule.h) unless it is empty (bytes NULL). */
int hf_var_key_find(const struct hf_invocation *inv, const struct hf_var_source *source, const char *name,
                    struct hf_var_key *key, const struct hf_var **var, struct hf_error *err);

/* "NV+BS+RT", or a number. */
int hf_var_attributes_parse(const char *text, uint32_t *attributes, struct hf_error *err);

/* The data that --data, --text, --ucs2, --order or --file give; allocated. HF_EUSAGE unless exactly one was given. */
int hf_var_data_parse(const struct hf_invocation *inv, uint8_t **data, uint32_t *size, struct hf_error *err);

/* As JSON. `data`: also the data, in hex; those of a secret only with `reveal`. */
void hf_var_put(json_t *object, const struct hf_var *var, bool data, bool reveal);

/* The name as UTF-8; the caller frees it; NULL without memory. */
char *hf_var_name_text(const struct hf_var *var);

/* The vendor's usual name, or the GUID's text. */
const char *hf_var_vendor_text(const struct hf_guid *guid, char text[HF_GUID_TEXT_SIZE]);

#endif
