/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <signal.h>

#include "cleanup.h"
#include "confirm.h"
#include "outlook.h"
#include "rollback.h"
#include "state.h"
#include "suspended.h"
#include "whole_file.h"

static bool differ(struct hf_digest a, struct hf_digest b)
{
    return !hf_digest_equal(&a, &b);
}

static void an_upgrade_is_applied_at_power_on_and_rolled_back_with_its_variables(void **state)
{
    struct hf_rollback_request back = {.chosen = true, .now = NOW};
    struct hf_digest code, vars, staged;
    struct hf_rollback_report report;
    struct hf_boot_plan plan;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_NOTHING);
    guest_write(&g, 200000, "set by the guest");
    vars = guest_vars(&g);
    staged = guest_stage(&g, 1);
    same(guest_code(&g), code);
    plan = guest_power_on(&g);
    assert_int_equal(plan.did, HF_DECIDE_APPLY);
    same(plan.code, staged);
    same(guest_code(&g), staged);
    same(guest_vars(&g), vars);
    assert_int_equal(guest_record(&g).trial.started, 1);
    guest_write(&g, 200000, "set on the new firmware");
    ok(hf_rollback(g.c, &back, &report, &why));
    assert_true(report.variables_differ);
    same(guest_code(&g), staged); /* not before the next boot */
    plan = guest_power_on(&g);
    assert_int_equal(plan.did, HF_DECIDE_ROLL_BACK);
    same(guest_code(&g), code);
    same(guest_vars(&g), vars);
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    guest_free(&g);
}

static void three_resets_without_the_signal_bring_everything_back(void **state)
{
    struct hf_digest code, vars, staged;
    struct hf_boot_plan plan;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    vars = guest_vars(&g);
    staged = guest_stage(&g, 1);
    guest_power_on(&g);
    for (unsigned i = 1; i < 3; i++) {
        plan = guest_reset(&g, HF_ENDING_RESET, NULL);
        assert_int_equal(plan.action, HF_BOOT_RELEASE);
        assert_int_equal(plan.did, HF_DECIDE_COUNT);
        same(guest_code(&g), staged);
        assert_int_equal(guest_record(&g).trial.failed, i);
        guest_write(&g, 200000, "looping");
    }
    plan = guest_reset(&g, HF_ENDING_RESET, NULL);
    assert_int_equal(plan.did, HF_DECIDE_ROLL_BACK);
    same(guest_code(&g), code);
    same(guest_vars(&g), vars);
    guest_free(&g);
}

static void what_the_host_cut_short_is_no_evidence(void **state)
{
    struct hf_digest staged;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    staged = guest_stage(&g, 1);
    guest_power_on(&g);
    for (unsigned i = 0; i < 20; i++) {
        if (i % 4 == 0)
            ok(hf_lifecycle_ended(g.c, HF_ENDING_OPERATOR, g.now, NULL, &why));
        if (i % 4 == 1)
            ok(hf_lifecycle_moved(g.c, g.now, &why));
        if (i % 4 == 2)
            snprintf(g.boot_id, sizeof g.boot_id, "host-boot-%u", i);
        guest_reopen(&g); /* i % 4 == 3: everything was killed */
        guest_power_on(&g);
        same(guest_code(&g), staged);
    }
    assert_int_equal(guest_record(&g).trial.failed, 0);
    assert_int_equal(guest_record(&g).trial.started, 21);
    guest_free(&g);
}

static void the_last_boot_of_a_trial_is_told_before_it_ends(void **state)
{
    struct hf_watch watch;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, (const char *const[]){"trial-boots=2", NULL});
    ok(hf_lifecycle_watch(g.c, false, &watch, &why));
    assert_false(watch.next_changes);
    (void)guest_stage(&g, 1);
    ok(hf_lifecycle_watch(g.c, false, &watch, &why));
    assert_true(watch.next_changes);
    guest_power_on(&g);
    ok(hf_lifecycle_watch(g.c, false, &watch, &why));
    assert_false(watch.next_changes);
    (void)guest_reset(&g, HF_ENDING_RESET, NULL);
    ok(hf_lifecycle_watch(g.c, false, &watch, &why));
    assert_true(watch.next_changes);
    guest_free(&g);
}

