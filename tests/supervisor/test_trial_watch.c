/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

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

static void disks(struct hf_trial_watch *w, const char *text)
{
    json_t *j = json_loads(text, 0, NULL);

    hf_trial_watch_disks(w, j);
    json_decref(j);
}

static void a_disk_read_is_a_sign_of_life(void **state)
{
    struct hf_trial_watch w;

    hf_trial_watch_begin(&w, 0);
    disks(&w, "[{\"stats\":{\"rd_operations\":7}},{\"stats\":{\"rd_operations\":0}}]");
    assert_false(w.life); /* reads of the boot before */
    disks(&w, "[{\"stats\":{\"rd_operations\":7}},{\"stats\":{\"rd_operations\":0}}]");
    assert_false(w.life);
    disks(&w, "[{\"stats\":{\"rd_operations\":7}},{\"stats\":{\"rd_operations\":1}}]");
    assert_true(w.life);
}

static void strange_statistics_are_no_sign(void **state)
{
    static const char *const strange[] = {"{}", "[]", "[1]", "[{\"stats\":{\"rd_operations\":-5}}]",
                                          "[{\"stats\":\"x\"}]"};
    struct hf_trial_watch w;

    hf_trial_watch_begin(&w, 0);
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        disks(&w, strange[i]);
    assert_false(w.life);
    hf_trial_watch_flash(&w);
    assert_true(w.life);
}

static void a_port_that_opens_is_told(void **state)
{
    json_t *open = json_loads("{\"open\":true,\"id\":\"agent0\"}", 0, NULL);
    json_t *closed = json_loads("{\"open\":false,\"id\":\"agent0\"}", 0, NULL);
    json_t *odd = json_loads("{\"open\":true,\"id\":7}", 0, NULL);

    assert_string_equal(hf_trial_watch_opened_port(open), "agent0");
    assert_null(hf_trial_watch_opened_port(closed));
    assert_null(hf_trial_watch_opened_port(odd));
    json_decref(open);
    json_decref(closed);
    json_decref(odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_running_time_counts),
        cmocka_unit_test(a_disk_read_is_a_sign_of_life),
        cmocka_unit_test(strange_statistics_are_no_sign),
        cmocka_unit_test(a_port_that_opens_is_told),
    };

    return cmocka_run_group_tests_name("supervisor-trial_watch", tests, NULL, NULL);
}
