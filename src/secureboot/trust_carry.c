/* SPDX-License-Identifier: BSD-2-Clause */
#include "trust_carry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include <holdfast/var_decode.h>

#include "cleanup.h"
#include "key_variable.h"
#include "pkcs7.h"
#include "sig_chain.h"

enum content { SIGNATURES, SBAT };

/* In this order they are carried: what allows before what forbids. `stays`: lists that cannot be read go over whole. */
static const struct {
    const char *name;
    struct hf_guid vendor;
    enum content content;
    bool stays;
} carried_variables[] = {
    {"db", HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f), SIGNATURES, false},
    {"KEK", HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c), SIGNATURES, false},
    {"dbx", HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f), SIGNATURES, true},
    {"MokListX", HF_GUID(0x605dab50, 0xe046, 0x4300, 0xabb6, 0x3dd810dd8b23), SIGNATURES, true},
    {"SbatLevel", HF_GUID(0x605dab50, 0xe046, 0x4300, 0xabb6, 0x3dd810dd8b23), SBAT, true},
};

/* Whether every signature of `b` is in `a`. */
static bool covers(const struct hf_var *a, const struct hf_var *b)
{
    struct hf_siglist walk = hf_siglist_of(b->data, b->data_size);
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s))
        if (!hf_sig_chain_has(a->data, a->data_size, &s))
            return false;
    return !walk.bad;
}

/* The date in "sbat,1,DATE"; 0 without one. */
static unsigned long sbat_date(const struct hf_var *v)
{
    char line[32] = "";

    memcpy(line, v->data, v->data_size < sizeof line - 1 ? v->data_size : sizeof line - 1);
    return strncmp(line, "sbat,1,", 7) == 0 ? strtoul(line + 7, NULL, 10) : 0;
}

static int put(void *bank, struct hf_varstore *then, const struct hf_var *var, struct hf_error *err)
{
    const struct hf_layout_info *layout = hf_layout_info(then->layout);
    uint32_t most = layout ? hf_layout_variable_max(layout, hf_var_authenticated(var)) : 0;
    size_t size = hf_var_footprint(var, then->authenticated);
    struct hf_error why = {0};

    if (most && size > most)
        return hf_error_refuse(err, "carry",
                               "too large: %zu bytes; firmware of layout %s writes variables of at most %u bytes", size,
                               hf_layout_name(then->layout), most);
    if (hf_varstore_set(bank, then, var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, &why) < 0)
        return hf_error_refuse(err, "carry", "%s", why.text);
    return 0;
}

/* The old list, and behind it what is new; time and attributes are the present ones, so that no older update that
 * somebody signed is accepted again. */
static int put_merged(const struct hf_var *is, void *bank, struct hf_varstore *then, const struct hf_var *was,
                      struct hf_error *err)
{
    struct hf_sig_chain chain;
    struct hf_var merged = *is;
    size_t added;
    int r = hf_sig_chain_load(was->data, was->data_size, &chain, err);

    if (r < 0)
        return r;
    r = hf_sig_chain_merge(&chain, is->data, is->data_size, &added, err);
    merged.data = chain.bytes;
    merged.data_size = (uint32_t)chain.size;
    if (r == 0)
        r = put(bank, then, &merged, err);
    hf_sig_chain_done(&chain);
    return r;
}

static bool same_data(const struct hf_var *a, const struct hf_var *b)
{
    return a->data_size == b->data_size && !memcmp(a->data, b->data, a->data_size);
}

/* 1: something was carried. */
static int carry_one(size_t i, const struct hf_var *is, void *bank, struct hf_varstore *then, struct hf_error *err)
{
    const struct hf_var *was =
        hf_var_named(&carried_variables[i].vendor, carried_variables[i].name, then->vars, then->count);
    bool readable = hf_sig_chain_check(is->data, is->data_size, NULL) == 0;
    int r;

    if (carried_variables[i].content == SBAT)
        r = was && sbat_date(was) >= sbat_date(is) ? 1 : put(bank, then, is, err);
    else if ((was && (covers(was, is) || same_data(was, is))) || (!readable && !carried_variables[i].stays))
        r = 1;
    else if (!was || !readable || covers(is, was) || hf_sig_chain_check(was->data, was->data_size, NULL) < 0)
        r = put(bank, then, is, err);
    else
        r = put_merged(is, bank, then, was, err);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", carried_variables[i].name) : r == 0;
}

/* ---- does db vouch for anything ---- */

static const struct hf_guid image_digest = HF_GUID(0xc1c41626, 0x504c, 0x4092, 0xaca9, 0x41f936934328);

static const struct {
    int nid;
    struct hf_guid type;
} certificate_digests[] = {
    {NID_sha256, HF_GUID(0x3bd2a492, 0x96c0, 0x4079, 0xb420, 0xfcf98ef103ed)},
    {NID_sha384, HF_GUID(0x7076876e, 0x80c2, 0x4ee6, 0xaad2, 0x28b349a6865b)},
    {NID_sha512, HF_GUID(0x446dbf63, 0x2502, 0x4cda, 0xbcfa, 0x2465d2b0fe9d)},
};

