/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signature lists as they are written: a chain of EFI_SIGNATURE_LIST that owns its bytes and grows. Reading is
 * holdfast/siglist.h's. Two signatures are the same when type and data are; who enrolled them does not matter.
 *
 * Merging keeps what was there byte for byte where it can: what is new comes behind all else, a digest into the
 * last list when that has the same type and size.
 */
#ifndef HF_SIG_CHAIN_H
#define HF_SIG_CHAIN_H

#include <holdfast/error.h>
#include <holdfast/siglist.h>

#define HF_SIG_CHAIN_MAX (1u << 20) /* bytes; more fits into no variable store */

struct hf_sig_chain {
    uint8_t *bytes; /* NULL: empty */
    size_t size, room;
};

void hf_sig_chain_done(struct hf_sig_chain *chain);

/* Whether the sizes of all lists add up. HF_EDAMAGED: the text has the offset. */
int hf_sig_chain_check(const void *bytes, size_t size, struct hf_error *err);

/* A copy of a chain that somebody else wrote. HF_EDAMAGED, HF_ENOMEM. */
int hf_sig_chain_load(const void *bytes, size_t size, struct hf_sig_chain *ret, struct hf_error *err);

/* Puts one signature behind all others, whether it is there or not. On failure the chain is as before. HF_ENOMEM;
 * HF_ENOSPC: the chain would be longer than HF_SIG_CHAIN_MAX. */
int hf_sig_chain_add(struct hf_sig_chain *chain, const struct hf_signature *signature, struct hf_error *err);

/* As far as the chain can be read. */
bool hf_sig_chain_has(const void *bytes, size_t size, const struct hf_signature *signature);

/* Adds the signatures of `bytes` that are missing, in their order; *added counts them. HF_EDAMAGED; as
 * hf_sig_chain_add(), but then some may have been added. */
int hf_sig_chain_merge(struct hf_sig_chain *chain, const void *bytes, size_t size, size_t *added, struct hf_error *err);

extern const struct hf_guid hf_sig_x509;   /* EFI_CERT_X509_GUID */
extern const struct hf_guid hf_sig_sha256; /* EFI_CERT_SHA256_GUID */

#endif
