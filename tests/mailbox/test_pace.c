/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "mailbox_pace.h"

static struct hf_mailbox_pace pace;

static int fresh(void **state)
{
    hf_mailbox_pace_begin(&pace, 5000);
    return 0;
}

static int next(int64_t at, bool busy, enum hf_mailbox_stage stage)
{
    return hf_mailbox_pace_next(&pace, at, busy, stage, false);
}

static void ten_ms_until_boot_services_end(void **state)
{
    assert_int_equal(next(5000, false, HF_MAILBOX_STAGE_NONE), 10);
    assert_int_equal(next(900000, false, HF_MAILBOX_STAGE_STARTED), 10);
    assert_int_equal(next(900000, false, HF_MAILBOX_STAGE_READY_TO_BOOT), 10);
    assert_int_equal(next(900000, false, HF_MAILBOX_STAGE_EXIT_BOOT), 500);
}

static void where_no_driver_comes_patience_ends(void **state)
{
    assert_int_equal(next(5000 + HF_MAILBOX_PATIENCE_MS - 1, false, HF_MAILBOX_STAGE_NONE), 10);
    assert_int_equal(next(5000 + HF_MAILBOX_PATIENCE_MS, false, HF_MAILBOX_STAGE_NONE), 500);
}

static void one_ms_while_asked_and_a_while_after(void **state)
{
    assert_int_equal(next(6000, true, HF_MAILBOX_STAGE_STARTED), 1);
    assert_int_equal(next(6049, false, HF_MAILBOX_STAGE_STARTED), 1);
    assert_int_equal(next(6050, false, HF_MAILBOX_STAGE_STARTED), 10);
    assert_int_equal(next(7000, true, HF_MAILBOX_STAGE_EXIT_BOOT), 1);
    assert_int_equal(next(7050, false, HF_MAILBOX_STAGE_EXIT_BOOT), 500);
}

static void boot_only_means_never_again(void **state)
{
    assert_int_equal(hf_mailbox_pace_next(&pace, 6000, false, HF_MAILBOX_STAGE_READY_TO_BOOT, true), 10);
    assert_int_equal(hf_mailbox_pace_next(&pace, 6000, true, HF_MAILBOX_STAGE_EXIT_BOOT, true), -1);
    assert_true(hf_mailbox_pace_is_over(HF_MAILBOX_STAGE_EXIT_BOOT, true));
    assert_false(hf_mailbox_pace_is_over(HF_MAILBOX_STAGE_EXIT_BOOT, false));
    assert_false(hf_mailbox_pace_is_over(HF_MAILBOX_STAGE_READY_TO_BOOT, true));
}

/* A guest that asks without an end gets so many looks in each second and no more. */
static void a_budget_bounds_what_a_guest_costs(void **state)
{
    unsigned looks = 0;

    for (int64_t at = 10000; at < 20000; looks++)
        at += next(at, true, HF_MAILBOX_STAGE_EXIT_BOOT);
    assert_in_range(looks, 10 * HF_MAILBOX_BUDGET, 10 * (HF_MAILBOX_BUDGET + 100));
}

int main(void)
{
#define IT(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        IT(ten_ms_until_boot_services_end),       IT(where_no_driver_comes_patience_ends),
        IT(one_ms_while_asked_and_a_while_after), IT(boot_only_means_never_again),
        IT(a_budget_bounds_what_a_guest_costs),
    };

    return cmocka_run_group_tests_name("mailbox-pace", tests, NULL, NULL);
}
