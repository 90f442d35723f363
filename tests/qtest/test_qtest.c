/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "qtest.h"

/* What stands on the wire, and answers of every kind; the client on top of it meets real QEMUs in the conformance and
 * probe tests. */
struct wire {
    const char *answer;
    char sent[128];
    unsigned exchanges, failures;
};

static int exchange(void *ctx, const char *command, size_t size, char *answer, size_t room, struct hf_error *err)
{
    struct wire *w = ctx;

    w->exchanges++;
    snprintf(w->sent, sizeof w->sent, "%.*s", (int)size, command);
    if (!w->answer)
        return hf_error_set(err, HF_EIO, "gone");
    snprintf(answer, room, "%s", w->answer);
    return 0;
}

static void failed(void *ctx, const struct hf_error *why)
{
    ((struct wire *)ctx)->failures++;
}

static struct wire wire;
static struct hf_qtest q;

static int fresh(void **state)
{
    wire = (struct wire){.answer = "OK"};
    q = (struct hf_qtest){.exchange = exchange, .failed = failed, .ctx = &wire, .base = 0x510, .memory = 0x100000};
    return 0;
}

static void commands_are_what_qemu_takes(void **state)
{
    const uint8_t bytes[] = {0x00, 0xff, 0x1a};
    uint8_t got[3];

    wire.answer = "OK 0x0000000000000051";
    assert_int_equal(hf_qtest_in(&q, 0x511, 1), 0x51);
    assert_string_equal(wire.sent, "inb 0x511\n");
    wire.answer = "OK";
    hf_qtest_out(&q, 0xcf8, 4, 0x80000060);
    assert_string_equal(wire.sent, "outl 0xcf8 0x80000060\n");
    hf_qtest_write(&q, 0x100000, bytes, sizeof bytes);
    assert_string_equal(wire.sent, "write 0x100000 0x3 0x00ff1a\n");
    wire.answer = "OK 0x00Ff1a";
    hf_qtest_read(&q, 0x100000, got, sizeof got);
    assert_memory_equal(got, bytes, sizeof bytes);
    assert_int_equal(q.fault.code, HF_OK);
}

static void the_selector_is_big_endian_in_memory_and_little_at_a_port(void **state)
{
    hf_qtest_select(&q, 0x0019);
    assert_string_equal(wire.sent, "outw 0x510 0x19\n");
    q.mmio = true;
    q.base = 0x9020000;
    hf_qtest_select(&q, 0x0019);
    assert_string_equal(wire.sent, "write 0x9020008 0x2 0x0019\n");
}

static void the_first_failure_sticks_and_reads_are_zero(void **state)
{
    static const char *const wrong[] = {"FAIL unknown", "OK 0x00", "OK 0x0000zz", "OK 00000000", "", NULL};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t got[3] = {1, 2, 3};

        (void)fresh(state);
        wire.answer = wrong[i];
        hf_qtest_read(&q, 0x100000, got, sizeof got);
        assert_int_not_equal(q.fault.code, HF_OK);
        assert_int_equal(wire.failures, 1);
        wire.answer = "OK 0x1";
        assert_int_equal(hf_qtest_in(&q, 0x511, 1), 0);
        assert_int_equal(wire.exchanges, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(commands_are_what_qemu_takes, fresh),
        cmocka_unit_test_setup(the_selector_is_big_endian_in_memory_and_little_at_a_port, fresh),
        cmocka_unit_test_setup(the_first_failure_sticks_and_reads_are_zero, fresh),
    };

    return cmocka_run_group_tests_name("qtest-qtest", tests, NULL, NULL);
}
