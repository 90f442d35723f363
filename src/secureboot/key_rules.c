/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_rules.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "cleanup.h"
#include "known_certificate.h"

const char *const hf_key_rule_names[HF_KEY_RULES + 1] = {
    [HF_RULE_MANAGED] = "managed",     [HF_RULE_DB_BEFORE_DBX] = "db-before-dbx",
    [HF_RULE_ROOM] = "room",           [HF_RULE_VARIABLE_LIMIT] = "variable-limit",
    [HF_RULE_SIGNATURE] = "signature", [HF_RULE_OLD_UPDATE] = "old-update",
};

/* ---- before ---- */

static bool adds(const struct hf_key_request *request, enum hf_key_variable v)
{
    for (size_t i = 0; i < request->count; i++)
        if (request->additions[i].variable == v)
            return true;
    return false;
}

static bool adds_wholesale(const struct hf_key_request *request)
{
    for (size_t i = 0; i < request->count; i++)
        if (request->additions[i].wholesale)
            return true;
    return false;
}

int hf_key_rules_before(const struct hf_var *vars, size_t count, const struct hf_key_request *request,
                        struct hf_error *err)
{
    struct hf_key_state state;
    int r = hf_key_state_read(vars, count, &state, err);

    if (r < 0)
        return r;
    if (state.mode == HF_KEYS_SETUP && !adds(request, HF_KEY_PK))
        r = hf_error_refuse(
            err, "setup-mode",
            "PK: missing: without one firmware enforces nothing; add a PK too (--pk FILE, --set oem-pk)");
    else if (state.verdict == HF_KEYS_MANAGED && adds_wholesale(request) && !request->allow[HF_RULE_MANAGED])
        r = hf_error_refuse(err, hf_key_rule_names[HF_RULE_MANAGED],
                            "PK is '%s' and KEK has no key of Microsoft's: the owner of these keys manages them; add "
                            "to them with --allow managed",
                            state.lists[HF_KEY_PK].certificates[0].certificate.subject);
    hf_key_state_done(&state);
    return r;
}

/* ---- after ---- */

/* The digest of a certificate's signed part, by which dbx can name it. */
static bool body_digest(const uint8_t *der, size_t size, uint8_t out[SHA256_DIGEST_LENGTH])
{
    const uint8_t *at = der;
    X509 *x = d2i_X509(NULL, &at, (long)size);
    uint8_t *body = NULL;
    int n = x ? i2d_re_X509_tbs(x, &body) : 0;

    if (n > 0)
        (void)SHA256(body, (size_t)n, out);
    OPENSSL_free(body);
    X509_free(x);
    ERR_clear_error();
    return n > 0;
}

static bool revokes(const void *dbx, size_t dbx_size, const uint8_t *der, size_t size)
{
    static const struct hf_guid x509_sha256 = HF_GUID(0x3bd2a492, 0x96c0, 0x4079, 0xb420, 0xfcf98ef103ed);
    struct hf_siglist walk = hf_siglist_of(dbx, dbx_size);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    bool have = body_digest(der, size, digest);
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s)) {
        if (hf_guid_equal(&s.type, &hf_sig_x509) && s.size == size && memcmp(s.data, der, size) == 0)
            return true;
        if (have && hf_guid_equal(&s.type, &x509_sha256) && s.size >= sizeof digest &&
            memcmp(s.data, digest, sizeof digest) == 0)
            return true;
    }
    return false;
}

static bool has_built_in(const struct hf_sig_chain *db, const char *file)
{
    struct hf_signature s = {.type = hf_sig_x509};
    size_t size;

    if (!hf_known_certificate_der(hf_known_certificate_of_file(file), &s.data, &size))
        return false;
    s.size = (uint32_t)size;
    return hf_sig_chain_has(db->bytes, db->size, &s);
}

