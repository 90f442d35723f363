/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "pause.h"

static void a_running_guest_is_stopped_once_and_let_go_once(void **state)
{
    struct hf_pause p;

    hf_pause_init(&p, true);
    assert_int_equal(hf_pause_hold(&p, HF_HOLD_SERVER), HF_PAUSE_STOP);
    hf_pause_on_stop(&p);
    assert_int_equal(hf_pause_hold(&p, HF_HOLD_STORAGE), HF_PAUSE_NOTHING);
    assert_int_equal(hf_pause_drop(&p, HF_HOLD_SERVER), HF_PAUSE_NOTHING);
    assert_int_equal(hf_pause_drop(&p, HF_HOLD_STORAGE), HF_PAUSE_CONT);
    assert_int_equal(hf_pause_on_resume(&p), HF_PAUSE_NOTHING);
    assert_int_equal(hf_pause_drop(&p, HF_HOLD_STORAGE), HF_PAUSE_NOTHING);
}

static void a_guest_that_its_owner_stopped_stays_stopped(void **state)
{
    struct hf_pause p;

    hf_pause_init(&p, true);
    hf_pause_on_stop(&p);
    assert_int_equal(hf_pause_hold(&p, HF_HOLD_SERVER), HF_PAUSE_NOTHING);
    assert_int_equal(hf_pause_drop(&p, HF_HOLD_SERVER), HF_PAUSE_NOTHING);
    hf_pause_init(&p, false);
    assert_int_equal(hf_pause_hold(&p, HF_HOLD_COPY), HF_PAUSE_NOTHING);
    assert_int_equal(hf_pause_drop(&p, HF_HOLD_COPY), HF_PAUSE_NOTHING);
}

static void a_hold_outlasts_the_owners_cont(void **state)
{
    struct hf_pause p;

    hf_pause_init(&p, false);
    assert_int_equal(hf_pause_hold(&p, HF_HOLD_STORAGE), HF_PAUSE_NOTHING);
    assert_int_equal(hf_pause_on_resume(&p), HF_PAUSE_STOP);
    hf_pause_on_stop(&p);
    assert_int_equal(hf_pause_drop(&p, HF_HOLD_STORAGE), HF_PAUSE_CONT);
}

static void a_hold_dropped_before_the_stop_was_seen_still_ends_in_running(void **state)
{
    struct hf_pause p;

    hf_pause_init(&p, true);
    assert_int_equal(hf_pause_hold(&p, HF_HOLD_SERVER), HF_PAUSE_STOP);
    assert_int_equal(hf_pause_drop(&p, HF_HOLD_SERVER), HF_PAUSE_CONT);
    hf_pause_on_stop(&p);
    assert_int_equal(hf_pause_on_resume(&p), HF_PAUSE_NOTHING);
    assert_true(p.running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_guest_is_stopped_once_and_let_go_once),
        cmocka_unit_test(a_guest_that_its_owner_stopped_stays_stopped),
        cmocka_unit_test(a_hold_outlasts_the_owners_cont),
        cmocka_unit_test(a_hold_dropped_before_the_stop_was_seen_still_ends_in_running),
    };

    return cmocka_run_group_tests_name("supervisor-pause", tests, NULL, NULL);
}
