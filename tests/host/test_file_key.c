/* SPDX-License-Identifier: BSD-2-Clause */
/* A key stands for a file's bytes: where they may be others, it is another or there is none. */
#include "ground.h"

#include <fcntl.h>
#include <time.h>

#include "file_key.h"

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

/* Waits until the file is old enough to have one: that is what this is about. */
static void wait_for_key(const char *path, char key[HF_FILE_KEY_SIZE])
{
    const struct timespec moment = {.tv_nsec = 50 * 1000000L};

    while (!hf_file_key(path, key))
        (void)nanosleep(&moment, NULL);
}

static void a_file_that_was_just_changed_has_none(void **state)
{
    const char *path = ground_path("file");
    char key[HF_FILE_KEY_SIZE], again[HF_FILE_KEY_SIZE];
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    assert_false(hf_file_key(path, key));
    assert_false(hf_file_key(ground_path("."), key));
    write_file(path, "one");
    assert_false(hf_file_key(path, key));
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0); /* which anybody can do, and ctime tells */
    assert_false(hf_file_key(path, key));
    wait_for_key(path, key);
    wait_for_key(path, again);
    assert_string_equal(key, again);
    write_file(path, "two");
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    assert_false(hf_file_key(path, again));
    wait_for_key(path, again);
    assert_string_not_equal(key, again);
}

static void only_a_program_that_is_alone_has_one(void **state)
{
    char key[HF_FILE_KEY_SIZE], again[HF_FILE_KEY_SIZE];
    const char *script = ground_path("qemu");

    unsetenv("LD_PRELOAD"); /* valgrind's */
    assert_true(hf_program_key("true", key));
    assert_true(hf_program_key("/usr/bin/true", again));
    assert_false(hf_program_key("no-such-program", key));
    assert_false(hf_program_key("/no-such/program", key));
    write_file(script, "#!/bin/sh\nexec true\n");
    wait_for_key(script, key);
    assert_false(hf_program_key(script, key));
    setenv("LD_LIBRARY_PATH", "/elsewhere", 1);
    assert_false(hf_program_key("true", key));
    unsetenv("LD_LIBRARY_PATH");
    setenv("QEMU_MODULE_DIR", "/elsewhere", 1);
    assert_false(hf_program_key("true", key));
    unsetenv("QEMU_MODULE_DIR");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_file_that_was_just_changed_has_none),
        CASE(only_a_program_that_is_alone_has_one),
    };

    return cmocka_run_group_tests_name("host-file_key", tests, NULL, NULL);
}
