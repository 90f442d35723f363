/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The variables that the UEFI specification, edk2 and shim define: whose they are, the form of their data, and the
 * attributes that firmware and shim insist on. One table; each row names where it is written. Pure.
 */
#ifndef HF_VAR_RULE_H
#define HF_VAR_RULE_H

#include <holdfast/varstore.h>

enum hf_var_form {
    HF_FORM_ANY,         /* nothing is promised of the data */
    HF_FORM_KEY,         /* signature lists with exactly one certificate: PK */
    HF_FORM_SIGNATURES,  /* EFI_SIGNATURE_LISTs */
    HF_FORM_LOAD_OPTION, /* EFI_LOAD_OPTION */
    HF_FORM_ORDER,       /* numbers of load options that exist */
    HF_FORM_NEXT,        /* one such number */
    HF_FORM_KEY_OPTION,  /* EFI_KEY_OPTION */
    HF_FORM_DEVICE_PATH, /* one device path, which may have several instances */
    HF_FORM_BOOLEAN,     /* one byte, 0 or 1 */
    HF_FORM_U8,
    HF_FORM_U16,
    HF_FORM_U32,
    HF_FORM_U64,
    HF_FORM_TEXT,     /* 8-bit characters with a NUL at the end */
    HF_FORM_SBAT,     /* shim's revocation levels, lines of text */
    HF_FORM_CERTDB,   /* AUTH_CERT_DB_DATA */
    HF_FORM_VOLATILE, /* firmware or shim makes it at each start: it is never stored */
};

/* What `vars reset` can keep. */
enum hf_var_part {
    HF_PART_OTHER,
    HF_PART_KEYS, /* what decides what may run */
    HF_PART_BOOT, /* what is started, and in which order */
};

struct hf_var_rule {
    const char *name; /* ASCII; "####" at its end: four hexadecimal digits */
    struct hf_guid vendor;
    enum hf_var_form form;
    uint32_t attributes;
    enum hf_var_part part;
    const char *source; /* where it is specified */
    const char *option; /* of `keys update`, which changes it by its meaning; NULL */
};

/* The row for this GUID and name; NULL: nobody of the three defines it. */
const struct hf_var_rule *hf_var_rule_of(const struct hf_var *var);

/* The row with this name, of any owner; NULL when there is none. */
const struct hf_var_rule *hf_var_rule_named(const char *name);

/* Every row in order; NULL after the last. */
const struct hf_var_rule *hf_var_rule_at(size_t n);

/* Whether `var` may be written into a store that then holds `vars` (with it, or before it was added). A variable
 * without a row may. HF_EREFUSED "form": the text says what was found instead and what to do; "attributes": others than
 * the row's. */
int hf_var_check(const struct hf_var *var, const struct hf_var *vars, size_t count, struct hf_error *err);

#endif
