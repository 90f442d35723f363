/* SPDX-License-Identifier: BSD-2-Clause */
/* Going back to earlier variables: what was added since goes along, and what would not boot or not fit is refused. */
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "cleanup.h"
#include "key_variable.h"
#include "sig_chain.h"
#include "trust_carry.h"

struct bank {
    uint8_t *bytes;
    struct hf_var *vars;
    struct hf_varstore store;
};

static struct bank fresh(enum hf_layout layout)
{
    size_t size = (size_t)hf_layout_info(layout)->bank_size;
    struct bank b = {.bytes = malloc(size), .vars = calloc(hf_varstore_max(size), sizeof *b.vars)};
    struct hf_error err;

    assert_int_equal(hf_varstore_format(b.bytes, size, layout, &err), 0);
    assert_int_equal(
        hf_varstore_open(b.bytes, size, HF_VARSTORE_STRICT, b.vars, hf_varstore_max(size), NULL, NULL, &b.store, &err),
        0);
    return b;
}

static void done(struct bank *b)
{
    free(b->bytes);
    free(b->vars);
}

static void set_named(struct bank *b, const struct hf_guid *vendor, const char *name, uint32_t attributes,
                      const void *data, size_t size)
{
    uint8_t wide[64] = {0};
    struct hf_var var = {.guid = *vendor, .attributes = attributes, .name = wide, .data = (const uint8_t *)data};
    struct hf_error err;

    for (size_t i = 0; name[i]; i++)
        wide[2 * i] = (uint8_t)name[i];
    var.name_size = (uint32_t)(2 * (strlen(name) + 1));
    var.data_size = (uint32_t)size;
    if (hf_varstore_set(b->bytes, &b->store, &var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, &err) < 0)
        fail_msg("%s: %s", name, err.text);
}

static void set(struct bank *b, enum hf_key_variable v, const struct hf_sig_chain *chain)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(v);

    set_named(b, &info->vendor, info->name, info->attributes, chain->bytes, chain->size);
}

static struct hf_sig_chain digests(uint8_t first, uint8_t last)
{
    struct hf_sig_chain chain = {0};

    for (unsigned fill = first; fill <= last; fill++) {
        uint8_t data[32];
        struct hf_signature s = {.type = hf_sig_sha256, .data = data, .size = sizeof data};

        memset(data, (int)fill, sizeof data);
        assert_int_equal(hf_sig_chain_add(&chain, &s, NULL), 0);
    }
    return chain;
}

/* A certificate by its own key, or by `issuer`'s. */
struct issued {
    X509 *certificate;
    EVP_PKEY *key;
};

static struct issued issue(const char *name, const struct issued *issuer)
{
    struct issued made = {X509_new(), EVP_EC_gen("P-256")};
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    X509_EXTENSION *authority = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), 1);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.certificate, issuer ? X509_get_subject_name(issuer->certificate) : subject);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 86400);
    X509_set_pubkey(made.certificate, made.key);
    X509_add_ext(made.certificate, authority, -1);
    X509_EXTENSION_free(authority);
    assert_true(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
    return made;
}

static void issued_done(struct issued *c)
{
    X509_free(c->certificate);
    EVP_PKEY_free(c->key);
}

static void add_certificate(struct hf_sig_chain *chain, const struct issued *c)
{
    uint8_t *der = NULL;
    int size = i2d_X509(c->certificate, &der);
    struct hf_signature s = {.type = hf_sig_x509, .data = der, .size = (uint32_t)size};

    assert_int_equal(hf_sig_chain_add(chain, &s, NULL), 0);
    OPENSSL_free(der);
}

static struct hf_sig_chain certificates(const struct issued *a, const struct issued *b)
{
    struct hf_sig_chain chain = {0};

    add_certificate(&chain, a);
    if (b)
        add_certificate(&chain, b);
    return chain;
}

static void enforce(struct bank *b)
{
    struct hf_sig_chain pk = digests(9, 9);

    set(b, HF_KEY_PK, &pk);
    hf_sig_chain_done(&pk);
}

static const struct hf_var *var(const struct bank *b, enum hf_key_variable v)
{
    return hf_key_variable_in(v, b->store.vars, b->store.count);
}

static int carry(const struct bank *now, struct bank *then, unsigned flags, char carried[HF_CARRIED_SIZE],
                 struct hf_error *err)
{
    return hf_trust_carry(&now->store, then->bytes, &then->store, flags, carried, err);
}

/* Microsoft's order: db gets the new certificate, dbx the old one. */
static void db_goes_along_with_the_dbx_that_revokes_what_it_had(void **state)
{
    struct issued a hf_auto(issued_done) = issue("A", NULL), b hf_auto(issued_done) = issue("B", NULL);
    struct hf_sig_chain old hf_auto(hf_sig_chain_done) = certificates(&a, NULL),
                            both hf_auto(hf_sig_chain_done) = certificates(&a, &b);
    struct hf_sig_chain revoked hf_auto(hf_sig_chain_done) = certificates(&a, NULL);
    struct bank now = fresh(HF_LAYOUT_4M), then = fresh(HF_LAYOUT_4M);
    char carried[HF_CARRIED_SIZE];
    struct hf_error err;

    enforce(&now);
    enforce(&then);
    set(&then, HF_KEY_DB, &old);
    set(&now, HF_KEY_DB, &both);
    set(&now, HF_KEY_DBX, &revoked);
    assert_int_equal(carry(&now, &then, 0, carried, &err), 0);
    assert_string_equal(carried, "db, dbx");
    assert_int_equal(var(&then, HF_KEY_DB)->data_size, both.size);
    assert_true(hf_trust_vouches(&then.store));
    assert_int_equal(carry(&now, &then, 0, carried, &err), 0);
    assert_string_equal(carried, ""); /* they are there now */
    done(&now);
    done(&then);
}

