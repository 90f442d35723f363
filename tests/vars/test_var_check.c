/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of variables, and what it refuses. */
#include <stdlib.h>

#include <holdfast/ucs2.h>

#include "cleanup.h"
#include "files.h"
#include "key_variable.h"
#include "known_certificate.h"
#include "sig_chain.h"
#include "var_rule.h"

struct made {
    struct hf_var var;
    uint8_t name[64];
};

static void make(struct made *m, const char *name, const void *data, size_t size)
{
    const struct hf_var_rule *rule = hf_var_rule_named(name);

    assert_non_null(rule);
    m->var = (struct hf_var){.guid = rule->vendor,
                             .attributes = rule->attributes,
                             .name = m->name,
                             .name_size = (uint32_t)hf_ucs2_from_utf8(name, m->name, sizeof m->name),
                             .data = (const uint8_t *)data,
                             .data_size = (uint32_t)size};
}

static const uint8_t end_node[] = {0x7F, 0xFF, 4, 0};
static const uint8_t entry[] = {1, 0, 0, 0, 4, 0, 'x', 0, 0, 0, 0x7F, 0xFF, 4, 0};

/* A variable of this name and these bytes is refused, and the text has these words; NULL: it is taken. */
static void expect(const char *name, const void *data, size_t size, const char *words)
{
    struct made there, m;
    struct hf_error err = {0};
    int r;

    make(&there, "Boot0001", entry, sizeof entry);
    make(&m, name, data, size);
    r = hf_var_check(&m.var, &there.var, 1, &err);
    if (!words) {
        if (r < 0)
            fail_msg("%s: %s", name, err.text);
        return;
    }
    assert_int_equal(r, -HF_EREFUSED);
    assert_string_equal(err.rule, "form");
    if (!strstr(err.text, words))
        fail_msg("%s: '%s' has no '%s'", name, err.text, words);
}
#define EXPECT(name, words, ...)                                                                                       \
    do {                                                                                                               \
        const uint8_t bytes_[] = {__VA_ARGS__};                                                                        \
        expect(name, bytes_, sizeof bytes_, words);                                                                    \
    } while (0)

static void every_row_is_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; hf_var_rule_at(i); i++) {
        const struct hf_var_rule *rule = hf_var_rule_at(i);
        char name[64];
        struct made m;
        size_t n = strlen(rule->name);

        memcpy(name, rule->name, n + 1);
        for (size_t k = 0; k < n; k++)
            if (name[k] == '#')
                name[k] = 'A';
        make(&m, name, "", 1);
        assert_ptr_equal(hf_var_rule_of(&m.var), rule);
        assert_ptr_equal(hf_var_rule_named(name), rule);
        assert_true(rule->source[0]);
        assert_int_equal(rule->attributes == 0, rule->form == HF_FORM_VOLATILE);
        m.var.guid.b[0] ^= 1;
        assert_null(hf_var_rule_of(&m.var));
    }
}

/* `keys update` writes with attributes of its own table: both must say the same. */
static void keys_have_the_same_attributes(void **state)
{
    (void)state;
    for (int v = 0; v < HF_KEY_VARIABLES; v++) {
        const struct hf_key_variable_info *info = hf_key_variable_info((enum hf_key_variable)v);
        const struct hf_var_rule *rule = hf_var_rule_named(info->name);

        assert_non_null(rule);
        assert_int_equal(rule->attributes, info->attributes);
        assert_true(hf_guid_equal(&rule->vendor, &info->vendor));
    }
}

static void keys(void **state)
{
    struct hf_sig_chain one = {0};
    struct hf_signature s = {.type = hf_sig_x509};
    uint8_t update[64] = {0};
    size_t size;

    (void)state;
    assert_true(hf_known_certificate_der(hf_known_certificate_of_file("ms-kek-2011"), &s.data, &size));
    s.size = (uint32_t)size;
    expect("db", s.data, size, "this is a DER certificate; use `keys update --db FILE`");
    expect("MokList", s.data, size, "use `keys update --mok FILE`");
    expect("db", "-----BEGIN CERTIFICATE-----", 27, "no signature list");
    assert_int_equal(hf_sig_chain_add(&one, &s, NULL), 0);
    expect("db", one.bytes, one.size, NULL);
    expect("PK", one.bytes, one.size, NULL);
    expect("db", one.bytes, one.size - 1, "no signature list");
    s.owner.b[0] = 1;
    assert_int_equal(hf_sig_chain_add(&one, &s, NULL), 0);
    expect("KEK", one.bytes, one.size, NULL);
    expect("PK", one.bytes, one.size, "PK is one certificate");
    hf_sig_chain_done(&one);
    /* EFI_TIME, then WIN_CERTIFICATE_UEFI_GUID: the header that must never become data */
    update[0] = 0xDA, update[1] = 7, update[2] = 3, update[3] = 6;
    update[16] = 40, update[21] = 2, update[22] = 0xF1, update[23] = 0x0E;
    memcpy(update + 24,
           (const uint8_t[16]){0x9D, 0xD2, 0xAF, 0x4A, 0xDF, 0x68, 0xEE, 0x49, 0x8A, 0xA9, 0x34, 0x7D, 0x37, 0x56, 0x65,
                               0xA7},
           16);
    expect("dbx", update, sizeof update,
           "this is a signed update (EFI_VARIABLE_AUTHENTICATION_2); use `keys update --dbx");
    EXPECT("SecureBootEnable", NULL, 1);
    EXPECT("SecureBootEnable", "0 or 1", 2);
    EXPECT("SecureBootEnable", "2 bytes; it has 1", 1, 0);
    EXPECT("SetupMode", "firmware makes this variable at each start", 0);
    EXPECT("certdb", NULL, 4, 0, 0, 0);
    EXPECT("certdb", "do not add up", 5, 0, 0, 0);
}

