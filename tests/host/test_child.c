/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

static int wait_status(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_child_runs_and_its_end_is_told(void **state)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 3", NULL};
    char *killed[] = {(char *)"sh", (char *)"-c", (char *)"kill -SEGV $$", NULL};
    struct hf_child_spec spec = {.argv = argv};
    char text[64];
    pid_t pid;

    assert_int_equal(hf_child_start(&spec, &pid, NULL), 0);
    assert_string_equal(hf_child_end_text(wait_status(pid), text, sizeof text), "exited with status 3");
    spec.argv = killed;
    assert_int_equal(hf_child_start(&spec, &pid, NULL), 0);
    assert_string_equal(hf_child_end_text(wait_status(pid), text, sizeof text), "was killed by SIGSEGV");
}

static void a_program_that_is_not_there_is_told_at_once(void **state)
{
    char *argv[] = {(char *)"/nonexistent/program", NULL};
    struct hf_child_spec spec = {.argv = argv};
    struct hf_error err;
    pid_t pid = -7;

    assert_int_equal(hf_child_start(&spec, &pid, &err), -HF_ENOTFOUND);
    assert_int_equal(pid, -7);
    assert_non_null(strstr(err.text, "/nonexistent/program"));
}

static void a_detached_child_gets_what_is_kept_and_nothing_else(void **state)
{
    int kept = open("/dev/null", O_RDONLY | O_CLOEXEC), stranger = dup(kept); /* dup: not closed at exec by itself */
    char script[128];
    char *argv[] = {(char *)"sh", (char *)"-c", script, NULL};
    struct hf_child_spec spec = {.argv = argv, .keep = {kept}, .keep_count = 1, .detached = true};
    pid_t pid;

    snprintf(script, sizeof script, "[ -e /proc/self/fd/%d ] && [ ! -e /proc/self/fd/%d ]", kept, stranger);
    assert_int_equal(hf_child_start(&spec, &pid, NULL), 0);
    assert_int_equal(wait_status(pid), 0);
    spec.detached = false;
    snprintf(script, sizeof script, "[ -e /proc/self/fd/%d ] && [ -e /proc/self/fd/%d ]", kept, stranger);
    assert_int_equal(hf_child_start(&spec, &pid, NULL), 0);
    assert_int_equal(wait_status(pid), 0);
    close(kept);
    close(stranger);
}

/* A grandchild holds the pipe's write end for as long as it lives. */
static void a_child_does_not_outlive_its_parent(void **state)
{
    char *argv[] = {(char *)"sleep", (char *)"60", NULL};
    struct pollfd p;
    int fds[2];
    pid_t parent, child;

    assert_int_equal(pipe(fds), 0);
    parent = fork();
    if (parent == 0) {
        struct hf_child_spec spec = {.argv = argv, .keep = {fds[1]}, .keep_count = 1};
        close(fds[0]);
        if (hf_child_start(&spec, &child, NULL) < 0)
            _exit(1);
        close(fds[1]);
        pause();
    }
    close(fds[1]);
    p = (struct pollfd){.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 200), 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    (void)wait_status(parent);
    assert_int_equal(poll(&p, 1, 50000), 1);
    assert_true(p.revents & POLLHUP);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_runs_and_its_end_is_told),
        cmocka_unit_test(a_program_that_is_not_there_is_told_at_once),
        cmocka_unit_test(a_detached_child_gets_what_is_kept_and_nothing_else),
        cmocka_unit_test(a_child_does_not_outlive_its_parent),
    };

    return cmocka_run_group_tests_name("host-child", tests, NULL, NULL);
}
