/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "tpm.h"
#include "variables.h"

static const struct hf_guid global = HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c);
static const struct hf_guid security = HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f);

/* A signature list of `n` SHA-256 entries, each filled with one of `fill`. */
static size_t make_list(uint8_t *out, const uint8_t *fill, size_t n)
{
    uint32_t size = (uint32_t)(28 + n * 48);

    memset(out, 0, size);
    memset(out, 0x26, 16);
    memcpy(out + 16, (uint8_t[]){(uint8_t)size, (uint8_t)(size >> 8), 0, 0, 0, 0, 0, 0, 48, 0, 0, 0}, 12);
    for (size_t i = 0; i < n; i++) {
        memset(out + 28 + i * 48, (int)i, 16); /* the owner does not count */
        memset(out + 28 + i * 48 + 16, fill[i], 32);
    }
    return size;
}

static void set(struct hf_variables *v, const struct hf_guid *guid, const char *name, const void *data, size_t size)
{
    uint8_t wide[64] = {0};
    struct hf_var var = {.guid = *guid, .attributes = HF_VAR_NON_VOLATILE | HF_VAR_BOOT, .name = wide};
    struct hf_error err;

    for (size_t i = 0; name[i]; i++)
        wide[2 * i] = (uint8_t)name[i];
    var.name_size = (uint32_t)(2 * (strlen(name) + 1));
    var.data = data;
    var.data_size = (uint32_t)size;
    if (strcmp(name, "dbx") == 0)
        var.attributes |= HF_VAR_TIME_AUTHENTICATED | HF_VAR_RUNTIME;
    if (hf_varstore_set(v->bytes, &v->store, &var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, &err) < 0)
        fail_msg("%s", err.text);
}

static struct hf_variables fresh(enum hf_layout layout)
{
    size_t size = (size_t)hf_layout_info(layout)->bank_size;
    uint8_t *bytes = malloc(size);
    struct hf_variables v;

    assert_int_equal(hf_varstore_format(bytes, size, layout, NULL), 0);
    assert_int_equal(hf_variables_of_bytes(bytes, size, &v, NULL), 0);
    assert_true(v.readable);
    return v;
}

static void a_newer_dbx_is_carried_and_nothing_else(void **state)
{
    struct hf_variables now = fresh(HF_LAYOUT_4M), then = fresh(HF_LAYOUT_4M);
    uint8_t old[512], new[512];
    size_t old_size = make_list(old, (const uint8_t[]){1}, 1), new_size = make_list(new, (const uint8_t[]){1, 2}, 2);
    char carried[HF_CARRIED_SIZE];

    set(&then, &security, "dbx", old, old_size);
    set(&then, &global, "Lang", "old", 3);
    set(&now, &global, "Lang", "new", 3);
    assert_int_equal(hf_variables_carry(&now, &then, false, carried, NULL), 0);
    assert_string_equal(carried, ""); /* the present has none: nothing to keep */
    set(&now, &security, "dbx", new, new_size);
    assert_int_equal(hf_variables_carry(&now, &then, false, carried, NULL), 0);
    assert_string_equal(carried, "dbx");
    assert_int_equal(hf_variables_carry(&now, &then, false, carried, NULL), 0);
    assert_string_equal(carried, ""); /* it is there now */
    assert_int_equal(then.store.count, 2);
    hf_variables_done(&now);
    hf_variables_done(&then);
}

static void variables_that_cannot_be_read_do_not_come_back(void **state)
{
    struct hf_variables now = fresh(HF_LAYOUT_4M), then;
    uint8_t *garbage = calloc(1, 540672), new[512];
    char carried[HF_CARRIED_SIZE];
    struct hf_error err;

    memset(garbage, 0x5a, 540672);
    set(&now, &security, "dbx", new, make_list(new, (const uint8_t[]){1, 2}, 2));
    assert_int_equal(hf_variables_of_bytes(garbage, 540672, &then, NULL), 0);
    assert_false(then.readable);
    assert_int_equal(hf_variables_carry(&now, &then, false, carried, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "carry");
    hf_variables_done(&now);
    hf_variables_done(&then);
}

struct seen {
    unsigned changed, now, then, secure;
};

static void note(void *ctx, const struct hf_var_difference *d)
{
    struct seen *s = ctx;

    s->changed += d->change == HF_VAR_CHANGED;
    s->now += d->change == HF_VAR_ONLY_NOW;
    s->then += d->change == HF_VAR_ONLY_THEN;
    s->secure += d->secure_boot;
}

static void differences_are_told_and_secure_boot_is_marked(void **state)
{
    struct hf_variables now = fresh(HF_LAYOUT_4M), then = fresh(HF_LAYOUT_2M);
    struct seen s = {0};

    set(&now, &global, "Same", "x", 1);
    set(&then, &global, "Same", "x", 1);
    set(&now, &global, "Lang", "new", 3);
    set(&then, &global, "Lang", "old", 3);
    set(&now, &global, "PK", "k", 1);
    set(&then, &global, "Gone", "g", 1);
    hf_variables_compare(&now, &then, note, &s);
    assert_int_equal(s.changed, 1);
    assert_int_equal(s.now, 1);
    assert_int_equal(s.then, 1);
    assert_int_equal(s.secure, 1);
    hf_variables_done(&now);
    hf_variables_done(&then);
}

static void the_tpm_is_asked_for_keys_and_nothing_else(void **state)
{
    struct hf_variables now = fresh(HF_LAYOUT_4M), then = fresh(HF_LAYOUT_4M);
    struct hf_error err;
    uint8_t dbx[512];

    set(&then, &global, "Lang", "en", 2);
    assert_false(hf_tpm_measures_change(&now, &then));
    set(&then, &security, "dbx", dbx, make_list(dbx, (const uint8_t[]){1}, 1));
    assert_true(hf_tpm_measures_change(&now, &then));
    assert_int_equal(hf_tpm_ask(true, false, HF_TPM_KEYS, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "tpm-aware");
    assert_non_null(strstr(err.text, "PCR 7"));
    assert_int_equal(hf_tpm_ask(true, true, HF_TPM_KEYS, &err), 0);
    assert_int_equal(hf_tpm_ask(false, false, HF_TPM_KEYS, &err), 0);
    hf_variables_done(&now);
    hf_variables_done(&then);
}

static void a_conversion_keeps_every_variable(void **state)
{
    struct hf_variables now = fresh(HF_LAYOUT_2M), then;
    struct seen s = {0};
    struct hf_error err;

    set(&now, &global, "Lang", "en", 2);
    assert_int_equal(hf_variables_convert(&now, HF_LAYOUT_4M, &then, &err), 0);
    assert_int_equal(then.store.layout, HF_LAYOUT_4M);
    hf_variables_compare(&now, &then, note, &s);
    assert_int_equal(s.changed + s.now + s.then, 0);
    hf_variables_done(&now);
    hf_variables_done(&then);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_dbx_is_carried_and_nothing_else),
        cmocka_unit_test(variables_that_cannot_be_read_do_not_come_back),
        cmocka_unit_test(differences_are_told_and_secure_boot_is_marked),
        cmocka_unit_test(the_tpm_is_asked_for_keys_and_nothing_else),
        cmocka_unit_test(a_conversion_keeps_every_variable),
    };

    return cmocka_run_group_tests_name("lifecycle-variables", tests, NULL, NULL);
}
