/* SPDX-License-Identifier: BSD-2-Clause */
/* Secure Boot keys that wait for a boot: merged into what the guest has by then, tried, rolled back, as an image is. */
#include "guest.h"

#include <holdfast/ucs2.h>

#include "known_certificate.h"
#include "rollback.h"
#include "slots.h"
#include "staged_keys.h"
#include "variables.h"

/* What `keys update --set NAME` adds. */
struct set {
    struct hf_key_file files[HF_KEY_SET_MAX];
    struct hf_key_addition additions[HF_KEY_SET_MAX];
    struct hf_key_request request;
};

static void add_set(struct set *s, const char *name)
{
    const struct hf_key_set *set = hf_key_set_find(name);

    for (size_t i = 0; set->files[i]; i++) {
        size_t n = s->request.count++;

        assert_true(n < HF_KEY_SET_MAX);
        ok(hf_key_set_addition(set, i, &s->files[n], &s->additions[n], &why));
    }
    s->request.additions = s->additions;
}

static void free_set(struct set *s)
{
    for (size_t i = 0; i < s->request.count; i++)
        hf_key_file_done(&s->files[i]);
}

static int stage_set(struct guest *g, const char *pk, const char *name, bool tpm_aware,
                     struct hf_key_stage_report *report, struct hf_error *err)
{
    struct set set = {.request.count = 0};
    struct hf_key_stage_request q = {.keys = &set.request, .words = "of a test", .tpm_aware = tpm_aware, .now = g->now};
    int r;

    if (pk)
        add_set(&set, pk);
    add_set(&set, name);
    r = hf_stage_keys(g->c, &q, report, err);
    free_set(&set);
    return r;
}

static void stage(struct guest *g, const char *pk, const char *name)
{
    struct hf_key_stage_report report;

    ok(stage_set(g, pk, name, false, &report, &why));
    assert_false(report.nothing);
}

static void expect_keys(struct guest *g, size_t pk, size_t kek, size_t db)
{
    struct hf_key_state state;
    struct hf_variables v;

    ok(hf_variables_of_bank(g->c, &v, &why));
    assert_true(v.readable);
    ok(hf_key_state_read(v.store.vars, v.store.count, &state, &why));
    assert_int_equal(state.lists[HF_KEY_PK].count, pk);
    assert_int_equal(state.lists[HF_KEY_KEK].count, kek);
    assert_int_equal(state.lists[HF_KEY_DB].count, db);
    hf_key_state_done(&state);
    hf_variables_done(&v);
}