static void what_both_have_is_joined(void **state)
{
    struct hf_sig_chain had hf_auto(hf_sig_chain_done) = digests(1, 2), has hf_auto(hf_sig_chain_done) = digests(2, 3);
    struct bank now = fresh(HF_LAYOUT_4M), then = fresh(HF_LAYOUT_4M);
    static const char old_sbat[] = "sbat,1,2022052400\nshim,2\n", new_sbat[] = "sbat,1,2025051000\nshim,4\n";
    char carried[HF_CARRIED_SIZE];
    struct hf_error err;

    for (int v = HF_KEY_KEK; v <= HF_KEY_MOKX; v++) {
        set(&then, (enum hf_key_variable)v, &had);
        set(&now, (enum hf_key_variable)v, &has);
    }
    set_named(&then, &hf_vendor_shim, "SbatLevel", 3, old_sbat, sizeof old_sbat - 1);
    set_named(&now, &hf_vendor_shim, "SbatLevel", 3, new_sbat, sizeof new_sbat - 1);
    assert_int_equal(carry(&now, &then, 0, carried, &err), 0);
    assert_string_equal(carried, "db, KEK, dbx, MokListX, SbatLevel");
    assert_int_equal(var(&then, HF_KEY_DBX)->data_size, 28 + 3 * 48);
    assert_int_equal(var(&then, HF_KEY_MOKX)->data_size, 28 + 3 * 48);
    assert_int_equal(var(&then, HF_KEY_MOK)->data_size, had.size); /* goes back with the rest */
    assert_int_equal(carry(&then, &now, HF_CARRY_OLD_DBX, carried, &err), 0);
    assert_int_equal(var(&now, HF_KEY_DBX)->data_size, has.size);
    assert_string_equal(carried, "db, KEK, MokListX"); /* an older SbatLevel is none */
    done(&now);
    done(&then);
}

static void a_set_that_boots_nothing_is_refused(void **state)
{
    struct issued a hf_auto(issued_done) = issue("A", NULL), under_a hf_auto(issued_done) = issue("under A", &a);
    struct issued b hf_auto(issued_done) = issue("B", NULL);
    const struct issued *left[] = {&a, &under_a};
    struct hf_sig_chain revoked hf_auto(hf_sig_chain_done) = certificates(&a, NULL),
                                other hf_auto(hf_sig_chain_done) = digests(5, 5);
    char carried[HF_CARRIED_SIZE] = "as before";
    struct hf_error err;

    /* dbx has it, or who signed it; and the digest that now boots is not carried back */
    for (size_t i = 0; i < 2; i++) {
        struct bank store = fresh(HF_LAYOUT_4M);
        struct hf_sig_chain db hf_auto(hf_sig_chain_done) = certificates(left[i], NULL),
                               good hf_auto(hf_sig_chain_done) = certificates(left[i], &b);

        set(&store, HF_KEY_DB, &db);
        assert_true(hf_trust_vouches(&store.store));
        set(&store, HF_KEY_DBX, &revoked);
        assert_false(hf_trust_vouches(&store.store));
        set(&store, HF_KEY_DB, &good);
        assert_true(hf_trust_vouches(&store.store));
        done(&store);
    }
    struct bank now = fresh(HF_LAYOUT_4M), then = fresh(HF_LAYOUT_4M);

    enforce(&now);
    set(&now, HF_KEY_DB, &other);
    set(&then, HF_KEY_DB, &other);
    assert_int_equal(carry(&now, &then, 0, carried, &err), -HF_EREFUSED); /* no PK there */
    assert_string_equal(err.rule, "carry");
    assert_non_null(strstr(err.text, "Secure Boot is on now"));
    assert_string_equal(carried, "as before");
    enforce(&then);
    set(&then, HF_KEY_DBX, &other); /* the older dbx forbids what the present one does not any more */
    assert_int_equal(carry(&now, &then, 0, carried, &err), -HF_EREFUSED);
    assert_non_null(strstr(err.text, "dbx forbids all that db trusts"));
    done(&now);
    done(&then);
}

static void what_firmware_could_never_write_again_is_refused(void **state)
{
    struct bank now = fresh(HF_LAYOUT_4M), small = fresh(HF_LAYOUT_2M), large = fresh(HF_LAYOUT_4M);
    struct hf_sig_chain dbx hf_auto(hf_sig_chain_done) = {0};
    char carried[HF_CARRIED_SIZE];
    struct hf_error err;

    for (unsigned i = 0; i < 440; i++) { /* 21 KB */
        uint8_t data[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
        struct hf_signature s = {.type = hf_sig_sha256, .data = data, .size = sizeof data};

        assert_int_equal(hf_sig_chain_add(&dbx, &s, NULL), 0);
    }
    set(&now, HF_KEY_DBX, &dbx);
    assert_int_equal(carry(&now, &large, 0, carried, &err), 0);
    assert_string_equal(carried, "dbx");
    assert_int_equal(carry(&now, &small, 0, carried, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "carry");
    assert_non_null(strstr(err.text, "dbx: "));
    assert_non_null(strstr(err.text, "10240"));
    done(&now);
    done(&small);
    done(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(db_goes_along_with_the_dbx_that_revokes_what_it_had),
        cmocka_unit_test(what_both_have_is_joined),
        cmocka_unit_test(a_set_that_boots_nothing_is_refused),
        cmocka_unit_test(what_firmware_could_never_write_again_is_refused),
    };

    return cmocka_run_group_tests_name("secureboot-trust_carry", tests, NULL, NULL);
}
