/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "command_line.h"

static struct hf_error err;

static void words_are_a_shells(void **state)
{
    static const char line[] =
        "LC_ALL=C \\\nPATH=/usr/bin:/bin \\\n'HOME=/a b' \\\n/usr/bin/qemu-system-x86_64 \\\n"
        "-name guest=vm1,debug-threads=on \\\n-S \\\n-device '{\"driver\":\"e1000\",\"id\":\"n\"}' \\\n"
        "-fw_cfg 'name=opt/a,string=it'\\''s so' \\\n-append ''\n";
    static const char *const expected[] = {
        "/usr/bin/qemu-system-x86_64",         "-name",   "guest=vm1,debug-threads=on", "-S",      "-device",
        "{\"driver\":\"e1000\",\"id\":\"n\"}", "-fw_cfg", "name=opt/a,string=it's so",  "-append", ""};
    struct hf_words words = {0};

    assert_int_equal(hf_command_line_words(line, &words, &err), 0);
    assert_int_equal(words.count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < words.count; i++)
        assert_string_equal(words.at[i], expected[i]);
    hf_words_done(&words);
}

static void a_line_that_is_none_is_refused(void **state)
{
    struct hf_words words = {0};

    assert_int_equal(hf_command_line_words("/usr/bin/qemu 'open", &words, &err), -HF_EPROTO);
    assert_int_equal(hf_command_line_words("LC_ALL=C \\\n", &words, &err), -HF_EPROTO);
    assert_int_equal(hf_command_line_words("", &words, &err), -HF_EPROTO);
    assert_null(words.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_a_shells),
        cmocka_unit_test(a_line_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
