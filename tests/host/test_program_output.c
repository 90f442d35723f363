/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "program_output.h"

static char *shell(const char *script, int *r, struct hf_error *err)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL};
    char *text = NULL;

    *r = hf_program_output(argv, &text, err);
    return text;
}

static void what_a_program_prints_is_kept(void **state)
{
    struct hf_error err;
    int r;
    char *text = shell("echo one; echo two; echo three >&2", &r, &err);

    assert_int_equal(r, 0);
    assert_string_equal(text, "one\ntwo\n");
    free(text);
    (void)shell("echo one; exit 3", &r, &err);
    assert_int_equal(r, -HF_EPROTO);
    (void)shell("yes", &r, &err);
    assert_int_equal(r, -HF_EPROTO);
    assert_non_null(strstr(err.text, "output too long"));
}

/* Its output is closed, it hears no SIGTERM, and it stays. */
static void one_that_does_not_end_is_ended(void **state)
{
    struct hf_error err;
    int r;

    (void)shell("trap '' TERM; echo words; exec >&- <&-; while :; do sleep 1; done", &r, &err);
    assert_int_equal(r, -HF_EPROTO);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_program_prints_is_kept),
        cmocka_unit_test(one_that_does_not_end_is_ended),
    };

    return cmocka_run_group_tests_name("host-program-output", tests, NULL, NULL);
}