/* An entry of dbx begins with these bytes; behind a certificate's digest stands a time. */
static bool begins_with(const struct hf_var *dbx, const struct hf_guid *type, const uint8_t *bytes, size_t size)
{
    struct hf_siglist walk = hf_siglist_of(dbx->data, dbx->data_size);
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s))
        if (hf_guid_equal(&s.type, type) && s.size >= size && memcmp(s.data, bytes, size) == 0)
            return true;
    return false;
}

static bool forbidden_by_digest(X509 *certificate, const struct hf_var *dbx)
{
    uint8_t *body = NULL, digest[EVP_MAX_MD_SIZE];
    int length = i2d_re_X509_tbs(certificate, &body);
    bool found = false;

    for (size_t i = 0; !found && length > 0 && i < HF_ARRAY_SIZE(certificate_digests); i++) {
        unsigned size;

        found = EVP_Digest(body, (size_t)length, digest, &size, EVP_get_digestbynid(certificate_digests[i].nid),
                           NULL) == 1 &&
                begins_with(dbx, &certificate_digests[i].type, digest, size);
    }
    OPENSSL_free(body);
    return found;
}

/* It is in dbx, or one that is has signed it. */
static bool forbidden_by_certificate(X509 *certificate, const struct hf_var *dbx)
{
    X509_STORE *anchors = hf_pkcs7_anchors(dbx->data, dbx->data_size);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool leads = anchors && context && X509_STORE_CTX_init(context, anchors, certificate, NULL) == 1 &&
                 X509_verify_cert(context) == 1;

    X509_STORE_CTX_free(context);
    X509_STORE_free(anchors);
    return leads;
}

static bool counts(const struct hf_signature *s, const struct hf_var *dbx)
{
    const uint8_t *at = s->data;
    X509 *certificate;
    bool good;

    if (hf_guid_equal(&s->type, &image_digest))
        return !dbx || !begins_with(dbx, &s->type, s->data, s->size);
    certificate = hf_guid_equal(&s->type, &hf_sig_x509) ? d2i_X509(NULL, &at, (long)s->size) : NULL;
    good = certificate &&
           (!dbx || (!hf_sig_chain_has(dbx->data, dbx->data_size, s) && !forbidden_by_digest(certificate, dbx) &&
                     !forbidden_by_certificate(certificate, dbx)));
    X509_free(certificate);
    return good;
}

bool hf_trust_vouches(const struct hf_varstore *store)
{
    const struct hf_var *db = hf_key_variable_in(HF_KEY_DB, store->vars, store->count);
    const struct hf_var *dbx = hf_key_variable_in(HF_KEY_DBX, store->vars, store->count);
    struct hf_siglist walk;
    struct hf_signature s;

    if (!db || (dbx && hf_sig_chain_check(dbx->data, dbx->data_size, NULL) < 0))
        return false;
    walk = hf_siglist_of(db->data, db->data_size);
    while (hf_siglist_next(&walk, &s))
        if (counts(&s, dbx))
            return true;
    return false;
}

static int check_result(const struct hf_varstore *now, const struct hf_varstore *then, struct hf_error *err)
{
    struct hf_secure_boot is, becomes;

    hf_secure_boot_read(now, &is);
    hf_secure_boot_read(then, &becomes);
    if (is.enforced != HF_YES)
        return 0;
    if (becomes.enforced != HF_YES)
        return hf_error_refuse(err, "carry", "Secure Boot is on now and would be off with them");
    if (!hf_trust_vouches(then) && hf_trust_vouches(now))
        return hf_error_refuse(err, "carry", "dbx forbids all that db trusts: nothing would boot");
    return 0;
}

int hf_trust_carry(const struct hf_varstore *now, void *bank, struct hf_varstore *then, unsigned flags,
                   char carried[HF_CARRIED_SIZE], struct hf_error *err)
{
    char names[HF_CARRIED_SIZE] = "";

    for (size_t i = 0; i < HF_ARRAY_SIZE(carried_variables); i++) {
        const char *name = carried_variables[i].name;
        const struct hf_var *is = hf_var_named(&carried_variables[i].vendor, name, now->vars, now->count);
        int r;

        if (!is || ((flags & HF_CARRY_OLD_DBX) && strcmp(name, "dbx") == 0))
            continue;
        r = carry_one(i, is, bank, then, err);
        if (r < 0)
            return r;
        if (r > 0)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? ", " : "", name);
    }
    if (!(flags & HF_CARRY_OLD_DBX)) {
        int r = check_result(now, then, err);

        if (r < 0)
            return r;
    }
    memcpy(carried, names, sizeof names);
    return 0;
}