static void what_is_staged_waits_for_a_power_on_where_the_owner_wants_that(void **state)
{
    struct hf_digest code, staged;
    struct hf_boot_plan plan;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, (const char *const[]){"upgrade-at=power-on", NULL});
    code = guest_code(&g);
    guest_power_on(&g);
    staged = guest_stage(&g, 1);
    plan = guest_reset(&g, HF_ENDING_RESET, NULL);
    assert_int_equal(plan.did, HF_DECIDE_NOTHING);
    assert_non_null(strstr(plan.words, "power-on"));
    same(guest_code(&g), code);
    guest_power_on(&g);
    same(guest_code(&g), staged);
    guest_free(&g);
}

static void boots_that_nobody_watches_count_neither_way(void **state)
{
    struct hf_confirm_report confirmed;
    struct hf_outlook outlook;
    struct hf_boot_plan plan;
    struct hf_digest staged;
    struct hf_boot boot;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    staged = guest_stage(&g, 1);
    boot = guest_boot(&g, HF_MOMENT_POWER_ON);
    boot.unwatched = true;
    for (unsigned i = 0; i < 20; i++) {
        ok(hf_lifecycle_power_on(g.c, &boot, &plan, &why));
        assert_non_null(strstr(plan.words, "holdfast confirm"));
        ok(hf_lifecycle_opened(g.c, &boot, &why));
        if (i % 2)
            ok(hf_lifecycle_ended(g.c, HF_ENDING_UNSEEN, g.now, NULL, &why));
    }
    same(guest_code(&g), staged);
    assert_int_equal(guest_record(&g).trial.started, 20);
    assert_int_equal(guest_record(&g).trial.failed, 0);
    ok(hf_outlook_get(g.c, &outlook, &why));
    assert_non_null(strstr(outlook.trial, "are not watched"));
    ok(hf_confirm(g.c, g.now, false, &confirmed, &why));
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    guest_free(&g);
}

static void a_guest_that_powers_itself_off_has_not_failed(void **state)
{
    struct hf_digest staged;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    staged = guest_stage(&g, 1);
    for (unsigned i = 0; i < 10; i++) {
        guest_power_on(&g);
        ok(hf_lifecycle_ended(g.c, HF_ENDING_POWER_OFF, g.now, NULL, &why));
    }
    same(guest_code(&g), staged);
    assert_int_equal(guest_record(&g).life, HF_LIFE_TRIAL);
    assert_int_equal(guest_record(&g).trial.failed, 0);
    guest_free(&g);
}

/* Version 0.1 left the counts of power-ons that nobody watched. */
static void a_trial_of_the_version_before_goes_on(void **state)
{
    struct hf_digest staged;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    staged = guest_stage(&g, 1);
    guest_power_on(&g);
    ok(hf_begin(g.c, &why));
    ok(hf_state_set_number(g.c, "trial.started", 3, &why));
    ok(hf_state_set_number(g.c, "trial.failed", 2, &why));
    ok(hf_state_set_number(g.c, "trial.unwatched", 1, &why));
    ok(hf_state_set_number(g.c, "guest.unwatched", 0, &why));
    ok(hf_commit(g.c, HF_DURABLE, &why));
    guest_reopen(&g);
    guest_power_on(&g);
    same(guest_code(&g), staged);
    assert_int_equal(guest_record(&g).trial.failed, 2);
    assert_int_equal(guest_record(&g).trial.started, 4);
    guest_reset(&g, HF_ENDING_RESET, NULL);
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    guest_free(&g);
}

static void only_the_chosen_signal_confirms(void **state)
{
    static const char *const agent[] = {"confirm-by=agent", NULL};
    bool confirmed = true;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, agent);
    guest_stage(&g, 1);
    guest_power_on(&g);
    ok(hf_lifecycle_signal(g.c, HF_SIGNAL_UPTIME, g.now, &confirmed, &why));
    assert_false(confirmed);
    ok(hf_lifecycle_signal(g.c, HF_SIGNAL_MANUAL, g.now, &confirmed, &why));
    assert_false(confirmed);
    ok(hf_lifecycle_signal(g.c, HF_SIGNAL_AGENT, g.now, &confirmed, &why));
    assert_true(confirmed);
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    ok(hf_lifecycle_signal(g.c, HF_SIGNAL_AGENT, g.now, &confirmed, &why));
    assert_false(confirmed);
    guest_free(&g);
}

