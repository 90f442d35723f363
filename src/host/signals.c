/* SPDX-License-Identifier: BSD-2-Clause */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>

static const struct {
    int signal;
    bool ignored;
} at_start[] = {
    {.signal = SIGPIPE, .ignored = true},
    {.signal = SIGXFSZ, .ignored = true},
    {.signal = SIGCHLD, .ignored = false},
};

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void hf_signals_init(void)
{
    for (size_t i = 0; i < COUNT(at_start); i++)
        (void)signal(at_start[i].signal, at_start[i].ignored ? SIG_IGN : SIG_DFL);
}

static bool is_ignored(int number)
{
    struct sigaction now;

    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void hf_signals_for_exec(void)
{
    bool hangup_ignored = is_ignored(SIGHUP);
    sigset_t none;

    for (int number = 1; number < NSIG; number++) {
        if (number != SIGHUP || !hangup_ignored)
            (void)signal(number, SIG_DFL);
    }
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A blocked signal is read from a signalfd although it is ignored. */
int hf_signals_watch(const int *more, size_t count, int *fd, struct hf_error *err)
{
    sigset_t set;
    int made;

    sigemptyset(&set);
    for (size_t i = 0; i < COUNT(ends); i++) {
        if (ends[i] != SIGHUP || !is_ignored(SIGHUP))
            sigaddset(&set, ends[i]);
    }
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, more[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return hf_error_set(err, HF_EIO, "sigprocmask: %s", strerror(errno));
    made = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (made < 0)
        return hf_error_set(err, HF_EIO, "signalfd: %s", strerror(errno));
    *fd = made;
    return 0;
}

void hf_signals_catch(void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler};

    for (size_t i = 0; i < COUNT(ends); i++) {
        if (ends[i] != SIGHUP || !is_ignored(SIGHUP))
            (void)sigaction(ends[i], &action, NULL);
    }
}
