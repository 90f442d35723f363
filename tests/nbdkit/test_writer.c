/* SPDX-License-Identifier: BSD-2-Clause */
/* One process writes in one start. The module has one state for the life of a process, so each case is one. */
#include "unit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "writer.h"

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

static void end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Runs `body` as the start of a guest. */
static void in_a_start(void (*body)(void))
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define CHECK(condition) ((condition) ? (void)0 : _exit(__LINE__ & 0x7f ? __LINE__ & 0x7f : 1))

static void nobody_follows(void)
{
    pid_t qemu = sleeper();
    const struct hf_writer_client first = {.pid = qemu}, again = {.pid = qemu}, other = {.pid = getpid()},
                                  unseen = {.pid = 0};
    bool new;

    CHECK(hf_writer_may(&other) && hf_writer_pid() == 0);
    CHECK(hf_writer_enter(&first, &new) == HF_WRITER_OURS && new &&hf_writer_pid() == qemu);
    CHECK(hf_writer_enter(&other, &new) == HF_WRITER_OTHER && !new && !hf_writer_may(&other) &&
          !hf_writer_may(&unseen));
    hf_writer_leave(&first);
    CHECK(hf_writer_enter(&other, &new) == HF_WRITER_OTHER && hf_writer_enter(&unseen, &new) == HF_WRITER_OTHER);
    CHECK(hf_writer_may(&again) && hf_writer_enter(&again, &new) == HF_WRITER_OURS && !new);
    hf_writer_leave(&again);
    end(qemu);
    CHECK(hf_writer_enter(&again, &new) == HF_WRITER_OTHER); /* whoever has its number now */
    CHECK(hf_writer_enter(&other, &new) == HF_WRITER_OTHER);
}

static void the_next_server_knows(void)
{
    pid_t qemu = sleeper();
    const struct hf_writer_client writer = {.pid = qemu}, other = {.pid = getpid()};
    bool new;

    hf_writer_is(qemu);
    CHECK(!hf_writer_may(&other) && hf_writer_enter(&other, &new) == HF_WRITER_OTHER);
    CHECK(hf_writer_enter(&writer, &new) == HF_WRITER_OURS && !new);
    end(qemu);
}

static void the_next_server_knows_of_one_that_is_gone(void)
{
    pid_t qemu = sleeper();
    const struct hf_writer_client writer = {.pid = qemu};
    bool new;

    end(qemu);
    hf_writer_is(qemu);
    CHECK(hf_writer_enter(&writer, &new) == HF_WRITER_OTHER);
}

static void the_next_server_knows_that_it_has_ended(void)
{
    const struct hf_writer_client any = {.pid = getpid()}, unseen = {.pid = 0};
    bool new;

    hf_writer_is(0);
    CHECK(!hf_writer_may(&any) && !hf_writer_may(&unseen) && hf_writer_pid() == 0);
    CHECK(hf_writer_enter(&any, &new) == HF_WRITER_OTHER && hf_writer_enter(&unseen, &new) == HF_WRITER_OTHER && !new);
}

static void when_the_writer_has_left_nobody_follows(void **state)
{
    in_a_start(nobody_follows);
}

static void a_server_that_is_started_again_knows_who_writes(void **state)
{
    in_a_start(the_next_server_knows);
    in_a_start(the_next_server_knows_of_one_that_is_gone);
    in_a_start(the_next_server_knows_that_it_has_ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_the_writer_has_left_nobody_follows),
        cmocka_unit_test(a_server_that_is_started_again_knows_who_writes),
    };

    return cmocka_run_group_tests_name("nbdkit-writer", tests, NULL, NULL);
}
