/* SPDX-License-Identifier: BSD-2-Clause */
#include "pkcs7.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cleanup.h"
#include "sig_chain.h"

/* ContentInfo ::= SEQUENCE { OBJECT IDENTIFIER signedData, [0] EXPLICIT SignedData } */
static const uint8_t signed_data[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02};

static PKCS7 *parse(const uint8_t *der, size_t size)
{
    const uint8_t *at = der;
    PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)size);

    if (p7 && PKCS7_type_is_signed(p7) && p7->d.sign)
        return p7;
    PKCS7_free(p7);
    return NULL;
}

/* Tag and length of a DER element of `n` bytes; as many bytes are written as are returned (at most 5). */
static size_t put_head(uint8_t *out, uint8_t tag, size_t n)
{
    uint8_t bytes[] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    size_t skip = n >> 16 ? 0 : n >> 8 ? 1 : 2, count = sizeof bytes - skip;

    out[0] = tag;
    if (n < 0x80) {
        out[1] = (uint8_t)n;
        return 2;
    }
    out[1] = (uint8_t)(0x80 | count);
    memcpy(out + 2, bytes + skip, count);
    return 2 + count;
}

static PKCS7 *parse_bare(const uint8_t *der, size_t size)
{
    hf_auto(hf_cleanup_free) uint8_t *whole = (uint8_t *)malloc(size + sizeof signed_data + 16);
    uint8_t inner[5];
    size_t n = put_head(inner, 0xA0, size), at;

    if (!whole)
        return NULL;
    at = put_head(whole, 0x30, sizeof signed_data + n + size);
    memcpy(whole + at, signed_data, sizeof signed_data);
    memcpy(whole + at + sizeof signed_data, inner, n);
    memcpy(whole + at + sizeof signed_data + n, der, size);
    return parse(whole, at + sizeof signed_data + n + size);
}

PKCS7 *hf_pkcs7_read(const uint8_t *der, size_t size)
{
    PKCS7 *p7;

    if (size > HF_SIG_CHAIN_MAX) /* no variable's signature; and the length of put_head() */
        return NULL;
    p7 = parse_bare(der, size);
    if (!p7)
        p7 = parse(der, size);
    ERR_clear_error();
    return p7;
}

bool hf_pkcs7_can_compute(const PKCS7 *p7)
{
    STACK_OF(X509_ALGOR) *all = p7->d.sign->md_algs;
    bool good = true;

    for (int i = 0; good && i < sk_X509_ALGOR_num(all); i++) {
        const ASN1_OBJECT *algorithm;
        char name[100];
        EVP_MD *md;

        X509_ALGOR_get0(&algorithm, NULL, NULL, sk_X509_ALGOR_value(all, i));
        md = OBJ_obj2txt(name, sizeof name, algorithm, 0) > 0 ? EVP_MD_fetch(NULL, name, NULL) : NULL;
        good = md != NULL;
        EVP_MD_free(md);
    }
    return good;
}

X509_STORE *hf_pkcs7_anchors(const void *lists, size_t size)
{
    struct hf_siglist walk = hf_siglist_of(lists, size);
    X509_STORE *store = X509_STORE_new();
    struct hf_signature s;

    while (store && hf_siglist_next(&walk, &s)) {
        const uint8_t *at = s.data;
        X509 *certificate = hf_guid_equal(&s.type, &hf_sig_x509) ? d2i_X509(NULL, &at, (long)s.size) : NULL;

        if (certificate)
            (void)X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
    }
    if (store) {
        (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        (void)X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
    }
    return store;
}
