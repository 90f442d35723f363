/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates that many guests have, known by their digest: what each is for, what replaces it, and those that
 * `keys update --set` can add. Pure.
 */
#ifndef HF_KNOWN_CERTIFICATE_H
#define HF_KNOWN_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/guid.h>

#include "certificate.h"
#include "key_variable.h"

struct hf_known_certificate {
    const char *name;              /* the subject's common name */
    const char *sha256;            /* 64 digits */
    enum hf_key_variable variable; /* where it belongs */
    const char *signs;             /* what it signs */
    const char *file;              /* in data/certificates; NULL: not built in */
    bool microsoft;                /* Microsoft has its key */
    bool of_2011;                  /* Microsoft's first generation, expired in 2026 */
    bool public_key;               /* everybody has its private key: it protects nothing */
    const char *successor;         /* the file of the one that signs what it signed before it expired */
    const char *optional;          /* the same for what few guests have; NULL */
};

/* NULL: not known. */
const struct hf_known_certificate *hf_known_certificate_find(const uint8_t sha256[HF_CERTIFICATE_SHA256]);
const struct hf_known_certificate *hf_known_certificate_of_file(const char *file);

/* The nth row; NULL after the last. */
const struct hf_known_certificate *hf_known_certificate_at(size_t n);

/* Its bytes; false when they are not built in. */
bool hf_known_certificate_der(const struct hf_known_certificate *known, const uint8_t **der, size_t *size);

/* Whether the private key of a certificate is public: by digest, or because its name says so ("DO NOT TRUST", of which
 * there are many). */
bool hf_certificate_key_is_public(const struct hf_certificate *certificate);

/* What `keys update --set NAME` adds. */
#define HF_KEY_SET_MAX 4
struct hf_key_set {
    const char *name, *help;
    const char *files[HF_KEY_SET_MAX + 1]; /* ends with NULL */
};
extern const struct hf_key_set hf_key_sets[]; /* ends with a NULL name */
#define HF_KEY_SET_WORDS "microsoft microsoft-2011 windows option-rom oem-pk"
const struct hf_key_set *hf_key_set_find(const char *name);

/* The owner that Microsoft's certificates are enrolled under. */
extern const struct hf_guid hf_owner_microsoft;

#endif