static void by_hand_nothing_goes_back_by_itself(void **state)
{
    static const char *const manual[] = {"confirm-by=manual", NULL};
    struct hf_confirm_report report;
    struct hf_digest staged;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, manual);
    staged = guest_stage(&g, 1);
    guest_power_on(&g);
    for (unsigned i = 0; i < 50; i++)
        guest_reset(&g, HF_ENDING_RESET, NULL);
    same(guest_code(&g), staged);
    ok(hf_confirm(g.c, g.now, false, &report, &why));
    assert_int_equal(report.was, HF_LIFE_TRIAL);
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    guest_free(&g);
}

static void a_held_boot_changes_nothing_and_says_why(void **state)
{
    struct hf_outlook outlook;
    struct hf_boot_plan plan;
    struct hf_digest code;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    guest_power_on(&g);
    guest_stage(&g, 1);
    plan = guest_reset(&g, HF_ENDING_RESET, "device 'disk1' came after the start");
    assert_int_equal(plan.action, HF_BOOT_RELEASE);
    assert_non_null(strstr(plan.words, "disk1"));
    same(guest_code(&g), code);
    ok(hf_outlook_get(g.c, &outlook, &why));
    assert_non_null(strstr(outlook.waits, "disk1"));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    assert_string_equal(guest_record(&g).held, "");
    guest_free(&g);
}

