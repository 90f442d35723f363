/* SPDX-License-Identifier: BSD-2-Clause */
#include "image_trust.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "certificate.h"
#include "cleanup.h"
#include "pe_image.h"
#include "pkcs7.h"
#include "sig_chain.h"

#define SIGNED_STATEMENT "1.3.6.1.4.1.311.2.1.4" /* SPC_INDIRECT_DATA: a digest of a program */
#define NAME_MAX_SIZE    100

struct list {
    const void *bytes;
    size_t size;
};

struct judge {
    const struct hf_pe_image *image;
    struct list db, dbx;
};

/* One signature, taken apart. */
struct signature {
    PKCS7 *p7;
    const uint8_t *statement; /* what is signed: the digest of the program, and of what kind it is */
    long size;
    char signer[NAME_MAX_SIZE];
};

/* What a list can name by digest: a program, a certificate. */
static const struct {
    int nid;
    struct hf_guid of_image, of_certificate;
} digests[] = {
    {NID_sha256, HF_GUID(0xc1c41626, 0x504c, 0x4092, 0xaca9, 0x41f936934328),
     HF_GUID(0x3bd2a492, 0x96c0, 0x4079, 0xb420, 0xfcf98ef103ed)},
    {NID_sha384, HF_GUID(0xff3e5307, 0x9fd0, 0x48c9, 0x85f1, 0x8ad56c701e01),
     HF_GUID(0x7076876e, 0x80c2, 0x4ee6, 0xaad2, 0x28b349a6865b)},
    {NID_sha512, HF_GUID(0x093e0fae, 0xa6c4, 0x4f50, 0x9f1b, 0xd41e2b89c19a),
     HF_GUID(0x446dbf63, 0x2502, 0x4cda, 0xbcfa, 0x2465d2b0fe9d)},
};

/* ---- the lists ---- */

/* An entry's data begins with these bytes; behind a certificate's digest stands a time. */
static bool has_entry(struct list l, const struct hf_guid *type, const uint8_t *data, size_t size)
{
    struct hf_siglist walk = hf_siglist_of(l.bytes, l.size);
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s)) {
        if (hf_guid_equal(&s.type, type) && s.size >= size && memcmp(s.data, data, size) == 0)
            return true;
    }
    return false;
}

static bool is_readable(struct list l)
{
    struct hf_siglist walk = hf_siglist_of(l.bytes, l.size);
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s))
        continue;
    return !walk.bad;
}

/* ---- the program ---- */

static bool digest_of(const struct hf_pe_image *image, const EVP_MD *md, uint8_t out[EVP_MAX_MD_SIZE], unsigned *size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && md && EVP_DigestInit_ex(context, md, NULL);

    for (size_t i = 0; good && i < image->count; i++)
        good = EVP_DigestUpdate(context, image->bytes + image->hashed[i].at, image->hashed[i].size) == 1;
    good = good && EVP_DigestFinal_ex(context, out, size) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* The first `kinds` of digests are looked at. */
static bool named_by_digest(const struct judge *j, struct list l, size_t kinds)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size;

    for (size_t i = 0; i < kinds; i++) {
        if (digest_of(j->image, EVP_get_digestbynid(digests[i].nid), digest, &size) &&
            has_entry(l, &digests[i].of_image, digest, size))
            return true;
    }
    return false;
}

/* ---- a signature ---- */

