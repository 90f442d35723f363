/* SPDX-License-Identifier: BSD-2-Clause */
/* The variables that hold keys: names, vendors, the attributes that firmware and shim insist on. Pure. */
#ifndef HF_KEY_VARIABLE_H
#define HF_KEY_VARIABLE_H

#include <holdfast/varstore.h>

enum hf_key_variable {
    HF_KEY_PK,
    HF_KEY_KEK,
    HF_KEY_DB,
    HF_KEY_DBX,
    HF_KEY_MOK,
    HF_KEY_MOKX,
    HF_KEY_VARIABLES,
};

struct hf_key_variable_info {
    const char *name; /* ASCII */
    struct hf_guid vendor;
    const uint8_t *ucs2; /* with its NUL */
    uint32_t ucs2_size;
    uint32_t attributes;
};

/* Never NULL. */
const struct hf_key_variable_info *hf_key_variable_info(enum hf_key_variable v);

/* The variable among `vars`; NULL when it is not there. */
const struct hf_var *hf_key_variable_in(enum hf_key_variable v, const struct hf_var *vars, size_t count);

/* Any variable by vendor and ASCII name. */
const struct hf_var *hf_var_named(const struct hf_guid *vendor, const char *name, const struct hf_var *vars,
                                  size_t count);

extern const struct hf_guid hf_vendor_shim;

#endif
