/* SPDX-License-Identifier: BSD-2-Clause */
#include "live_receive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "exit_status.h"
#include "output.h"

struct stay {
    pid_t caller;   /* who called us; until the claim its end is ours */
    int foreground; /* -1: told that the guest is ours */
    FILE *words;    /* standard error of who called us; NULL: gone */
};

/* ---- the process that stays ---- */

static void say_to(FILE *to, const char *line)
{
    (void)fputs("holdfast: ", to);
    hf_print_safely(to, line);
    (void)fputc('\n', to);
    (void)fflush(to);
}

static void say(void *ctx, const char *line)
{
    const struct stay *stay = ctx;

    if (stay->words)
        say_to(stay->words, line);
    say_to(stderr, line);
}

/* QEMU and what is said from now on write to a file: the caller will be gone. */
static void housed(void *ctx, const char *dir)
{
    struct stay *stay = ctx;
    char path[PATH_MAX + 8];
    int log, words;

    (void)snprintf(path, sizeof path, "%s/log", dir);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    words = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    stay->words = words < 0 ? NULL : fdopen(words, "w");
    if (log < 0)
        log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(log, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);
    (void)close(log);
}

/* There will be no other copy of the guest: it does not end with who called us. If that is gone already, its signal may
 * be on its way. */
static bool claiming(void *ctx)
{
    const struct stay *stay = ctx;

    (void)prctl(PR_SET_PDEATHSIG, 0);
    return getppid() == stay->caller;
}

static void settled(void *ctx)
{
    struct stay *stay = ctx;
    char done = 0;

    (void)!write(stay->foreground, &done, 1);
    hf_cleanup_close(&stay->foreground);
    stay->foreground = -1;
    if (stay->words)
        (void)fclose(stay->words);
    stay->words = NULL;
}

static int take_standard_streams(int *in, int *out, struct hf_error *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    *in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    *out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (null < 0 || *in < 0 || *out < 0)
        return hf_error_set(err, HF_EIO, "standard input and output: %s", strerror(errno));
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)close(null);
    return 0;
}

static int stay_and_run(const struct hf_run_options *options, const struct hf_reception_options *given,
                        const struct stay *called, struct hf_error *err)
{
    struct stay stay = *called;
    struct hf_reception_options reception = *given;
    struct hf_run_options here = *options;
    int r;

    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != stay.caller)
        return hf_error_set(err, HF_ECANCELED, "the caller exited");
    reception.housed = housed;
    reception.claiming = claiming;
    reception.settled = settled;
    reception.ctx = &stay;
    here.say = say;
    here.say_ctx = &stay;
    r = take_standard_streams(&reception.in, &reception.out, err);
    if (r == 0)
        r = hf_run_arriving(&here, &reception, err);
    if (stay.words) /* it did not come: the reason is for who called us */
        (void)dup2(fileno(stay.words), STDERR_FILENO);
    return r;
}

/* ---- the process that was called ---- */

/* The one that stays says when it does; one that ends before has said why. */
static int wait_until_settled(pid_t child, int from, struct hf_error *err)
{
    char done;
    ssize_t n;
    int status;

    do
        n = read(from, &done, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        return 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return hf_error_set(err, HF_EIO, "waitpid: %s", strerror(errno));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : hf_exit_status(HF_EIO);
}

int hf_live_receive(const struct hf_run_options *options, const char *caps, unsigned timeout_s, bool take_arguments,
                    struct hf_error *err)
{
    const struct hf_reception_options reception = {
        .caps = caps, .timeout_s = timeout_s, .take_arguments = take_arguments};
    struct stay stay = {.caller = getpid()};
    int fds[2], r;
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "pipe: %s", strerror(errno));
    (void)fflush(NULL);
    child = fork();
    if (child < 0)
        return hf_error_set(err, HF_EIO, "fork: %s", strerror(errno));
    if (child == 0) {
        (void)close(fds[0]);
        stay.foreground = fds[1];
        return stay_and_run(options, &reception, &stay, err);
    }
    (void)close(fds[1]);
    r = wait_until_settled(child, fds[0], err);
    (void)close(fds[0]);
    return r;
}
