/* SPDX-License-Identifier: BSD-2-Clause */
/* A certificate as far as people want to know it. Firmware looks at the key alone: it ignores the dates. Pure. */
#ifndef HF_CERTIFICATE_H
#define HF_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#define HF_CERTIFICATE_NAME_SIZE 192
#define HF_CERTIFICATE_SHA1      20
#define HF_CERTIFICATE_SHA256    32

struct hf_certificate {
    /* The common name, or the whole name (RFC 2253) where there is none. UTF-8, cut at the size. */
    char subject[HF_CERTIFICATE_NAME_SIZE], issuer[HF_CERTIFICATE_NAME_SIZE];
    uint8_t sha1[HF_CERTIFICATE_SHA1], sha256[HF_CERTIFICATE_SHA256]; /* fingerprints: of the whole certificate */
    int64_t from, until;                                              /* seconds since 1970 */
};

/* HF_EDAMAGED: no X.509 certificate in DER, or something behind it. HF_ENOMEM. */
int hf_certificate_read(const void *der, size_t size, struct hf_certificate *ret, struct hf_error *err);

#endif
