/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

/* Cut behind a whole character. */
static void copy_text(char out[HF_CERTIFICATE_NAME_SIZE], const uint8_t *text, size_t n)
{
    if (n > HF_CERTIFICATE_NAME_SIZE - 1) {
        n = HF_CERTIFICATE_NAME_SIZE - 1;
        while (n && (text[n] & 0xC0) == 0x80)
            n--;
    }
    if (n)
        memcpy(out, text, n); /* of a name that could not be printed there is no text at all */
    out[n] = '\0';
}

static void whole_name(const X509_NAME *name, char out[HF_CERTIFICATE_NAME_SIZE])
{
    BIO *text = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long n = 0;

    if (text && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
        n = BIO_get_mem_data(text, &bytes);
    copy_text(out, (const uint8_t *)bytes, n > 0 ? (size_t)n : 0);
    BIO_free(text);
}

static void name_text(const X509_NAME *name, char out[HF_CERTIFICATE_NAME_SIZE])
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1), n = -1;
    uint8_t *utf8 = NULL;

    if (at >= 0)
        n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (n > 0 && !memchr(utf8, 0, (size_t)n))
        copy_text(out, utf8, (size_t)n);
    else
        whole_name(name, out);
    OPENSSL_free(utf8);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm;

    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* The same few certificates are in every store, and libcrypto takes a large part of a millisecond for each, because it
 * decodes the key, too. What was read last is kept by its digest, a thread's own. */
#define KEPT 16
static _Thread_local struct hf_certificate kept[KEPT];
static _Thread_local unsigned kept_count;

static const struct hf_certificate *find_kept(const uint8_t sha256[HF_CERTIFICATE_SHA256])
{
    for (unsigned i = 0; i < KEPT && i < kept_count; i++)
        if (memcmp(kept[i].sha256, sha256, HF_CERTIFICATE_SHA256) == 0)
            return &kept[i];
    return NULL;
}

static int read_new(const void *der, size_t size, struct hf_certificate *ret, struct hf_error *err)
{
    const uint8_t *at = (const uint8_t *)der;
    X509 *x = size <= INT_MAX ? d2i_X509(NULL, &at, (long)size) : NULL;

    ERR_clear_error();
    if (!x)
        return hf_error_set(err, HF_EDAMAGED, "not an X.509 certificate (%zu bytes)", size);
    if (at != (const uint8_t *)der + size) {
        X509_free(x);
        return hf_error_set(err, HF_EDAMAGED, "%zu extra bytes after an X.509 certificate",
                            size - (size_t)(at - (const uint8_t *)der));
    }
    memset(ret, 0, sizeof *ret);
    name_text(X509_get_subject_name(x), ret->subject);
    name_text(X509_get_issuer_name(x), ret->issuer);
    ret->from = seconds_of(X509_get0_notBefore(x));
    ret->until = seconds_of(X509_get0_notAfter(x));
    (void)SHA1((const uint8_t *)der, size, ret->sha1);
    X509_free(x);
    ERR_clear_error();
    return 0;
}

int hf_certificate_read(const void *der, size_t size, struct hf_certificate *ret, struct hf_error *err)
{
    uint8_t sha256[HF_CERTIFICATE_SHA256];
    const struct hf_certificate *old;
    int r;

    (void)SHA256((const uint8_t *)der, size, sha256);
    old = find_kept(sha256);
    if (old) {
        *ret = *old;
        return 0;
    }
    r = read_new(der, size, ret, err);
    if (r < 0)
        return r;
    memcpy(ret->sha256, sha256, sizeof sha256);
    kept[kept_count++ % KEPT] = *ret;
    return 0;
}
