/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "lifecycle_table.h"

/* The picture above the table, once more and by hand: from, event, to. Every other cell stays where it is. */
static const struct {
    const char *from, *event, *to;
} arrows[] = {
    {"steady", "stage", "staged"},        {"steady", "offer", "staged"},       {"staged", "unstage", "steady"},
    {"staged", "boot", "applied"},        {"applied", "opened", "trial"},      {"applied", "no-boot", "staged"},
    {"trial", "signal", "steady"},        {"trial", "confirm", "steady"},      {"trial", "roll-back", "rollback"},
    {"trial", "failed-last", "rollback"}, {"steady", "roll-back", "rollback"}, {"rollback", "boot", "steady"},
    {"rollback", "confirm", "steady"},
};

static const char *arrow(const char *from, const char *event)
{
    for (size_t i = 0; i < sizeof arrows / sizeof arrows[0]; i++) {
        if (strcmp(arrows[i].from, from) == 0 && strcmp(arrows[i].event, event) == 0)
            return arrows[i].to;
    }
    return from;
}

static void the_table_is_the_picture(void **state)
{
    for (unsigned s = 0; s < HF_LIFE_MAX; s++) {
        for (unsigned e = 0; e < HF_EVENT_MAX; e++) {
            const struct hf_move *m = hf_lifecycle_move(s, e);

            assert_string_equal(hf_life_name(m->next), arrow(hf_life_name(s), hf_life_event_name(e)));
            if (m->decision == HF_DECIDE_REFUSE) {
                assert_non_null(m->rule);
                assert_non_null(m->why);
                assert_int_equal(m->next, s);
            } else {
                assert_null(m->rule);
                assert_null(m->why);
            }
        }
    }
}

/* Breadth first, with one event taken away: which states remain reachable from steady? */
static unsigned reach_without(unsigned start, enum hf_life_event missing)
{
    unsigned seen = 1U << start;

    for (unsigned before = 0; before != seen;) {
        before = seen;
        for (unsigned s = 0; s < HF_LIFE_MAX; s++) {
            for (unsigned e = 0; (seen >> s & 1U) && e < HF_EVENT_MAX; e++) {
                if (e != missing)
                    seen |= 1U << hf_lifecycle_move(s, e)->next;
            }
        }
    }
    return seen;
}

static void every_state_is_reached_and_left(void **state)
{
    for (unsigned s = 0; s < HF_LIFE_MAX; s++)
        assert_int_equal(reach_without(s, HF_EVENT_MAX), (1U << HF_LIFE_MAX) - 1U);
}

static void a_trial_needs_a_boot_and_a_return_needs_a_decision(void **state)
{
    assert_int_equal(reach_without(HF_LIFE_STEADY, HF_EVENT_BOOT) >> HF_LIFE_TRIAL & 1U, 0);
    assert_int_equal(reach_without(HF_LIFE_STEADY, HF_EVENT_OPENED) >> HF_LIFE_TRIAL & 1U, 0);
    for (unsigned e = 0; e < HF_EVENT_MAX; e++) {
        if (hf_lifecycle_move(HF_LIFE_TRIAL, e)->next == HF_LIFE_ROLLBACK)
            assert_true(e == HF_EVENT_FAILED_LAST || e == HF_EVENT_ROLL_BACK);
        if (hf_lifecycle_move(HF_LIFE_TRIAL, e)->next == HF_LIFE_STEADY)
            assert_true(e == HF_EVENT_SIGNAL || e == HF_EVENT_CONFIRM);
    }
}

static void firmware_changes_only_at_a_boot_or_while_off(void **state)
{
    for (unsigned s = 0; s < HF_LIFE_MAX; s++) {
        for (unsigned e = 0; e < HF_EVENT_MAX; e++) {
            if (hf_decision_changes_firmware(hf_lifecycle_move(s, e)->decision))
                assert_true(e == HF_EVENT_BOOT || e == HF_EVENT_NO_BOOT || e == HF_EVENT_REVERT);
        }
    }
}

static void a_boot_of_a_trial_is_always_counted(void **state)
{
    assert_int_equal(hf_lifecycle_move(HF_LIFE_TRIAL, HF_EVENT_OPENED)->decision, HF_DECIDE_COUNT);
    assert_int_equal(hf_lifecycle_move(HF_LIFE_APPLIED, HF_EVENT_OPENED)->decision, HF_DECIDE_COUNT);
    assert_int_equal(hf_lifecycle_move(HF_LIFE_STAGED, HF_EVENT_BOOT)->decision, HF_DECIDE_APPLY);
}

/* Nor does anything else count one. */
static void a_start_is_no_boot(void **state)
{
    for (unsigned s = 0; s < HF_LIFE_MAX; s++) {
        for (unsigned e = 0; e < HF_EVENT_MAX; e++) {
            if (hf_lifecycle_move(s, e)->decision == HF_DECIDE_COUNT)
                assert_int_equal(e, HF_EVENT_OPENED);
        }
    }
}

static void a_refusal_names_its_rule(void **state)
{
    const struct hf_move *m = NULL;
    struct hf_error err;

    assert_int_equal(hf_lifecycle_try(HF_LIFE_TRIAL, HF_EVENT_STAGE, &m, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "trial");
    assert_non_null(strstr(err.text, "holdfast confirm"));
    assert_null(m);
    assert_int_equal(hf_lifecycle_try(HF_LIFE_STEADY, HF_EVENT_STAGE, &m, &err), 0);
    assert_int_equal(m->next, HF_LIFE_STAGED);
}

static void names_read_back(void **state)
{
    enum hf_life back;
    struct hf_error err;

    for (unsigned s = 0; s < HF_LIFE_MAX; s++) {
        assert_int_equal(hf_life_parse(hf_life_name(s), &back, &err), 0);
        assert_int_equal(back, s);
    }
    assert_int_equal(hf_life_parse("steadyy", &back, &err), -HF_EDAMAGED);
    for (unsigned e = 0; e < HF_EVENT_MAX; e++)
        assert_non_null(hf_life_event_name(e));
    for (unsigned d = 0; d < HF_DECIDE_MAX; d++)
        assert_non_null(hf_decision_name(d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_picture),
        cmocka_unit_test(every_state_is_reached_and_left),
        cmocka_unit_test(a_trial_needs_a_boot_and_a_return_needs_a_decision),
        cmocka_unit_test(firmware_changes_only_at_a_boot_or_while_off),
        cmocka_unit_test(a_boot_of_a_trial_is_always_counted),
        cmocka_unit_test(a_start_is_no_boot),
        cmocka_unit_test(a_refusal_names_its_rule),
        cmocka_unit_test(names_read_back),
    };

    return cmocka_run_group_tests_name("lifecycle-lifecycle_table", tests, NULL, NULL);
}