static void name_signer(PKCS7 *p7, char name[NAME_MAX_SIZE])
{
    STACK_OF(X509) *signers = PKCS7_get0_signers(p7, NULL, 0);
    BIO *text = BIO_new(BIO_s_mem());
    int n = 0;

    if (signers && sk_X509_num(signers) > 0 && text &&
        X509_NAME_print_ex(text, X509_get_subject_name(sk_X509_value(signers, 0)), 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_read(text, name, NAME_MAX_SIZE - 1);
    name[n > 0 ? n : 0] = '\0';
    sk_X509_free(signers);
    BIO_free(text);
}

/* False: that is no signature of a program. */
static bool take_apart(const uint8_t *bytes, size_t size, struct signature *s)
{
    ASN1_OBJECT *wanted = OBJ_txt2obj(SIGNED_STATEMENT, 1);
    const ASN1_TYPE *statement = NULL;
    int tag, class;

    *s = (struct signature){.p7 = d2i_PKCS7(NULL, &bytes, (long)size)};
    if (s->p7 && PKCS7_type_is_signed(s->p7) && s->p7->d.sign && s->p7->d.sign->contents && wanted &&
        OBJ_cmp(s->p7->d.sign->contents->type, wanted) == 0)
        statement = s->p7->d.sign->contents->d.other;
    ASN1_OBJECT_free(wanted);
    if (!statement || statement->type != V_ASN1_SEQUENCE)
        return false;
    s->statement = statement->value.sequence->data;
    /* The outer sequence's own tag and length are not signed. */
    if (ASN1_get_object(&s->statement, &s->size, &tag, &class, statement->value.sequence->length) & 0x80)
        return false;
    name_signer(s->p7, s->signer);
    return true;
}

/* The digest that was signed is this program's. */
static bool is_of_image(const struct signature *s, const struct hf_pe_image *image)
{
    const uint8_t *at = s->statement, *end = at + s->size;
    const ASN1_OCTET_STRING *signed_digest;
    const X509_ALGOR *how;
    const ASN1_OBJECT *algorithm;
    uint8_t digest[EVP_MAX_MD_SIZE];
    X509_SIG *info = NULL;
    unsigned size;
    long length;
    int tag, class;
    bool same = false;

    if (!(ASN1_get_object(&at, &length, &tag, &class, s->size) & 0x80)) { /* what kind of program it is */
        at += length;
        info = d2i_X509_SIG(NULL, &at, end - at);
    }
    if (info) {
        X509_SIG_get0(info, &how, &signed_digest);
        X509_ALGOR_get0(&algorithm, NULL, NULL, how);
        same = digest_of(image, EVP_get_digestbyobj(algorithm), digest, &size) &&
               ASN1_STRING_length(signed_digest) == (int)size &&
               memcmp(ASN1_STRING_get0_data(signed_digest), digest, size) == 0;
    }
    X509_SIG_free(info);
    return same;
}

/* The signature is good, and leads to a certificate of the lists. */
static bool leads_to(const struct signature *s, struct list l)
{
    X509_STORE *anchors = hf_pkcs7_anchors(l.bytes, l.size);
    BIO *statement = BIO_new_mem_buf(s->statement, (int)s->size);
    bool good = anchors && statement && hf_pkcs7_can_compute(s->p7) &&
                PKCS7_verify(s->p7, NULL, anchors, statement, NULL, PKCS7_BINARY) == 1;

    BIO_free(statement);
    X509_STORE_free(anchors);
    return good;
}

/* Which of the certificates that is: the first that suffices alone. */
static void name_entry(const struct signature *s, struct list l, char by[HF_IMAGE_ENTRY_SIZE])
{
    struct hf_siglist walk = hf_siglist_of(l.bytes, l.size);
    struct hf_signature entry;

    while (hf_siglist_next(&walk, &entry)) {
        struct hf_sig_chain one = {0};
        struct hf_certificate c;
        bool found = hf_guid_equal(&entry.type, &hf_sig_x509) &&
                     hf_certificate_read(entry.data, entry.size, &c, NULL) == 0 &&
                     hf_sig_chain_add(&one, &entry, NULL) == 0 && leads_to(s, (struct list){one.bytes, one.size});

        hf_sig_chain_done(&one);
        if (!found)
            continue;
        (void)snprintf(by, HF_IMAGE_ENTRY_SIZE, "certificate '%s'", c.subject);
        return;
    }
}

/* The list has the digest of a certificate that came with the signature. */
static bool has_certificate(const struct signature *s, struct list l)
{
    STACK_OF(X509) *all = s->p7->d.sign->cert;
    bool found = false;

    for (int i = 0; !found && i < sk_X509_num(all); i++) {
        uint8_t *body = NULL, digest[EVP_MAX_MD_SIZE];
        int length = i2d_re_X509_tbs(sk_X509_value(all, i), &body);

        for (size_t k = 0; !found && length > 0 && k < HF_ARRAY_SIZE(digests); k++) {
            unsigned size;

            found = EVP_Digest(body, (size_t)length, digest, &size, EVP_get_digestbynid(digests[k].nid), NULL) == 1 &&
                    has_entry(l, &digests[k].of_certificate, digest, size);
        }
        OPENSSL_free(body);
    }
    return found;
}

/* ---- the verdict ---- */

/* 0: vouched for. Positive: not by this one, and *why has the words. */
static int judge_signature(const struct judge *j, const struct hf_pe_range *range, char by[HF_IMAGE_ENTRY_SIZE],
                           struct hf_error *why)
{
    char entry[HF_IMAGE_ENTRY_SIZE] = "digest of a certificate";
    struct signature s;
    int r = 1;

    if (!take_apart(j->image->bytes + range->at, range->size, &s))
        (void)hf_error_refuse(why, "secure-boot", "its signature cannot be read");
    else if (!is_of_image(&s, j->image))
        (void)hf_error_refuse(why, "secure-boot",
                              "the signature by '%s' does not match: the file was changed, or bytes were appended",
                              s.signer);
    else if (leads_to(&s, j->dbx) || has_certificate(&s, j->dbx)) {
        name_entry(&s, j->dbx, entry);
        r = hf_error_refuse(why, "secure-boot", "the guest's dbx forbids what '%s' signed (%s)", s.signer, entry);
    } else if (!leads_to(&s, j->db))
        (void)hf_error_refuse(why, "secure-boot", "it is signed by '%s', which no certificate in the guest's db trusts",
                              s.signer);
    else {
        name_entry(&s, j->db, by);
        r = 0;
    }
    PKCS7_free(s.p7);
    ERR_clear_error();
    return r;
}

static int judge_image(const struct judge *j, char by[HF_IMAGE_ENTRY_SIZE], struct hf_error *err)
{
    struct hf_error why = {0};
    struct hf_pe_range signature;
    bool vouched = named_by_digest(j, j->db, 1);
    size_t at = 0;

    (void)hf_error_refuse(&why, "secure-boot", "it is not signed, and the guest's db does not have its digest");
    if (!is_readable(j->dbx))
        return hf_error_refuse(err, "secure-boot", "the guest's dbx cannot be read");
    if (named_by_digest(j, j->dbx, HF_ARRAY_SIZE(digests)))
        return hf_error_refuse(err, "secure-boot", "the guest's dbx has its digest");
    if (vouched)
        (void)snprintf(by, HF_IMAGE_ENTRY_SIZE, "its digest");
    while (hf_pe_next_signature(j->image, &at, &signature)) {
        int r = judge_signature(j, &signature, by, &why);

        if (r < 0)
            return hf_error_refuse(err, "secure-boot", "%s", why.text);
        vouched = vouched || r == 0;
    }
    return vouched ? 0 : hf_error_refuse(err, "secure-boot", "%s", why.text);
}

int hf_image_judge(const struct hf_trust *trust, const void *image, size_t size, char by[HF_IMAGE_ENTRY_SIZE],
                   struct hf_error *err)
{
    hf_auto(hf_cleanup_free) struct hf_pe_image *pe = (struct hf_pe_image *)malloc(sizeof *pe);
    struct judge j = {.image = pe, .db = {trust->db, trust->db_size}, .dbx = {trust->dbx, trust->dbx_size}};
    char found[HF_IMAGE_ENTRY_SIZE] = "";
    int r = pe ? hf_pe_open(image, size, pe, err) : hf_error_nomem(err);

    if (r == 0)
        r = judge_image(&j, found, err);
    if (r == 0 && by)
        memcpy(by, found, HF_IMAGE_ENTRY_SIZE);
    return r;
}

struct hf_trust hf_trust_of(const struct hf_var *vars, size_t count)
{
    const struct hf_var *db = hf_key_variable_in(HF_KEY_DB, vars, count);
    const struct hf_var *dbx = hf_key_variable_in(HF_KEY_DBX, vars, count);

    return (struct hf_trust){.db = db ? db->data : NULL,
                             .dbx = dbx ? dbx->data : NULL,
                             .db_size = db ? db->data_size : 0,
                             .dbx_size = dbx ? dbx->data_size : 0};
}
