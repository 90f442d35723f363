/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include "trial_watch.h"

static void only_running_time_counts(void **state)
{
    struct hf_trial_watch w;

    hf_trial_watch_begin(&w, 1000);
    hf_trial_watch_tick(&w, 3000, false);
    hf_trial_watch_tick(&w, 9000, true);
    hf_trial_watch_tick(&w, 9500, true);
    assert_int_equal(w.running_ms, 2500);
    hf_trial_watch_tick(&w, 9000, true); /* a clock that steps back */
    assert_int_equal(w.running_ms, 2500);
    assert_int_equal(hf_trial_watch_seconds(&w), 2);
}

static void a_disk_read_is_a_sign_of_life(void **state)
{
    struct hf_trial_watch w;

    hf_trial_watch_begin(&w, 0);
    hf_trial_watch_reads(&w, 7); /* reads of the boot before */
    assert_false(w.life);
    hf_trial_watch_reads(&w, 7);
    assert_false(w.life);
    hf_trial_watch_reads(&w, 8);
    assert_true(w.life);
}

static void a_write_of_the_variables_is_a_sign_of_life(void **state)
{
    struct hf_trial_watch w;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_write(&g, 200000, "the boot before");
    hf_trial_watch_begin(&w, 0);
    hf_trial_watch_bank(&w, g.c);
    assert_false(w.life);
    (void)guest_stage(&g, 1); /* a commit that is not the guest's */
    hf_trial_watch_bank(&w, g.c);
    assert_false(w.life);
    guest_write(&g, 200000, "this boot");
    hf_trial_watch_bank(&w, g.c);
    assert_true(w.life);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_running_time_counts),
        cmocka_unit_test(a_disk_read_is_a_sign_of_life),
        cmocka_unit_test(a_write_of_the_variables_is_a_sign_of_life),
    };

    return cmocka_run_group_tests_name("lifecycle-trial_watch", tests, images_load, images_free);
}