/* The guest's firmware writes a variable of its own. */
static void guest_sets(struct guest *g, const char *name)
{
    uint8_t ucs2[64];
    struct hf_var var = {.attributes = HF_VAR_NON_VOLATILE | HF_VAR_BOOT,
                         .name = ucs2,
                         .name_size = (uint32_t)hf_ucs2_from_utf8(name, ucs2, sizeof ucs2),
                         .data = ucs2,
                         .data_size = 2};
    struct hf_variables v;

    ok(hf_variables_of_bank(g->c, &v, &why));
    ok(hf_varstore_set(v.bytes, &v.store, &var, 0, &why));
    ok(hf_begin(g->c, &why));
    ok(hf_variables_store(g->c, &v, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
    hf_variables_done(&v);
}

static bool guest_has(struct guest *g, const char *name)
{
    static const struct hf_guid nobody = {{0}};
    struct hf_variables v;
    bool has;

    ok(hf_variables_of_bank(g->c, &v, &why));
    has = hf_var_named(&nobody, name, v.store.vars, v.store.count) != NULL;
    hf_variables_done(&v);
    return has;
}

static void keys_are_merged_at_the_boot_into_what_the_guest_has_by_then(void **state)
{
    struct hf_digest code, vars;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_sets(&g, "Before");
    code = guest_code(&g);
    vars = guest_vars(&g);
    stage(&g, "oem-pk", "windows");
    same(guest_vars(&g), vars); /* it waits */
    assert_int_equal(guest_record(&g).life, HF_LIFE_STAGED);
    guest_sets(&g, "Meanwhile");
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    expect_keys(&g, 1, 1, 1);
    assert_true(guest_has(&g, "Before") && guest_has(&g, "Meanwhile"));
    same(guest_code(&g), code);
    assert_int_equal(guest_record(&g).life, HF_LIFE_TRIAL);
    guest_free(&g);
}

static void a_rollback_undoes_them(void **state)
{
    struct hf_rollback_request back = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_digest code, vars;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_sets(&g, "Before");
    code = guest_code(&g);
    vars = guest_vars(&g);
    stage(&g, "oem-pk", "windows");
    guest_power_on(&g);
    ok(hf_rollback(g.c, &back, &report, &why));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_ROLL_BACK);
    same(guest_vars(&g), vars);
    same(guest_code(&g), code);
    assert_false(guest_record(&g).has_rejected); /* the image is as good as before */
    guest_free(&g);
}

static void keys_and_an_image_are_applied_together_in_either_order(void **state)
{
    for (int image_first = 0; image_first < 2; image_first++) {
        struct hf_digest staged;
        struct guest g;

        NEED_IMAGES();
        guest_new(&g, NULL, NULL);
        if (!image_first)
            stage(&g, "oem-pk", "windows");
        staged = guest_stage(&g, 1);
        if (image_first)
            stage(&g, "oem-pk", "windows");
        guest_power_on(&g);
        same(guest_code(&g), staged);
        expect_keys(&g, 1, 1, 1);
        guest_free(&g);
    }
}

static void what_is_staged_twice_waits_once_and_more_is_added_to_it(void **state)
{
    struct hf_key_stage_report report;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    stage(&g, "oem-pk", "windows");
    stage(&g, "oem-pk", "option-rom");
    guest_power_on(&g);
    expect_keys(&g, 1, 1, 2);
    guest_free(&g);
    guest_new(&g, NULL, NULL);
    stage(&g, "oem-pk", "windows");
    ok(hf_unstage(g.c, g.now, false, &why));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_NOTHING);
    expect_keys(&g, 0, 0, 0);
    stage(&g, "oem-pk", "windows");
    guest_power_on(&g);
    assert_int_equal(stage_set(&g, "oem-pk", "windows", false, &report, NULL), -HF_EREFUSED); /* the trial is open */
    guest_free(&g);
}

static void refusals_leave_nothing_staged(void **state)
{
    static const char *const host[] = {"policy=host", NULL};
    struct hf_key_stage_report report;
    struct hf_life_record was, now;
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    assert_int_equal(stage_set(&g, NULL, "windows", false, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "setup-mode");
    was = now = guest_record(&g);
    now.tpm = true;
    ok(hf_begin(g.c, &why));
    ok(hf_life_save(g.c, &was, &now, &why));
    ok(hf_commit(g.c, HF_DURABLE, &why));
    assert_int_equal(stage_set(&g, "oem-pk", "windows", false, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "tpm-aware");
    assert_non_null(strstr(err.text, "manage-bde"));
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    ok(stage_set(&g, "oem-pk", "windows", true, &report, &why));
    guest_free(&g);
    guest_new(&g, NULL, host);
    assert_int_equal(stage_set(&g, "oem-pk", "windows", false, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "policy");
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_merged_at_the_boot_into_what_the_guest_has_by_then),
        cmocka_unit_test(a_rollback_undoes_them),
        cmocka_unit_test(keys_and_an_image_are_applied_together_in_either_order),
        cmocka_unit_test(what_is_staged_twice_waits_once_and_more_is_added_to_it),
        cmocka_unit_test(refusals_leave_nothing_staged),
    };

    return cmocka_run_group_tests(tests, images_load, images_free);
}
