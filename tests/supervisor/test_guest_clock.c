/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdlib.h>

#include "guest_clock.h"

#define NOW ((time_t)1700000000) /* 2023-11-14T22:13:20Z */

static void a_clock_that_nobody_set_is_the_owners(void **state)
{
    static const char *const bases[] = {"", "utc", "localtime", "nonsense", "2006-06-17T16"};
    struct hf_guest_clock c;
    char base[HF_CLOCK_BASE_SIZE];

    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        hf_guest_clock_init(&c, bases[i], NOW);
        assert_false(hf_guest_clock_base(&c, NOW + 60, base));
    }
}

static void what_the_guest_set_runs_on(void **state)
{
    struct hf_guest_clock c;
    char base[HF_CLOCK_BASE_SIZE];

    hf_guest_clock_init(&c, "utc", NOW);
    hf_guest_clock_set(&c, 86400);
    assert_true(hf_guest_clock_base(&c, NOW + 10, base));
    assert_string_equal(base, "2023-11-15T22:13:30");
    hf_guest_clock_restarted(&c);
    assert_true(hf_guest_clock_base(&c, NOW + 20, base));
    assert_string_equal(base, "2023-11-15T22:13:40");
    hf_guest_clock_set(&c, -86400); /* counted from what it was started with */
    assert_true(hf_guest_clock_base(&c, NOW + 20, base));
    assert_string_equal(base, "2023-11-14T22:13:40");
}

static void a_date_of_the_owner_was_for_the_first_start(void **state)
{
    struct hf_guest_clock c;
    char base[HF_CLOCK_BASE_SIZE];

    hf_guest_clock_init(&c, "2006-06-17T16:01:21", NOW);
    assert_true(hf_guest_clock_base(&c, NOW + 5, base));
    assert_string_equal(base, "2006-06-17T16:01:26");
    hf_guest_clock_set(&c, 60);
    assert_true(hf_guest_clock_base(&c, NOW + 5, base));
    assert_string_equal(base, "2006-06-17T16:02:26");
    hf_guest_clock_init(&c, "2006-06-17", NOW);
    assert_true(hf_guest_clock_base(&c, NOW + 3600, base));
    assert_string_equal(base, "2006-06-17T01:00:00");
}

static void a_local_clock_is_counted_from_local_time(void **state)
{
    struct hf_guest_clock c;
    char base[HF_CLOCK_BASE_SIZE];

    assert_int_equal(setenv("TZ", "XYZ-2", 1), 0);
    tzset();
    hf_guest_clock_init(&c, "localtime", NOW);
    hf_guest_clock_set(&c, 1);
    assert_true(hf_guest_clock_base(&c, NOW, base));
    assert_string_equal(base, "2023-11-15T00:13:21");
}

static void a_clock_that_came_from_another_host_runs_on(void **state)
{
    struct hf_guest_clock there, here;
    char base[HF_CLOCK_BASE_SIZE];

    hf_guest_clock_init(&there, "2006-06-17", NOW);
    hf_guest_clock_set(&there, 60);
    hf_guest_clock_init(&here, "2006-06-17", NOW + 3600); /* the same arguments, an hour later */
    hf_guest_clock_arrived(&here, there.ahead);
    assert_true(hf_guest_clock_base(&here, NOW + 3600, base));
    assert_string_equal(base, "2006-06-17T01:01:00");
    hf_guest_clock_set(&here, 0); /* counted from what QEMU here was started with */
    assert_true(hf_guest_clock_base(&here, NOW + 3600, base));
    assert_string_equal(base, "2006-06-17T00:00:00");
    hf_guest_clock_init(&here, "utc", NOW);
    hf_guest_clock_arrived(&here, INT64_MIN);
    assert_false(hf_guest_clock_base(&here, NOW, base));
    hf_guest_clock_arrived(&here, 0);
    assert_false(hf_guest_clock_base(&here, NOW, base));
    hf_guest_clock_arrived(&here, 86400);
    assert_true(hf_guest_clock_base(&here, NOW, base));
    assert_string_equal(base, "2023-11-15T22:13:20");
}

static void what_no_date_can_say_is_not_taken(void **state)
{
    static const int64_t offsets[] = {INT64_MAX, INT64_MIN, (int64_t)366 * 86400 * 9000};
    struct hf_guest_clock c;
    char base[HF_CLOCK_BASE_SIZE];

    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        hf_guest_clock_init(&c, "utc", NOW);
        hf_guest_clock_set(&c, offsets[i]);
        assert_false(hf_guest_clock_base(&c, NOW, base));
    }
    hf_guest_clock_set(&c, (int64_t)-366 * 86400 * 1000);
    assert_false(hf_guest_clock_base(&c, NOW, base));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_nobody_set_is_the_owners),
        cmocka_unit_test(what_the_guest_set_runs_on),
        cmocka_unit_test(a_date_of_the_owner_was_for_the_first_start),
        cmocka_unit_test(a_local_clock_is_counted_from_local_time),
        cmocka_unit_test(a_clock_that_came_from_another_host_runs_on),
        cmocka_unit_test(what_no_date_can_say_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
