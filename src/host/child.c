/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"

static bool is_kept(const struct hf_child_spec *spec, int fd)
{
    for (size_t i = 0; i < spec->keep_count; i++) {
        if (spec->keep[i] == fd)
            return true;
    }
    return false;
}

/* Everything above 2 goes at exec but what the child is to have. */
static void close_others(const struct hf_child_spec *spec)
{
    long max = sysconf(_SC_OPEN_MAX);

    if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0)
        return;
    for (int fd = 3; fd < max && fd < 65536; fd++) {
        if (!is_kept(spec, fd))
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

static int prepare(const struct hf_child_spec *spec, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -1;
    if (getppid() != parent)
        _exit(1); /* it was gone before the request took effect */
    hf_signals_for_exec();
    if (spec->detached) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0 || dup2(null, 0) < 0)
            return -1;
        (void)setsid();
        close_others(spec);
    }
    if ((spec->input > 0 && dup2(spec->input, 0) < 0) || (spec->output > 0 && dup2(spec->output, 1) < 0) ||
        (spec->errors > 0 && dup2(spec->errors, 2) < 0))
        return -1;
    for (size_t i = 0; i < spec->keep_count; i++) {
        if (fcntl(spec->keep[i], F_SETFD, 0) < 0)
            return -1;
    }
    return 0;
}

static void run_child(const struct hf_child_spec *spec, pid_t parent, int report)
{
    int why;

    if (prepare(spec, parent) == 0) {
        (void)fcntl(report, F_SETFD, FD_CLOEXEC);
        (void)execvp(spec->argv[0], spec->argv);
    }
    why = errno;
    if (write(report, &why, sizeof why) < 0)
        _exit(126);
    _exit(127);
}

int hf_child_start(const struct hf_child_spec *spec, pid_t *pid, struct hf_error *err)
{
    pid_t parent = getpid(), child;
    int fds[2], why = 0;
    ssize_t n;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "pipe: %s", strerror(errno));
    child = fork();
    if (child == 0)
        run_child(spec, parent, fds[1]);
    why = child < 0 ? errno : 0;
    (void)close(fds[1]);
    if (child < 0) {
        (void)close(fds[0]);
        return hf_error_set(err, HF_EIO, "fork: %s", strerror(why));
    }
    do
        n = read(fds[0], &why, sizeof why);
    while (n < 0 && errno == EINTR);
    (void)close(fds[0]);
    if (n > 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        return hf_error_set(err, why == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", spec->argv[0], strerror(why));
    }
    *pid = child;
    return 0;
}

const char *hf_child_end_text(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "was killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
    else
        snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
    return text;
}