static void a_wrong_image_is_refused_by_name(void **state)
{
    struct image garbage = {.bytes = calloc(1, 65536), .size = 65536};
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, "pc-i440fx-7.2", NULL);
    assert_int_equal(guest_try_stage(&g, &code_4m, 0, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "same-image");
    assert_int_equal(guest_try_stage(&g, &garbage, 0, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "image");
    assert_int_equal(guest_try_stage(&g, &vars_4m, 0, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "image");
    if (code_smm.bytes) {
        assert_int_equal(guest_try_stage(&g, &code_smm, 0, false, &err), -HF_EREFUSED);
        assert_string_equal(err.rule, "smm");
    }
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    ok(hf_unstage(g.c, g.now, false, &why) == -HF_EREFUSED ? 0 : -1);
    guest_free(&g);
    free(garbage.bytes);
}

static void another_layout_converts_the_variables_and_back(void **state)
{
    struct hf_rollback_request back = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_digest code, vars;
    struct hf_boot_plan plan;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    vars = guest_vars(&g);
    ok(guest_try_stage(&g, &code_2m, 0, false, &why));
    plan = guest_power_on(&g);
    assert_int_equal(plan.did, HF_DECIDE_APPLY);
    assert_int_equal(plan.vars_size, 128 << 10);
    ok(hf_rollback(g.c, &back, &report, &why));
    plan = guest_power_on(&g);
    assert_int_equal(plan.vars_size, vars_4m.size);
    same(guest_code(&g), code);
    same(guest_vars(&g), vars);
    guest_free(&g);
}

static void a_tpm_wants_the_owners_word(void **state)
{
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    ok(hf_lifecycle_started(g.c, "7.2", "pc-q35-7.2", true, g.now, &why));
    assert_int_equal(guest_try_stage(&g, &code_4m, 1, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "tpm-aware");
    assert_non_null(strstr(err.text, "PCR 0"));
    ok(guest_try_stage(&g, &code_4m, 1, true, &why));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    guest_free(&g);
}

static void a_saved_state_keeps_newer_variables_and_refuses_other_firmware(void **state)
{
    struct hf_resume_report report;
    struct hf_digest code, vars;
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_power_on(&g);
    code = guest_code(&g);
    vars = guest_vars(&g);
    ok(hf_suspend(g.c, g.now, &why));
    ok(hf_resume(g.c, &code, &vars, g.now, &report, &why));
    assert_true(report.noted);
    assert_false(report.newer_variables);
    ok(hf_suspend(g.c, g.now, &why));
    guest_write(&g, 200000, "newer");
    ok(hf_resume(g.c, &code, &vars, g.now, &report, &why));
    assert_true(report.newer_variables);
    assert_true(report.snapshot > 0);
    ok(hf_suspend(g.c, g.now, &why));
    guest_stage(&g, 1);
    guest_power_on(&g);
    assert_int_equal(hf_resume(g.c, &code, &vars, g.now, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "suspended");
    code = guest_code(&g);
    assert_int_equal(hf_resume(g.c, &code, &vars, g.now, &report, &err), -HF_EREFUSED);
    guest_free(&g);
}

static void a_saved_state_that_goes_on_is_counted_as_the_boot_that_was_saved(void **state)
{
    struct hf_boot_plan plan;
    struct hf_boot goes_on;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_stage(&g, 1);
    guest_power_on(&g);
    ok(hf_lifecycle_ended(g.c, HF_ENDING_OPERATOR, g.now, NULL, &why));
    goes_on = guest_boot(&g, HF_MOMENT_POWER_ON);
    goes_on.arrives = true;
    ok(hf_lifecycle_power_on(g.c, &goes_on, &plan, &why));
    ok(hf_lifecycle_opened(g.c, &goes_on, &why));
    assert_true(guest_record(&g).trial.open);
    assert_int_equal(guest_record(&g).trial.started, 1);
    ok(hf_lifecycle_ended(g.c, HF_ENDING_RESET, g.now, NULL, &why));
    assert_int_equal(guest_record(&g).trial.started, 1);
    assert_int_equal(guest_record(&g).trial.failed, 0);
    guest_free(&g);
}

static void the_page_names_what_the_container_remembers(void **state)
{
    hf_auto(hf_cleanup_free) uint8_t *page = NULL;
    char path[4096], name[80];
    uint64_t size;

    snprintf(path, sizeof path, "%s/docs/upgrading.md", getenv("HOLDFAST_SOURCE_ROOT"));
    ok(hf_file_read(path, 1 << 20, &page, &size, &why));
    for (size_t n = 0; hf_life_field(n); n++) {
        snprintf(name, sizeof name, "`%s`", hf_life_field(n));
        if (memmem(page, (size_t)size, name, strlen(name)) == NULL)
            fail_msg("docs/upgrading.md does not name %s", name);
    }
}

static void a_fourth_image_finds_room(void **state)
{
    struct hf_confirm_report confirmed;
    struct hf_digest staged;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    for (unsigned i = 1; i <= 6; i++) {
        staged = guest_stage(&g, i);
        assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
        same(guest_code(&g), staged);
        ok(hf_confirm(g.c, g.now, false, &confirmed, &why));
    }
    assert_true(differ(guest_code(&g), hf_digest_of(code_4m.bytes, code_4m.size)));
    guest_free(&g);
}

static void ten_thousand_resets_stay_small(void **state)
{
    static const char *const manual[] = {"confirm-by=manual", NULL};
    unsigned resets = getenv("HOLDFAST_SLOWED") ? 500 : 10000;
    uint64_t before, after, unused;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, manual);
    guest_stage(&g, 1);
    guest_power_on(&g);
    guest_reset(&g, HF_ENDING_RESET, NULL);
    ok(hf_container_usage(g.c, &before, &unused, &why));
    for (unsigned i = 0; i < resets; i++)
        guest_reset(&g, HF_ENDING_RESET, NULL);
    ok(hf_container_usage(g.c, &after, &unused, &why));
    assert_true(after <= before + (64 << 10));
    assert_int_equal(guest_record(&g).trial.failed, resets + 1);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upgrade_is_applied_at_power_on_and_rolled_back_with_its_variables),
        cmocka_unit_test(three_resets_without_the_signal_bring_everything_back),
        cmocka_unit_test(what_the_host_cut_short_is_no_evidence),
        cmocka_unit_test(the_last_boot_of_a_trial_is_told_before_it_ends),
        cmocka_unit_test(what_is_staged_waits_for_a_power_on_where_the_owner_wants_that),
        cmocka_unit_test(boots_that_nobody_watches_count_neither_way),
        cmocka_unit_test(a_guest_that_powers_itself_off_has_not_failed),
        cmocka_unit_test(a_trial_of_the_version_before_goes_on),
        cmocka_unit_test(only_the_chosen_signal_confirms),
        cmocka_unit_test(by_hand_nothing_goes_back_by_itself),
        cmocka_unit_test(a_held_boot_changes_nothing_and_says_why),
        cmocka_unit_test(a_wrong_image_is_refused_by_name),
        cmocka_unit_test(another_layout_converts_the_variables_and_back),
        cmocka_unit_test(a_tpm_wants_the_owners_word),
        cmocka_unit_test(a_saved_state_keeps_newer_variables_and_refuses_other_firmware),
        cmocka_unit_test(a_saved_state_that_goes_on_is_counted_as_the_boot_that_was_saved),
        cmocka_unit_test(the_page_names_what_the_container_remembers),
        cmocka_unit_test(a_fourth_image_finds_room),
        cmocka_unit_test(ten_thousand_resets_stay_small),
    };

    return cmocka_run_group_tests_name("lifecycle-boots", tests, images_load, images_free);
}
