/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"

/* What a process does after hf_signals_init(); every case is a process of its own. */
static int status_of(int (*process)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        hf_signals_init();
        _exit(process());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int write_to_nobody(void)
{
    int ends[2];

    if (pipe(ends) < 0 || close(ends[0]) < 0)
        return 2;
    return write(ends[1], "x", 1) < 0 && errno == EPIPE ? 0 : 1;
}

static int write_beyond_the_limit(void)
{
    const struct rlimit limit = {.rlim_cur = 1, .rlim_max = RLIM_INFINITY};
    char name[] = "/tmp/holdfast-test-XXXXXX";
    int fd = mkstemp(name);

    if (fd < 0 || unlink(name) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0 || write(fd, "x", 1) != 1)
        return 2;
    return write(fd, "x", 1) < 0 && errno == EFBIG ? 0 : 1;
}

static int reap_although_the_caller_ignored(void)
{
    int status;
    pid_t pid;

    (void)signal(SIGCHLD, SIG_IGN);
    hf_signals_init();
    pid = fork();
    if (pid == 0)
        _exit(7);
    return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 ? 0 : 1;
}

static void a_failed_write_is_an_error_and_no_end(void **state)
{
    assert_int_equal(status_of(write_to_nobody), 0);
    assert_int_equal(status_of(write_beyond_the_limit), 0);
}

static void a_childs_end_is_learnt_under_a_caller_that_ignores_it(void **state)
{
    assert_int_equal(status_of(reap_although_the_caller_ignored), 0);
}

static bool is(int number, void (*wanted)(int))
{
    struct sigaction now;

    return sigaction(number, NULL, &now) == 0 && now.sa_handler == wanted;
}

static int prepare_for_exec(void)
{
    sigset_t blocked;
    int fd;

    if (hf_signals_watch((const int[]){SIGUSR1}, 1, &fd, NULL) < 0)
        return 2;
    hf_signals_for_exec();
    (void)sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number < NSIG; number++) {
        if (sigismember(&blocked, number) > 0)
            return 3;
    }
    return is(SIGPIPE, SIG_DFL) && is(SIGXFSZ, SIG_DFL) && is(SIGTERM, SIG_DFL) && is(SIGHUP, SIG_DFL) ? 0 : 1;
}

static int prepare_for_exec_under_nohup(void)
{
    (void)signal(SIGHUP, SIG_IGN);
    hf_signals_for_exec();
    return is(SIGHUP, SIG_IGN) && is(SIGPIPE, SIG_DFL) ? 0 : 1;
}

static void a_child_gets_the_default_dispositions_back(void **state)
{
    assert_int_equal(status_of(prepare_for_exec), 0);
    assert_int_equal(status_of(prepare_for_exec_under_nohup), 0);
}

static int watched(int number)
{
    struct signalfd_siginfo info;
    int fd;

    if (hf_signals_watch(NULL, 0, &fd, NULL) < 0)
        return 2;
    (void)raise(number);
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info && info.ssi_signo == (uint32_t)number ? 0 : 1;
}

static int hangup_is_read(void)
{
    return watched(SIGHUP);
}

static int hangup_is_not_read_under_nohup(void)
{
    (void)signal(SIGHUP, SIG_IGN);
    return watched(SIGHUP) == 1 ? watched(SIGTERM) : 1;
}

static void a_hangup_asks_to_end_unless_the_caller_ignores_it(void **state)
{
    assert_int_equal(status_of(hangup_is_read), 0);
    assert_int_equal(status_of(hangup_is_not_read_under_nohup), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_write_is_an_error_and_no_end),
        cmocka_unit_test(a_childs_end_is_learnt_under_a_caller_that_ignores_it),
        cmocka_unit_test(a_child_gets_the_default_dispositions_back),
        cmocka_unit_test(a_hangup_asks_to_end_unless_the_caller_ignores_it),
    };

    (void)signal(SIGHUP, SIG_DFL); /* the tests may run under nohup */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
