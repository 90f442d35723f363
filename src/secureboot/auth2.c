/* SPDX-License-Identifier: BSD-2-Clause */
#include "auth2.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <holdfast/endian.h>

#include "certificate.h"
#include "cleanup.h"
#include "cursor.h"
#include "pkcs7.h"

struct header {
    uint8_t time[16];
    hf_le32 length; /* of all that follows the time, up to the payload */
    hf_le16 revision, type;
    struct hf_guid kind;
};
_Static_assert(sizeof(struct header) == 40, "EFI_VARIABLE_AUTHENTICATION_2 without its signature");

enum {
    REVISION = 0x0200,
    TYPE = 0x0EF1, /* WIN_CERT_TYPE_EFI_GUID */
    BEFORE_SIGNATURE = sizeof(struct header) - 16,
};

static const struct hf_guid pkcs7_kind = HF_GUID(0x4aafd29d, 0x68df, 0x49ee, 0x8aa9, 0x347d375665a7);

bool hf_auth2_is(const void *bytes, size_t size)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct header h;

    hf_cursor_copy(&c, &h, sizeof h);
    return !c.bad && hf_le16_get(h.type) == TYPE && hf_guid_equal(&h.kind, &pkcs7_kind);
}

int hf_auth2_open(const void *bytes, size_t size, struct hf_auth2 *ret, struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct hf_auth2 update;
    struct header h;
    uint32_t length;

    hf_cursor_copy(&c, &h, sizeof h);
    if (c.bad)
        return hf_error_set(err, HF_EDAMAGED, "signed update: truncated: %zu bytes; its header has %zu", size,
                            sizeof h);
    if (hf_le16_get(h.type) != TYPE || !hf_guid_equal(&h.kind, &pkcs7_kind))
        return hf_error_set(err, HF_EDAMAGED, "signed update: unsupported type of signature");
    if (hf_le16_get(h.revision) != REVISION)
        return hf_error_set(err, HF_EDAMAGED,
                            "signed update: unsupported signature revision 0x%04x; supported is 0x%04x",
                            hf_le16_get(h.revision), REVISION);
    length = hf_le32_get(h.length);
    if (length <= BEFORE_SIGNATURE || length - BEFORE_SIGNATURE > hf_cursor_left(&c))
        return hf_error_set(err, HF_EDAMAGED, "signed update: invalid signature size of %u bytes in a file of %zu",
                            length, size);
    update.time = (const uint8_t *)bytes;
    update.signature_size = length - BEFORE_SIGNATURE;
    update.signature = hf_cursor_take(&c, update.signature_size);
    update.payload_size = hf_cursor_left(&c);
    update.payload = hf_cursor_take(&c, update.payload_size);
    *ret = update;
    return 0;
}

/* The first signer's certificate; belongs to p7. */
static X509 *signer_of(PKCS7 *p7)
{
    STACK_OF(X509) *signers = p7 ? PKCS7_get0_signers(p7, NULL, 0) : NULL;
    X509 *first = signers && sk_X509_num(signers) > 0 ? sk_X509_value(signers, 0) : NULL;

    sk_X509_free(signers);
    return first;
}

static void name_signer(PKCS7 *p7, char signer[HF_AUTH2_SIGNER_SIZE])
{
    X509 *x = signer_of(p7);
    struct hf_certificate c = {.subject = ""};
    uint8_t *der = NULL;
    int n = x ? i2d_X509(x, &der) : 0;

    if (n > 0)
        (void)hf_certificate_read(der, (size_t)n, &c, NULL);
    memcpy(signer, c.subject, HF_AUTH2_SIGNER_SIZE);
    OPENSSL_free(der);
}
_Static_assert(HF_AUTH2_SIGNER_SIZE == HF_CERTIFICATE_NAME_SIZE, "a signer is a subject");

void hf_auth2_signer(const struct hf_auth2 *update, char signer[HF_AUTH2_SIGNER_SIZE])
{
    PKCS7 *p7 = hf_pkcs7_read(update->signature, update->signature_size);

    name_signer(p7, signer);
    PKCS7_free(p7);
    ERR_clear_error();
}

/* What is signed: name, vendor, attributes, time, payload. */
static BIO *statement_of(const struct hf_auth2 *update, const struct hf_auth2_target *target, uint8_t **bytes)
{
    hf_le32 attributes = hf_le32_of(target->attributes);
    const struct {
        const void *bytes;
        size_t size;
    } parts[] = {{target->name, target->name_size},
                 {&target->vendor, sizeof target->vendor},
                 {&attributes, sizeof attributes},
                 {update->time, 16},
                 {update->payload, update->payload_size}};
    size_t size = 0, at = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(parts); i++)
        size += parts[i].size;
    *bytes = (uint8_t *)malloc(size);
    for (size_t i = 0; *bytes && i < HF_ARRAY_SIZE(parts); i++) {
        if (parts[i].size)
            memcpy(*bytes + at, parts[i].bytes, parts[i].size);
        at += parts[i].size;
    }
    return *bytes && size <= INT32_MAX ? BIO_new_mem_buf(*bytes, (int)size) : NULL;
}

/* edk2 takes SHA-256, and newer builds SHA-384 and SHA-512. */
static bool digest_is_supported(const PKCS7 *p7)
{
    STACK_OF(X509_ALGOR) *all = p7->d.sign->md_algs;
    const ASN1_OBJECT *algorithm;
    int nid;

    if (sk_X509_ALGOR_num(all) != 1)
        return false;
    X509_ALGOR_get0(&algorithm, NULL, NULL, sk_X509_ALGOR_value(all, 0));
    nid = OBJ_obj2nid(algorithm);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

static int judge(PKCS7 *p7, X509_STORE *anchors, BIO *statement, struct hf_error *err)
{
    char signer[HF_AUTH2_SIGNER_SIZE];

    if (!p7)
        return hf_error_refuse(err, "signature", "signed update: its signature cannot be read");
    name_signer(p7, signer);
    if (!digest_is_supported(p7) || !hf_pkcs7_can_compute(p7))
        return hf_error_refuse(err, "signature",
                               "signed update: signed by '%s' with a digest that firmware does not support", signer);
    if (!anchors || !statement)
        return hf_error_nomem(err);
    if (PKCS7_verify(p7, NULL, anchors, statement, NULL, PKCS7_BINARY) == 1)
        return 0;
    if (ERR_GET_REASON(ERR_peek_last_error()) == PKCS7_R_CERTIFICATE_VERIFY_ERROR)
        return hf_error_refuse(err, "signature", "signed update: signed by '%s', which no key of the guest trusts",
                               signer);
    return hf_error_refuse(err, "signature",
                           "signed update: the signature by '%s' does not match: the bytes were changed, or the update "
                           "is for another variable",
                           signer);
}

int hf_auth2_verify(const struct hf_auth2 *update, const struct hf_auth2_target *target, const void *keys,
                    size_t keys_size, struct hf_error *err)
{
    PKCS7 *p7 = hf_pkcs7_read(update->signature, update->signature_size);
    X509_STORE *anchors = hf_pkcs7_anchors(keys, keys_size);
    uint8_t *bytes = NULL;
    BIO *statement = statement_of(update, target, &bytes);
    int r = judge(p7, anchors, statement, err);

    BIO_free(statement);
    free(bytes);
    X509_STORE_free(anchors);
    PKCS7_free(p7);
    ERR_clear_error();
    return r;
}
