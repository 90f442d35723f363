/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest asks for itself, against what was decided on the host. */
#include "guest.h"

#include "confirm.h"
#include "guest_keys.h"
#include "known_certificate.h"
#include "rollback.h"
#include "slots.h"

static struct guest g;
static struct hf_error err;
static struct hf_confirm_report confirmed;

static const char *const manual[] = {"confirm-by=manual", NULL};
static const char *const left_to_guest[] = {"confirm-by=manual", "guest-confirm=on", NULL};

static void on_trial(const char *const *settings)
{
    guest_new(&g, NULL, settings);
    guest_stage(&g, 1);
    guest_power_on(&g);
    assert_int_equal(guest_record(&g).life, HF_LIFE_TRIAL);
}

static void refused(int r, const char *rule, enum hf_life life)
{
    assert_int_equal(r, -HF_EREFUSED);
    assert_string_equal(err.rule, rule);
    assert_int_equal(guest_record(&g).life, life);
}

static int roll_back(bool by_guest, enum hf_rollback_variables variables)
{
    struct hf_rollback_request request = {
        .chosen = true, .wish = {.variables = variables, .by_guest = by_guest}, .now = g.now};
    struct hf_rollback_report report;

    return hf_rollback(g.c, &request, &report, &err);
}

static int stage_from_inside(unsigned n)
{
    uint8_t *bytes = variant(&code_4m, n);
    struct hf_stage_request request = {
        .bytes = bytes, .size = code_4m.size, .origin = "inside the guest", .by_guest = true, .now = g.now};
    struct hf_stage_report report;
    int r = hf_stage(g.c, &request, &report, &err);

    free(bytes);
    return r;
}

static void where_only_the_operator_confirms_the_guest_does_not(void **state)
{
    NEED_IMAGES();
    on_trial(manual);
    refused(hf_confirm_from_inside(g.c, NOW, &confirmed, &err), "guest-confirm", HF_LIFE_TRIAL);
    ok(hf_confirm(g.c, NOW, false, &confirmed, &why));
    ok(hf_confirm_from_inside(g.c, NOW, &confirmed, &why)); /* nothing to confirm */
    assert_int_equal(confirmed.was, HF_LIFE_STEADY);
    guest_free(&g);
}

static void unless_its_owner_leaves_that_to_it(void **state)
{
    NEED_IMAGES();
    on_trial(left_to_guest);
    ok(hf_confirm_from_inside(g.c, NOW, &confirmed, &why));
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    guest_free(&g);
}

static void any_other_signal_is_the_guests_own_word_already(void **state)
{
    NEED_IMAGES();
    on_trial(NULL);
    ok(hf_confirm_from_inside(g.c, NOW, &confirmed, &why));
    assert_int_equal(confirmed.was, HF_LIFE_TRIAL);
    guest_free(&g);
}

static void an_operators_rollback_is_neither_called_off_nor_changed(void **state)
{
    NEED_IMAGES();
    on_trial(NULL);
    assert_int_equal(roll_back(false, HF_VARIABLES_FALLBACK), 0);
    refused(hf_confirm_from_inside(g.c, NOW, &confirmed, &err), "host-decided", HF_LIFE_ROLLBACK);
    refused(roll_back(true, HF_VARIABLES_CURRENT), "host-decided", HF_LIFE_ROLLBACK);
    assert_int_equal(guest_record(&g).back.variables, HF_VARIABLES_FALLBACK);
    guest_free(&g);
}

static void nor_is_one_by_the_evidence_of_a_trial(void **state)
{
    NEED_IMAGES();
    on_trial(NULL);
    for (unsigned i = 0; i < 3; i++)
        guest_reset(&g, HF_ENDING_RESET, i == 2 ? "a disk was plugged in" : NULL);
    assert_true(guest_record(&g).back.automatic);
    refused(hf_confirm_from_inside(g.c, NOW, &confirmed, &err), "host-decided", HF_LIFE_ROLLBACK);
    guest_free(&g);
}

