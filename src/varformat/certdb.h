/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `certdb`: in an authenticated store, firmware's note of who may change each variable that no key of Secure Boot
 * governs: a total size, then nodes {vendor GUID, node size, name characters, digest size, name without NUL, digest}.
 * QEMU's uefi-vars keeps the digest with the variable instead.
 */
#ifndef HF_CERTDB_H
#define HF_CERTDB_H

#include "var_set.h"

#define HF_CERTDB_DIGEST 32 /* SHA-256 */

/* The digest noted for `var` in certdb's data; NULL when there is none (or the data make no sense). Points into it. */
const uint8_t *hf_certdb_find(const struct hf_var *certdb, const struct hf_var *var);

/* Whether the sizes inside add up. */
bool hf_certdb_valid(const void *data, size_t size);

/* Whether it notes something that hf_certdb_find() finds for none of `vars`. */
bool hf_certdb_other(const struct hf_var *certdb, const struct hf_var *vars, size_t count);

/* The variable itself in a set; NULL when there is none. */
const struct hf_var *hf_certdb_in(const struct hf_var *vars, size_t count);

/* Notes a digest: appends a node to the set's certdb, which is made when missing. HF_ENOMEM. */
int hf_certdb_note(struct hf_var_set *set, const struct hf_var *var, const uint8_t digest[HF_CERTDB_DIGEST],
                   struct hf_error *err);

#endif
