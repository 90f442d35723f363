/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenSSL's PKCS #7 as Secure Boot uses it: bare SignedData, every certificate of a list an anchor, no dates. */
#ifndef HF_PKCS7_H
#define HF_PKCS7_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/pkcs7.h>
#include <openssl/x509.h>

/* SignedData with or without a ContentInfo around it; NULL when it is neither. */
PKCS7 *hf_pkcs7_read(const uint8_t *der, size_t size);

/* OpenSSL 3.0's PKCS7_verify() loses memory over a digest that it cannot compute. */
bool hf_pkcs7_can_compute(const PKCS7 *p7);

/* The certificates of the signature lists, each of them an anchor whatever it is for and whatever the time. NULL: out
 * of memory. */
X509_STORE *hf_pkcs7_anchors(const void *lists, size_t size);

#endif
