/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "block_reads.h"

static uint64_t reads(const char *text)
{
    json_t *j = json_loads(text, 0, NULL);
    uint64_t n = hf_block_reads(j);

    json_decref(j);
    return n;
}

static void all_disks_are_added_up(void **state)
{
    assert_int_equal(reads("[{\"stats\":{\"rd_operations\":7}},{\"stats\":{\"rd_operations\":2}}]"), 9);
    assert_int_equal(reads("[]"), 0);
}

static void strange_statistics_are_no_reads(void **state)
{
    static const char *const strange[] = {"{}", "[1]", "[{\"stats\":{\"rd_operations\":-5}}]", "[{\"stats\":\"x\"}]"};

    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        assert_int_equal(reads(strange[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_disks_are_added_up),
        cmocka_unit_test(strange_statistics_are_no_reads),
    };

    return cmocka_run_group_tests_name("qemu-block_reads", tests, NULL, NULL);
}
