/* SPDX-License-Identifier: BSD-2-Clause */
/* Who writes a domain's variables is known to the next guard, and a number that is used again is another process. */
#include "ground.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "writer_record.h"

static pid_t sleeper(void)
{
    pid_t parent = getpid(), pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) { /* ends with its parent, so that a failed case leaves no process */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
            pause();
        _exit(0);
    }
    return pid;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

static void the_next_guard_knows_who_writes(void **state)
{
    const char *path = ground_path("writer");
    pid_t qemu = sleeper();

    assert_int_equal(hf_writer_record_read(path), 0);
    assert_int_equal(hf_writer_record_keep(path, qemu, NULL), 0);
    assert_int_equal(hf_writer_record_read(path), qemu);
    kill(qemu, SIGKILL);
    assert_int_equal(waitpid(qemu, NULL, 0), qemu);
    assert_int_equal(hf_writer_record_read(path), HF_WRITER_ENDED);
    assert_int_equal(hf_writer_record_keep(path, qemu, NULL), 0); /* it ended before it could be recorded */
    assert_int_equal(hf_writer_record_read(path), HF_WRITER_ENDED);
}

static void a_number_that_is_used_again_is_another_process(void **state)
{
    const char *path = ground_path("writer");
    unsigned long long ticks;
    char text[64];
    int pid;
    FILE *f;

    assert_int_equal(hf_writer_record_keep(path, getpid(), NULL), 0);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d %llu", &pid, &ticks), 2);
    fclose(f);
    assert_int_equal(pid, getpid());
    snprintf(text, sizeof text, "%d %llu\n", pid, ticks - 1);
    put(path, text);
    assert_int_equal(hf_writer_record_read(path), HF_WRITER_ENDED);
}

static void what_is_no_record_tells_nothing(void **state)
{
    static const char *const texts[] = {"", "x", "12", "-3 7\n", "0 7\n"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put(ground_path("writer"), texts[i]);
        assert_int_equal(hf_writer_record_read(ground_path("writer")), 0);
    }
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(the_next_guard_knows_who_writes),
        IN_GROUND(a_number_that_is_used_again_is_another_process),
        IN_GROUND(what_is_no_record_tells_nothing),
    };

    return cmocka_run_group_tests_name("libvirt-writer-record", tests, NULL, NULL);
}
