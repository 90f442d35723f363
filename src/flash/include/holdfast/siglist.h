/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys and hashes in PK, KEK, db, dbx, MokList: a row of EFI_SIGNATURE_LISTs, each a row of signatures of one
 * size. Freestanding; everything points into the caller's bytes.
 */
#ifndef HOLDFAST_SIGLIST_H
#define HOLDFAST_SIGLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/guid.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hf_signature {
    struct hf_guid type;  /* EfiCertX509, EfiCertSha256, ... */
    struct hf_guid owner; /* who enrolled it, by its own word */
    const uint8_t *data;
    uint32_t size;
};

struct hf_siglist {
    const uint8_t *bytes;
    size_t size, at, list_end; /* not for callers */
    struct hf_guid type;
    uint32_t each;
    bool bad; /* the walk ended because sizes do not add up */
};

HF_PUBLIC struct hf_siglist hf_siglist_of(const void *bytes, size_t size);
/* False at the end; then look at list->bad. */
HF_PUBLIC bool hf_siglist_next(struct hf_siglist *list, struct hf_signature *signature);

/* The common name in a certificate's subject, as UTF-8; false when it has no simple one. */
HF_PUBLIC bool hf_certificate_name(const uint8_t *der, size_t size, char *name, size_t name_size);

#ifdef __cplusplus
}
#endif
#endif