/* A certificate of 2011 may be revoked once what replaces it is there. */
static int check_dbx(const struct hf_var *old_dbx, const struct hf_key_plan *plan, struct hf_error *err)
{
    const struct hf_sig_chain *db = &plan->changes[HF_KEY_DB].data, *dbx = &plan->changes[HF_KEY_DBX].data;
    const struct hf_known_certificate *known;

    for (size_t n = 0; (known = hf_known_certificate_at(n)) != NULL; n++) {
        const uint8_t *der;
        size_t size;

        if (!known->of_2011 || known->variable != HF_KEY_DB || !has_built_in(db, known->file) ||
            has_built_in(db, known->successor) || !hf_known_certificate_der(known, &der, &size) ||
            !revokes(dbx->bytes, dbx->size, der, size))
            continue;
        if (old_dbx && revokes(old_dbx->data, old_dbx->data_size, der, size))
            continue; /* it is so already */
        return hf_error_refuse(err, hf_key_rule_names[HF_RULE_DB_BEFORE_DBX],
                               "dbx: it revokes '%s' and db lacks '%s': what the guest boots may no longer start; add "
                               "that certificate first (--set microsoft)",
                               known->name, hf_known_certificate_of_file(known->successor)->name);
    }
    return 0;
}

static int check_limit(const struct hf_varstore *store, const struct hf_var *var, const char *name,
                       struct hf_error *err)
{
    const struct hf_layout_info *layout = hf_layout_info(store->layout);
    uint32_t limit = layout ? hf_layout_variable_max(layout, hf_var_authenticated(var)) : 0;
    size_t size = hf_var_footprint(var, store->authenticated);

    if (!limit || size <= limit)
        return 0;
    return hf_error_refuse(
        err, hf_key_rule_names[HF_RULE_VARIABLE_LIMIT],
        "%s: too large: %zu bytes; firmware with the %s layout writes at most %u and could no longer change it", name,
        size, layout->name, limit);
}

/* Rules about space: only where the store is one that has limits. */
static int check_space(const struct hf_var *vars, size_t count, const struct hf_key_request *request,
                       const struct hf_key_plan *plan, struct hf_error *err)
{
    const struct hf_varstore *store = request->store;
    size_t live = store->live, left = HF_KEY_ROOM_LEFT < store->room / 2 ? HF_KEY_ROOM_LEFT : store->room / 2;

    for (size_t i = 0; i < HF_KEY_VARIABLES; i++) {
        enum hf_key_variable v = (enum hf_key_variable)i;
        const struct hf_var *old = hf_key_variable_in(v, vars, count);
        struct hf_var var = hf_key_change_var(&plan->changes[v], v, old);
        int r = 0;

        if (!plan->changes[v].changed)
            continue;
        live += hf_var_footprint(&var, store->authenticated);
        live -= old ? hf_var_footprint(old, store->authenticated) : 0;
        if (!request->allow[HF_RULE_VARIABLE_LIMIT])
            r = check_limit(store, &var, hf_key_variable_info(v)->name, err);
        if (r < 0)
            return r;
    }
    if (request->allow[HF_RULE_ROOM] || (live <= store->room && store->room - live >= left))
        return 0;
    return hf_error_refuse(err, hf_key_rule_names[HF_RULE_ROOM],
                           "variable store: too full: %zu of %zu bytes would be used; %zu must stay free, or shim "
                           "stops with 'Volume Full': remove variables that are not needed",
                           live, store->room, left);
}

int hf_key_rules_after(const struct hf_var *vars, size_t count, const struct hf_key_request *request,
                       const struct hf_key_plan *plan, struct hf_error *err)
{
    int r = 0;

    if (plan->changed == 0)
        return 0;
    if (plan->changes[HF_KEY_DBX].changed && !request->allow[HF_RULE_DB_BEFORE_DBX])
        r = check_dbx(hf_key_variable_in(HF_KEY_DBX, vars, count), plan, err);
    return r < 0 || !request->store ? r : check_space(vars, count, request, plan, err);
}
