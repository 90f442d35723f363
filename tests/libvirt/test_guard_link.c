/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "command_line.h"
#include "guard_link.h"

static struct hf_error err;

/* Formats, takes the newline off, parses. */
static struct hf_guard_request round_trip(struct hf_guard_request q)
{
    struct hf_guard_request out = {.ask = (enum hf_guard_ask)0};
    char line[HF_GUARD_LINE_MAX];

    hf_guard_request_format(&q, line);
    assert_int_equal(line[strlen(line) - 1], '\n');
    line[strlen(line) - 1] = 0;
    assert_int_equal(hf_guard_request_parse(line, &out, &err), 0);
    assert_int_equal(out.ask, q.ask);
    return out;
}

static void requests_come_back(void **state)
{
    struct hf_guard_request q;

    q = round_trip(
        (struct hf_guard_request){.ask = HF_GUARD_SERVE, .uid = 64055, .gid = 108, .selinux = "a:b:c:s0:c1,c2"});
    assert_int_equal(q.uid, 64055);
    assert_int_equal(q.gid, 108);
    assert_string_equal(q.selinux, "a:b:c:s0:c1,c2");
    q = round_trip((struct hf_guard_request){.ask = HF_GUARD_SERVE});
    assert_string_equal(q.selinux, "");
    q = round_trip((struct hf_guard_request){.ask = HF_GUARD_STARTED, .machine = "pc-q35-7.2", .tpm = true});
    assert_string_equal(q.machine, "pc-q35-7.2");
    assert_true(q.tpm);
    q = round_trip((struct hf_guard_request){.ask = HF_GUARD_BEAT, .pid = 77, .reads = 1234, .running = true});
    assert_true(q.pid == 77 && q.reads == 1234 && q.running);
    q = round_trip(
        (struct hf_guard_request){.ask = HF_GUARD_SAW, .pid = 77, .event = "reset", .why_not = "it is transient"});
    assert_string_equal(q.event, "reset");
    assert_string_equal(q.why_not, "it is transient");
    assert_false(q.by_guest);
    q = round_trip((struct hf_guard_request){.ask = HF_GUARD_SAW, .event = "agent", .by_guest = true});
    assert_string_equal(q.why_not, "");
    assert_true(q.by_guest);
    for (unsigned ask = HF_GUARD_END; ask <= HF_GUARD_PREPARED; ask++)
        round_trip((struct hf_guard_request){.ask = (enum hf_guard_ask)ask});
}

static void other_lines_are_no_requests(void **state)
{
    static const char *const bad[] = {"",        "serve",  "serve 1",     "serve x y z", "started", "END",
                                      "end now", "beat 1", "saw 1 reset", "watching",    "\xff\xfe"};
    struct hf_guard_request q;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(hf_guard_request_parse(bad[i], &q, &err), -HF_EPROTO);
}

static void answers_carry_the_error(void **state)
{
    struct hf_error was, got;
    char line[HF_GUARD_LINE_MAX];

    hf_guard_answer_format(0, NULL, line);
    assert_string_equal(line, "ok\n");
    assert_int_equal(hf_guard_answer_parse("ok", &got), 0);
    hf_error_refuse(&was, "published", "two\nlines, 100%% sure");
    hf_guard_answer_format(-HF_EREFUSED, &was, line);
    line[strlen(line) - 1] = 0;
    assert_null(strchr(line, '\n'));
    assert_int_equal(hf_guard_answer_parse(line, &got), -HF_EREFUSED);
    assert_string_equal(got.rule, "published");
    assert_string_equal(got.text, "two lines, 100% sure");
    hf_error_set(&was, HF_EOWNED, "process 5 has it");
    hf_guard_answer_format(-HF_EOWNED, &was, line);
    line[strlen(line) - 1] = 0;
    assert_int_equal(hf_guard_answer_parse(line, &got), -HF_EOWNED);
    assert_string_equal(got.text, "process 5 has it");
    assert_int_equal(hf_guard_answer_parse("error 0 - nothing", &got), -HF_EPROTO);
    assert_int_equal(hf_guard_answer_parse("error 999 - nothing", &got), -HF_EPROTO);
    assert_int_equal(hf_guard_answer_parse("okay", &got), -HF_EPROTO);
    for (int order = 1; order < HF_GUARD_ORDER_MAX; order++) {
        hf_guard_answer_format(order, NULL, line);
        line[strlen(line) - 1] = 0;
        assert_int_equal(hf_guard_answer_parse(line, &got), order);
    }
    assert_int_equal(hf_guard_answer_parse("ok jump", &got), -HF_EPROTO);
}

static void flash_in_a_command_line(void **state)
{
    static const char line[] =
        "LC_ALL=C /usr/bin/qemu-system-x86_64 -blockdev '{\"driver\":\"file\",\"filename\":\"/c.fd\",\"node-name\":"
        "\"libvirt-pflash0-storage\",\"discard\":\"unmap\"}' -blockdev '{\"node-name\":\"libvirt-pflash0-format\"}' "
        "-blockdev "
        "'{\"driver\":\"file\",\"filename\":\"/v.fd\",\"node-name\":\"libvirt-pflash1-storage\"}' -global "
        "driver=cfi.pflash01,property=secure,value=on -m 256";
    char code[PATH_MAX] = "", vars[PATH_MAX] = "";
    bool secure = false;

    assert_int_equal(hf_command_line_flash(line, code, vars, &secure, &err), 0);
    assert_string_equal(code, "/c.fd");
    assert_string_equal(vars, "/v.fd");
    assert_true(secure);
    assert_int_equal(hf_command_line_flash("qemu -blockdev '{\"node", code, vars, &secure, &err), -HF_EPROTO);
    assert_int_equal(hf_command_line_flash("qemu -bios x", code, vars, &secure, &err), -HF_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_back),
        cmocka_unit_test(other_lines_are_no_requests),
        cmocka_unit_test(answers_carry_the_error),
        cmocka_unit_test(flash_in_a_command_line),
    };

    return cmocka_run_group_tests_name("libvirt-guard_link", tests, NULL, NULL);
}
