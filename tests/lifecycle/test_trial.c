/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "confirm_by.h"
#include "trial.h"

static enum hf_life_event boot(struct hf_trial *t, enum hf_ending ending)
{
    hf_trial_open_boot(t, "host-boot-1", false);
    return hf_trial_close_boot(t, ending);
}

static void three_failed_boots_are_enough(void **state)
{
    struct hf_trial t = {.limit = 3};

    assert_int_equal(boot(&t, HF_ENDING_RESET), HF_EVENT_FAILED);
    assert_int_equal(boot(&t, HF_ENDING_PANIC), HF_EVENT_FAILED);
    assert_int_equal(boot(&t, HF_ENDING_OPERATOR), HF_EVENT_CUT);
    assert_int_equal(boot(&t, HF_ENDING_EXIT), HF_EVENT_FAILED_LAST);
    assert_int_equal(t.started, 4);
    assert_int_equal(t.failed, 3);
    assert_int_equal(t.cut, 1);
}

static void without_a_limit_nothing_goes_back_by_itself(void **state)
{
    struct hf_trial t = {.limit = 0};

    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(boot(&t, HF_ENDING_RESET), HF_EVENT_FAILED);
}

static void only_what_the_guest_did_is_evidence(void **state)
{
    static const bool evidence[] = {
        [HF_ENDING_RESET] = true,   [HF_ENDING_PANIC] = true,      [HF_ENDING_EXIT] = true,
        [HF_ENDING_TIMEOUT] = true, [HF_ENDING_OPERATOR] = false,  [HF_ENDING_HOST] = false,
        [HF_ENDING_MOVED] = false,  [HF_ENDING_POWER_OFF] = false, [HF_ENDING_UNSEEN] = false,
    };

    for (unsigned e = 0; e < HF_ENDING_MAX; e++) {
        struct hf_trial t = {.limit = 1};

        assert_int_equal(boot(&t, e), evidence[e] ? HF_EVENT_FAILED_LAST : HF_EVENT_CUT);
        assert_non_null(hf_ending_name(e));
    }
}

static void a_boot_nobody_saw_end_does_not_count(void **state)
{
    for (unsigned unwatched = 0; unwatched < 2; unwatched++) {
        struct hf_trial t = {.limit = 1};

        hf_trial_open_boot(&t, "host-boot-1", unwatched != 0);
        assert_int_equal(hf_trial_presumed_ending(&t), unwatched ? HF_ENDING_UNSEEN : HF_ENDING_HOST);
        assert_int_equal(hf_trial_close_boot(&t, hf_trial_presumed_ending(&t)), HF_EVENT_CUT);
        assert_int_equal(hf_trial_close_boot(&t, HF_ENDING_RESET), HF_EVENT_CUT);
        assert_int_equal(t.failed, 0);
        assert_int_equal(t.cut, 1);
    }
}

static void a_migrated_boot_does_not_count(void **state)
{
    struct hf_trial t = {.limit = 1};

    hf_trial_open_boot(&t, "host-boot-1", false);
    t.spoiled = true;
    assert_int_equal(hf_trial_close_boot(&t, HF_ENDING_RESET), HF_EVENT_CUT);
    assert_int_equal(boot(&t, HF_ENDING_RESET), HF_EVENT_FAILED_LAST);
}

static void a_saved_state_that_goes_on_is_no_other_boot(void **state)
{
    struct hf_trial t = {.limit = 1};

    hf_trial_open_boot(&t, "host-boot-1", false);
    assert_int_equal(hf_trial_close_boot(&t, HF_ENDING_OPERATOR), HF_EVENT_CUT); /* saved */
    for (unsigned i = 0; i < 3; i++) {
        hf_trial_resume_boot(&t, "host-boot-1", i == 1);
        assert_true(t.open && t.unwatched == (i == 1));
        assert_true(t.started == 1 && t.cut == 0);
        assert_int_equal(hf_trial_close_boot(&t, HF_ENDING_RESET), HF_EVENT_CUT);
        assert_true(t.started == 1 && t.failed == 0 && t.cut == 1);
    }
    assert_int_equal(boot(&t, HF_ENDING_RESET), HF_EVENT_FAILED_LAST);
    t = (struct hf_trial){.limit = 1}; /* saved before this trial */
    hf_trial_resume_boot(&t, "host-boot-1", false);
    assert_true(t.open && t.spoiled && t.started == 1);
}

static void a_choice_is_read_exactly(void **state)
{
    struct hf_confirm_by by;
    struct hf_error err;

    assert_int_equal(hf_confirm_by_parse("uptime", &by, &err), 0);
    assert_int_equal(by.seconds, 300);
    assert_int_equal(hf_confirm_by_parse("uptime:20", &by, &err), 0);
    assert_int_equal(by.signal, HF_SIGNAL_UPTIME);
    assert_int_equal(by.seconds, 20);
    assert_int_equal(hf_confirm_by_parse("manual", &by, &err), 0);
    assert_int_equal(hf_trial_limit(&by, -1), 0);
    assert_int_equal(hf_trial_limit(&by, 5), 5);
    assert_int_equal(hf_trial_limit(&by, 0), 0);
    assert_int_equal(hf_confirm_by_parse("agent", &by, &err), 0);
    assert_int_equal(hf_trial_limit(&by, -1), 3);
    assert_int_equal(hf_confirm_by_parse("mailbox", &by, &err), 0);
    static const char *const wrong[] = {"",          "uptime:",       "uptime:0",
                                        "uptime:-1", "uptime:604801", "uptime:99999999999999999999",
                                        "uptime:3 ", "Manual",        "agent:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(hf_confirm_by_parse(wrong[i], &by, &err), -HF_EUSAGE);
    assert_int_equal(by.signal, HF_SIGNAL_MAILBOX);
}

static void time_alone_proves_nothing(void **state)
{
    struct hf_confirm_by uptime = {HF_SIGNAL_UPTIME, 300}, agent = {HF_SIGNAL_AGENT, 0};

    assert_int_equal(hf_watch_judge(&uptime, 300, 299, true), HF_WATCH_WAIT);
    assert_int_equal(hf_watch_judge(&uptime, 300, 300, true), HF_WATCH_CONFIRM);
    assert_int_equal(hf_watch_judge(&uptime, 300, 299, false), HF_WATCH_WAIT);
    assert_int_equal(hf_watch_judge(&uptime, 300, 300, false), HF_WATCH_RESET);
    assert_int_equal(hf_watch_judge(&uptime, 0, 1000000, false), HF_WATCH_WAIT);
    assert_int_equal(hf_watch_judge(&agent, 300, 1000000, true), HF_WATCH_WAIT);
    assert_int_equal(hf_watch_judge(&agent, 300, 300, false), HF_WATCH_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_failed_boots_are_enough),
        cmocka_unit_test(without_a_limit_nothing_goes_back_by_itself),
        cmocka_unit_test(only_what_the_guest_did_is_evidence),
        cmocka_unit_test(a_boot_nobody_saw_end_does_not_count),
        cmocka_unit_test(a_migrated_boot_does_not_count),
        cmocka_unit_test(a_saved_state_that_goes_on_is_no_other_boot),
        cmocka_unit_test(a_choice_is_read_exactly),
        cmocka_unit_test(time_alone_proves_nothing),
    };

    return cmocka_run_group_tests_name("lifecycle-trial", tests, NULL, NULL);
}
