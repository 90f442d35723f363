/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorded_program.h"

static void a_qemu_of_this_host_is_taken(void **state)
{
    assert_int_equal(hf_recorded_program_check("qemu-system-x86_64", NULL), 0);
}

static void another_program_is_not(void **state)
{
    static const char *const names[] = {"",
                                        "sh",
                                        "/bin/sh",
                                        "/usr/bin/qemu-img/../sh",
                                        "./qemu-system-x86_64",
                                        "a/qemu-kvm",
                                        "../qemu-system-x86_64",
                                        "xqemu-system-arm"};
    struct hf_error err;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(hf_recorded_program_check(names[i], &err), -HF_EREFUSED);
        assert_string_equal(err.rule, "program");
        assert_non_null(strstr(err.text, "--probe-source"));
    }
}

static void a_file_that_others_may_write_is_not(void **state)
{
    char dir[] = "/tmp/holdfast-program-XXXXXX", path[64];
    int fd;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/qemu-system-x86_64", dir);
    assert_int_equal(hf_recorded_program_check(path, NULL), 0);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(hf_recorded_program_check(path, NULL), 0);
    assert_int_equal(fchmod(fd, 0770), 0);
    assert_int_equal(hf_recorded_program_check(path, NULL), -HF_EREFUSED);
    close(fd);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_qemu_of_this_host_is_taken),
        cmocka_unit_test(another_program_is_not),
        cmocka_unit_test(a_file_that_others_may_write_is_not),
    };

    return cmocka_run_group_tests_name("probe-recorded_program", tests, NULL, NULL);
}