static void boot_options(void **state)
{
    (void)state;
    expect("Boot0002", entry, sizeof entry, NULL);
    expect("Boot0002", entry, 1, "1 bytes");
    expect("Boot0002", entry, sizeof entry - 1, "a device path of 4 bytes; 3 follow");
    expect("Boot000a", entry, sizeof entry, "upper-case");
    expect("Driver00A0", entry, sizeof entry, NULL);
    EXPECT("Boot0002", "has no end", 1, 0, 0, 0, 4, 0, 0, 0, 1, 1, 4, 0);
    EXPECT("Boot0002", "has no NUL", 1, 0, 0, 0, 4, 0, 'x', 0);
    EXPECT("BootOrder", NULL, 1, 0);
    EXPECT("BootOrder", "Boot0002 does not exist", 1, 0, 2, 0);
    EXPECT("BootOrder", "twice", 1, 0, 1, 0);
    EXPECT("BootOrder", "16-bit", 1, 0, 1);
    EXPECT("DriverOrder", "Driver0001 does not exist", 1, 0);
    EXPECT("BootNext", NULL, 1, 0);
    EXPECT("BootNext", "Boot0000 does not exist", 0, 0);
    EXPECT("BootNext", "4 bytes; it has 2", 1, 0, 1, 0);
    EXPECT("Key0000", NULL, 0, 0, 0, 0x40, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0);
    EXPECT("Key0000", "10 bytes; it has 14", 0, 0, 0, 0x40, 0, 0, 0, 0, 1, 0);
    EXPECT("Timeout", NULL, 3, 0);
    EXPECT("Timeout", "1 bytes; it has 2", 3);
    expect("ConOut", end_node, sizeof end_node, NULL);
    EXPECT("ConOut", "missing", 1, 1, 4, 0);
}

static void texts(void **state)
{
    (void)state;
    expect("PlatformLang", "en", 3, NULL);
    expect("PlatformLang", "en", 2, "NUL");
    expect("SbatLevel", "sbat,1,2024010900\nshim,4\ngrub,3\n", 33, NULL);
    expect("SbatLevel", "shim,4\n", 7, "begins with 'sbat,'");
    expect("SbatLevel", "sbat,1\nshim\n", 12, "component,generation");
    expect("SbatLevel", "sbat,1\n\n", 8, "component,generation");
}

static void attributes(void **state)
{
    struct hf_error err = {0};
    struct made m;

    (void)state;
    make(&m, "MokSBState", "\1", 1);
    m.var.attributes |= HF_VAR_RUNTIME;
    assert_int_equal(hf_var_check(&m.var, NULL, 0, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "attributes");
    assert_non_null(strstr(err.text, "attributes NV+BS+RT; shim, MokVars.txt wants NV+BS"));
    m.var.guid.b[0] ^= 1; /* somebody else's */
    assert_int_equal(hf_var_check(&m.var, NULL, 0, &err), 0);
}

/* What the distribution's firmware itself wrote passes. */
static void stores_of_the_distribution(void **state)
{
    static const char *const paths[] = {"/usr/share/OVMF/OVMF_VARS_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd",
                                        "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd",
                                        "/usr/share/AAVMF/AAVMF_VARS.ms.fd"};

    (void)state;
    for (size_t i = 0; i < HF_ARRAY_SIZE(paths); i++) {
        struct file f = file_read(paths[i]);
        size_t most = hf_varstore_max(f.size) + 1;
        struct hf_var *vars = (struct hf_var *)calloc(most, sizeof *vars);
        struct hf_varstore store;
        size_t known = 0;

        assert_int_equal(hf_varstore_open(f.bytes, f.size, HF_VARSTORE_STRICT, vars, most, NULL, NULL, &store, NULL),
                         0);
        for (size_t k = 0; k < store.count; k++) {
            struct hf_error err = {0};
            char name[64];

            (void)hf_ucs2_to_utf8(vars[k].name, vars[k].name_size, name, sizeof name);
            known += hf_var_rule_of(&vars[k]) != NULL;
            if (hf_var_check(&vars[k], vars, store.count, &err) < 0)
                fail_msg("%s: %s: %s", paths[i], name, err.text);
        }
        assert_true(known >= 10);
        free(vars);
        free(f.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_its_own),
        cmocka_unit_test(keys_have_the_same_attributes),
        cmocka_unit_test(keys),
        cmocka_unit_test(boot_options),
        cmocka_unit_test(texts),
        cmocka_unit_test(attributes),
        cmocka_unit_test(stores_of_the_distribution),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