static void its_own_rollback_it_may_call_off_until_the_operator_wants_it_too(void **state)
{
    NEED_IMAGES();
    on_trial(NULL);
    assert_int_equal(roll_back(true, HF_VARIABLES_FALLBACK), 0);
    assert_int_equal(roll_back(true, HF_VARIABLES_CURRENT), 0);
    ok(hf_confirm_from_inside(g.c, NOW, &confirmed, &why));
    assert_int_equal(confirmed.was, HF_LIFE_ROLLBACK);
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    assert_int_equal(roll_back(true, HF_VARIABLES_FALLBACK), 0);
    assert_int_equal(roll_back(false, HF_VARIABLES_FALLBACK), 0);
    refused(hf_confirm_from_inside(g.c, NOW, &confirmed, &err), "host-decided", HF_LIFE_ROLLBACK);
    guest_free(&g);
}

static void what_an_operator_staged_the_guest_does_not_replace(void **state)
{
    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_stage(&g, 1);
    refused(stage_from_inside(2), "host-decided", HF_LIFE_STAGED);
    ok(hf_unstage(g.c, NOW, false, &why));
    assert_int_equal(stage_from_inside(2), 0);
    assert_int_equal(stage_from_inside(3), 0); /* its own */
    assert_true(guest_record(&g).staged_by_guest);
    guest_stage(&g, 1); /* the operator replaces whatever is there */
    refused(stage_from_inside(2), "host-decided", HF_LIFE_STAGED);
    guest_power_on(&g);
    assert_false(guest_record(&g).staged_by_guest);
    guest_free(&g);
}

static int keys_from_inside(bool dry_run)
{
    const struct hf_guest_keys_request request = {.dry_run = dry_run, .now = g.now};
    struct hf_key_stage_report report;

    return hf_guest_keys_stage(g.c, &request, &report, &err);
}

static void keys_are_the_guests_to_ask_for_where_its_owner_named_them(void **state)
{
    static const char *const allowed[] = {"guest-keys=windows", NULL};
    struct hf_slot_info staged;

    NEED_IMAGES();
    guest_new_of(&g, &code_4m, &vars_ms, NULL);
    refused(keys_from_inside(false), "guest-keys", HF_LIFE_STEADY);
    assert_null(hf_guest_keys_allowed(g.c));
    guest_free(&g);

    guest_new_of(&g, &code_4m, &vars_ms, allowed);
    assert_string_equal(hf_guest_keys_allowed(g.c)->name, "windows");
    assert_int_equal(keys_from_inside(true), 0);
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    assert_int_equal(keys_from_inside(false), 0);
    assert_true(guest_record(&g).staged_by_guest);
    assert_int_equal(keys_from_inside(false), 0); /* its own */
    assert_int_equal(stage_from_inside(2), 0);    /* and an image beside */
    ok(hf_slot_get(g.c, HF_SLOT_STAGED, &staged, &why));
    assert_true(hf_slot_has_keys(&staged));
    guest_free(&g);
}

static void keys_are_not_added_to_what_an_operator_staged(void **state)
{
    static const char *const allowed[] = {"guest-keys=microsoft", NULL};
    struct hf_slot_info staged;

    NEED_IMAGES();
    guest_new_of(&g, &code_4m, &vars_ms, allowed);
    guest_stage(&g, 1);
    refused(keys_from_inside(false), "host-decided", HF_LIFE_STAGED);
    ok(hf_slot_get(g.c, HF_SLOT_STAGED, &staged, &why));
    assert_false(hf_slot_has_keys(&staged));
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_only_the_operator_confirms_the_guest_does_not),
        cmocka_unit_test(unless_its_owner_leaves_that_to_it),
        cmocka_unit_test(any_other_signal_is_the_guests_own_word_already),
        cmocka_unit_test(an_operators_rollback_is_neither_called_off_nor_changed),
        cmocka_unit_test(nor_is_one_by_the_evidence_of_a_trial),
        cmocka_unit_test(its_own_rollback_it_may_call_off_until_the_operator_wants_it_too),
        cmocka_unit_test(what_an_operator_staged_the_guest_does_not_replace),
        cmocka_unit_test(keys_are_the_guests_to_ask_for_where_its_owner_named_them),
        cmocka_unit_test(keys_are_not_added_to_what_an_operator_staged),
    };

    return cmocka_run_group_tests_name("lifecycle-from-inside", tests, images_load, images_free);
}
