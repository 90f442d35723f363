/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <unistd.h>

#include "cleanup.h"
#include "probe_machine.h"

/* A container names the machine; behind a comma QEMU would take options, one that writes a file among them. */
static void what_is_no_machine_type_starts_nothing(void **state)
{
    static const char *const types[] = {"", "virt,dumpdtb=/tmp/x", "pc-q35-7.2,kernel=/x", "none", "microvm", "-S"};
    char *const more[] = {NULL};
    struct hf_probe_child child;
    struct hf_error err;

    for (size_t i = 0; i < HF_ARRAY_SIZE(types); i++) {
        const struct hf_probe_machine m = {.program = "/bin/true", .type = types[i]};

        assert_int_equal(hf_probe_start(&m, more, NULL, 0, &child, &err), -HF_EREFUSED);
        assert_string_equal(err.rule, "machine");
    }
}

static void a_machine_type_is_started(void **state)
{
    const struct hf_probe_machine m = {.program = "/bin/echo", .type = "q35", .code_size = 4096};
    char *const more[] = {NULL};
    struct hf_probe_child child;
    char words[192] = "";

    assert_int_equal(hf_probe_start(&m, more, NULL, 0, &child, NULL), 0);
    for (int i = 0; i < 1000 && !words[0]; i++) {
        hf_probe_words(&child, words, sizeof words);
        if (!words[0])
            usleep(10000);
    }
    hf_probe_end(&child);
    assert_non_null(strstr(words, "type=q35,accel=tcg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_machine_type_starts_nothing),
        cmocka_unit_test(a_machine_type_is_started),
    };

    return cmocka_run_group_tests_name("probe-probe_machine", tests, NULL, NULL);
}
