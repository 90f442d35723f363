/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a guest's Secure Boot lets its firmware run a program: what its db and dbx say of it, by the rules of UEFI
 * and as edk2 reads them. Pure. */
#ifndef HF_IMAGE_TRUST_H
#define HF_IMAGE_TRUST_H

#include <stddef.h>

#include <holdfast/error.h>

#include "key_variable.h"

/* Chains of EFI_SIGNATURE_LIST, as the variables hold them. */
struct hf_trust {
    const void *db, *dbx;
    size_t db_size, dbx_size;
};

/* 0: its digest is in db, or one of its signatures is good and leads to a certificate in db; and dbx has neither its
 * digest, nor a certificate that a signature leads to, nor the digest of one. Stricter than firmware: an entry of dbx
 * counts whatever time it names, and one that cannot be read refuses everything. HF_EREFUSED "secure-boot": the text
 * says which of these it is, and by which entry. `by` (may be NULL) names the entry of db. */
#define HF_IMAGE_ENTRY_SIZE 256
int hf_image_judge(const struct hf_trust *trust, const void *image, size_t size, char by[HF_IMAGE_ENTRY_SIZE],
                   struct hf_error *err);

/* A guest's own db and dbx; they point into its variables. */
struct hf_trust hf_trust_of(const struct hf_var *vars, size_t count);

#endif
