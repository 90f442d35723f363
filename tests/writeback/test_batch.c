/* SPDX-License-Identifier: BSD-2-Clause */
/* L7: what was sealed together is one commit, with nothing of it to be seen before. */
#include "ground.h"

#include "writeback.h"

static uint64_t commits_of(struct hf_container *c)
{
    uint64_t count = 0;

    OK(hf_container_commits(c, &count, &err));
    return count;
}

static void a_batch_is_one_commit(void **state)
{
    static const uint32_t pages[] = {9, 2, 5};
    uint8_t bank[BANK_SIZE], wanted[BANK_SIZE];
    struct hf_queue_file *f;
    struct hf_write_queue *q;
    struct hf_container *c;
    uint64_t before;

    OK(hf_container_close(ground_container("g.hold"), &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_bank_read(c, HF_BANK_VARS, 0, wanted, sizeof wanted, &err));
    OK(hf_writeback_open(c, &f, &err));
    q = hf_queue_file_queue(f);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        wanted[pages[i] * HF_PAGE_SIZE + i] ^= 0x5A;
        OK(hf_write_queue_write(q, pages[i] * HF_PAGE_SIZE, wanted + pages[i] * HF_PAGE_SIZE, HF_PAGE_SIZE, &err));
    }
    assert_true(hf_write_queue_seal(q));
    before = commits_of(c);
    OK(hf_writeback_commit(c, q, &err));
    hf_write_queue_committed(q);
    assert_int_equal(commits_of(c), before + 1);
    OK(hf_bank_read(c, HF_BANK_VARS, 0, bank, sizeof bank, &err));
    assert_memory_equal(bank, wanted, sizeof bank);
    hf_queue_file_close(f);
    OK(hf_container_close(c, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_is_one_commit, ground_setup, ground_teardown),
    };

    return cmocka_run_group_tests_name("writeback-batch", tests, NULL, NULL);
}
