/* SPDX-License-Identifier: BSD-2-Clause */
/* A UEFI program (PE/COFF) as Secure Boot sees it: the bytes that its signatures are over, and the signatures. Pure;
 * everything points into the caller's bytes. */
#ifndef HF_PE_IMAGE_H
#define HF_PE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#define HF_PE_SECTIONS_MAX 96

struct hf_pe_range {
    size_t at, size;
};

struct hf_pe_image {
    const uint8_t *bytes;
    struct hf_pe_range hashed[HF_PE_SECTIONS_MAX + 4]; /* what a signature is over, in this order */
    size_t count;
    struct hf_pe_range table; /* of signatures; empty: there are none */
};

/* HF_EREFUSED "secure-boot": nothing that firmware could load and check; the text says why. */
int hf_pe_open(const void *bytes, size_t size, struct hf_pe_image *ret, struct hf_error *err);

/* The next PKCS #7 signature of the table; *at counts on from 0. False at the end. */
bool hf_pe_next_signature(const struct hf_pe_image *pe, size_t *at, struct hf_pe_range *pkcs7);

#endif
