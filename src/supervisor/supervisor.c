/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervision.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "machine_roms.h"
#include "signals.h"
#include "writeback.h"

#define GREETING_MS 60000
#define END_MS      10000

static const int watched_signals[] = {SIGCHLD, SIGQUIT, SIGUSR1};

/* ---- signals and QEMU's end ---- */

static void kill_qemu(void *ctx)
{
    struct hf_supervision *s = ctx;

    if (s->qemu > 0)
        (void)kill(s->qemu, SIGKILL);
}

static void reap_qemu(struct hf_supervision *s)
{
    if (s->qemu > 0 && waitpid(s->qemu, &s->qemu_status, WNOHANG) == s->qemu)
        s->qemu = -1;
}

static void forward(struct hf_supervision *s, int signal)
{
    s->ended_by_owner = true;
    if (s->qemu > 0)
        (void)kill(s->qemu, signal == SIGQUIT ? SIGTERM : signal);
    (void)hf_loop_timer(&s->run.loop, END_MS, kill_qemu, s, NULL);
}

static void on_signal(void *ctx, short revents)
{
    struct hf_supervision *s = ctx;
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap_qemu(s);
        else if (info.ssi_signo == SIGUSR1)
            hf_server_watch_go_on(&s->server);
        else
            forward(s, (int)info.ssi_signo);
    }
}

static int watch_signals(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_signals_watch(watched_signals, HF_ARRAY_SIZE(watched_signals), &s->signal_fd, err);

    return r < 0 ? r : hf_loop_watch(&s->run.loop, s->signal_fd, POLLIN, on_signal, s, err);
}

/* ---- QEMU ---- */

int hf_supervision_open_boot(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_boot boot = hf_supervision_boot(s, HF_MOMENT_POWER_ON);
    int r;

    if (s->boot_open)
        return 0;
    boot.arrives = s->starts == 1 && (s->arguments.incoming || s->arguments.loadvm);
    r = hf_lifecycle_opened(s->run.container, &boot, err);
    if (r == 0)
        r = hf_reset_watch_look(&s->resets, err);
    if (r < 0)
        return r;
    s->boot_open = true;
    hf_trial_timer_begin(&s->trial);
    return 0;
}

/* A machine that its owner lets go has its boot opened when QEMU says that it runs. */
static int let_go(struct hf_supervision *s, struct hf_error *err)
{
    bool first = s->starts++ == 0;
    int r;

    if (hf_reception_is_open(&s->reception))
        return hf_reception_load(&s->reception, err);
    hf_departure_started(&s->departure);
    if (first && (s->arguments.paused || s->arguments.incoming))
        return 0;
    r = hf_supervision_open_boot(s, err);
    return r < 0 ? r : hf_monitor_execute(s->run.monitor, "cont", NULL, NULL, err);
}

/* Before it is started anew. Disks want to be closed, not torn away. */
static void quit_qemu(struct hf_supervision *s)
{
    int64_t until = hf_loop_now() + END_MS;

    if (s->run.restart && s->qemu > 0 && hf_monitor_is_open(s->run.monitor))
        (void)hf_monitor_send(s->run.monitor, "quit", NULL, NULL, NULL, NULL);
    while (s->run.restart && s->qemu > 0 && hf_loop_now() < until && hf_loop_turn(&s->run.loop, 100, NULL) == 0)
        ;
}

static void end_qemu(struct hf_supervision *s)
{
    if (s->qemu > 0) {
        (void)kill(s->qemu, SIGKILL);
        while (waitpid(s->qemu, &s->qemu_status, 0) < 0 && errno == EINTR)
            ;
        s->qemu = -1;
    }
    hf_monitor_free(s->run.monitor);
    s->run.monitor = NULL;
    hf_words_done(&s->words);
}

/* QEMU has closed its monitor: it is about to end, and is helped if it does not. */
static void await_qemu(struct hf_supervision *s)
{
    (void)hf_loop_timer(&s->run.loop, END_MS, kill_qemu, s, NULL);
    while (s->qemu > 0 && hf_loop_turn(&s->run.loop, -1, NULL) == 0)
        ;
    hf_loop_cancel(&s->run.loop, kill_qemu, s);
}

static bool goes_on(const struct hf_supervision *s)
{
    return s->qemu > 0 && s->run.fault.code == HF_OK && !s->run.restart;
}

static void watch_guest(struct hf_supervision *s)
{
    struct hf_error err;

    while (goes_on(s)) {
        hf_guest_events(s);
        if (hf_supervision_act(s))
            continue;
        if (!hf_monitor_is_open(s->run.monitor) && hf_monitor_fault(s->run.monitor)->text[0])
            hf_run_fail(&s->run, hf_monitor_fault(s->run.monitor));
        else if (hf_loop_turn(&s->run.loop, -1, &err) < 0)
            hf_run_fail(&s->run, &err);
    }
    hf_guest_events(s);
}

/* QEMU's own message, on standard error, says more than ours can when it ends before it greets. */
static int start(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_start_qemu(s, err);

    if (r < 0)
        return r;
    hf_pause_init(&s->run.pause, false);
    r = hf_monitor_wait_ready(s->run.monitor, GREETING_MS, err);
    if (r == 0)
        r = hf_first_look(s, err);
    if (r == 0 && !hf_reception_is_open(&s->reception))
        r = hf_mailbox_watch_publish(&s->mailbox, hf_supervision_boot(s, HF_MOMENT_POWER_ON).arrives, err);
    if (r == 0)
        r = hf_reset_watch_begin(&s->resets, err);
    if (r == 0 && !s->run.restart)
        r = let_go(s, err);
    if (r == 0 && !s->run.restart && !hf_reception_is_open(&s->reception))
        hf_arrival_begin(&s->arrival, s->starts == 1 && s->arguments.incoming);
    if (r == -HF_EIO && !hf_monitor_is_open(s->run.monitor)) {
        char text[64];
        await_qemu(s);
        hf_guest_events(s);
        if (s->ended_by_owner)
            return 0;
        return hf_error_set(err, HF_EIO, "%s %s before the guest started", s->program,
                            hf_child_end_text(s->qemu_status, text, sizeof text));
    }
    return r;
}

/* ---- the end ---- */

static enum hf_ending ending(struct hf_supervision *s)
{
    if (s->run.fault.code != HF_OK)
        return HF_ENDING_HOST;
    if (s->shutdown == HF_SHUTDOWN_PANIC)
        return HF_ENDING_PANIC;
    if (s->shutdown == HF_SHUTDOWN_POWER_OFF)
        return hf_trial_timer_life(&s->trial) ? HF_ENDING_POWER_OFF : HF_ENDING_EXIT;
    if (hf_trial_timer_take_time_out(&s->trial))
        return HF_ENDING_TIMEOUT;
    if (s->ended_by_owner)
        return HF_ENDING_OPERATOR;
    if (s->shutdown == HF_SHUTDOWN_RESET)
        return HF_ENDING_RESET;
    if (WIFSIGNALED(s->qemu_status) && (WTERMSIG(s->qemu_status) == SIGKILL || WTERMSIG(s->qemu_status) == SIGTERM))
        return HF_ENDING_OPERATOR;
    return HF_ENDING_EXIT;
}

static int verdict(const struct hf_supervision *s, struct hf_error *err)
{
    char text[64];

    if (s->run.fault.code != HF_OK) {
        if (err)
            *err = s->run.fault;
        return -(int)s->run.fault.code;
    }
    if (s->departure.whereabouts == HF_GUEST_DEPARTED)
        return 0;
    if (s->departure.whereabouts == HF_GUEST_UNKNOWN)
        return hf_error_set(err, HF_EIO,
                            "%s: QEMU ended after the guest was granted and before the destination confirmed its "
                            "claim; 'holdfast migrate' asks that host",
                            s->run.options->container);
    if (hf_reception_is_open(&s->reception))
        return hf_error_set(err, HF_EIO, "%s %s before the guest was complete", s->program,
                            hf_child_end_text(s->qemu_status, text, sizeof text));
    if (WIFSIGNALED(s->qemu_status) || WEXITSTATUS(s->qemu_status) != 0)
        return s->ended_by_owner && WIFSIGNALED(s->qemu_status)
                   ? 0
                   : hf_error_set(err, HF_EIO, "%s: %s %s", s->run.options->container, s->program,
                                  hf_child_end_text(s->qemu_status, text, sizeof text));
    if (s->shutdown == HF_SHUTDOWN_PANIC)
        return hf_error_set(err, HF_EIO, "%s: the guest panicked", s->run.options->container);
    return 0;
}

/* Keeps the first error of a sequence that is carried to its end. */
static int first_of(int r, int then, struct hf_error *err, const struct hf_error *second)
{
    if (r < 0 || then >= 0)
        return r;
    if (err)
        *err = *second;
    return then;
}

/* QEMU is gone. What the guest left is brought in, unless the container is not ours: not yet, or not any more. */
static int settle(struct hf_supervision *s, bool began, int r, struct hf_error *err)
{
    char words[HF_BOOT_WORDS_SIZE] = "";
    struct hf_error second;
    int ended;

    hf_server_watch_stop(&s->server);
    if (!hf_whereabouts_row(s->departure.whereabouts)->ours || hf_reception_is_open(&s->reception))
        return r;
    r = first_of(r, hf_writeback_drain(s->run.container, (int64_t)time(NULL), NULL, &second), err, &second);
    ended =
        hf_lifecycle_ended(s->run.container, began ? ending(s) : HF_ENDING_HOST, (int64_t)time(NULL), words, &second);
    if (words[0] && !s->run.restart)
        hf_run_say(&s->run, "%s", words);
    return first_of(r, ended, err, &second);
}

static int one_boot(struct hf_supervision *s, struct hf_error *err)
{
    bool began;
    int r;

    s->boot_open = s->trial.timed_out = false;
    s->shutdown = HF_SHUTDOWN_NONE;
    r = hf_server_watch_start(&s->server, hf_reception_is_open(&s->reception), err);

    if (r == 0)
        r = hf_mailbox_watch_open(&s->mailbox, err);
    if (r == 0)
        r = start(s, err);
    began = r == 0;
    if (began)
        watch_guest(s);
    hf_departure_end(&s->departure);
    hf_reset_watch_end(&s->resets);
    hf_trial_timer_end(&s->trial);
    quit_qemu(s);
    hf_loop_cancel(&s->run.loop, kill_qemu, s);
    end_qemu(s);
    hf_mailbox_watch_close(&s->mailbox);
    hf_arrival_end(&s->arrival);
    r = settle(s, began, r, err);
    return r < 0 || s->run.restart ? r : verdict(s, err);
}

static int run(struct hf_supervision *s, struct hf_error *err)
{
    size_t roms;
    int r = watch_signals(s, err);

    if (r == 0)
        r = hf_prepare_open(s, err);
    if (r == 0)
        r = hf_prepare_arguments(s, err);
    if (r == 0 && hf_reception_is_wanted(&s->reception) && s->arguments.only_asks)
        return hf_error_set(err, HF_EUSAGE, "QEMU arguments that only ask something run no guest");
    if (r < 0 || s->arguments.only_asks)
        return r;
    r = hf_mailbox_start_choose(&s->mailbox, &s->arguments, hf_reception_is_open(&s->reception), err);
    if (r == 0)
        r = hf_departure_listen(&s->departure, err);
    if (r < 0)
        return r;
    s->run.restart_moment = HF_MOMENT_POWER_ON;
    do {
        s->run.restart = false;
        r = hf_prepare_power_on(s, s->run.restart_moment, err);
        if (r == 0)
            r = hf_mailbox_start_rom(&s->mailbox, err);
        if (r == 0)
            r = hf_machine_roms_publish(s->run.container, s->rom_dir, &roms, err);
        r = r == 0 ? one_boot(s, err) : settle(s, false, r, err);
    } while (r == 0 && s->run.restart && !s->ended_by_owner);
    return r;
}

/* -version and the like: QEMU prints and ends; no guest is involved. */
static int only_ask(const struct hf_run_options *options, const char *program, struct hf_error *err)
{
    struct hf_words w = {0};

    hf_words_add(&w, program);
    for (int i = 0; i < options->argument_count; i++)
        hf_words_add(&w, options->arguments[i]);
    if (w.bad)
        return hf_error_nomem(err);
    (void)execvp(program, w.at);
    hf_words_done(&w);
    return hf_error_set(err, HF_ENOTFOUND, "%s: %s", program, strerror(errno));
}

static int run_guest(const struct hf_run_options *options, const struct hf_reception_options *from,
                     struct hf_error *err)
{
    struct hf_supervision *s = calloc(1, sizeof *s);
    struct termios terminal;
    bool is_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0, asks;
    struct hf_error second, nothing;
    int r;

    (void)hf_error_set(&nothing, HF_EIO, "the guest was not taken");
    if (!s)
        return hf_error_nomem(err);
    hf_supervision_init(s, options, from);
    r = run(s, err);
    asks = r == 0 && s->arguments.only_asks;
    hf_departure_close(&s->departure);
    hf_guest_orders_drop(&s->mailbox);
    hf_reception_end(&s->reception, r < 0 && err ? err : &nothing);
    r = first_of(r, hf_container_close(hf_take_ptr(s->run.container), &second), err, &second);
    if (is_terminal)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal); /* a QEMU that was killed leaves it raw */
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd);
    if (asks)
        r = only_ask(options, s->program, err);
    free(s);
    return r;
}

int hf_run(const struct hf_run_options *options, struct hf_error *err)
{
    return run_guest(options, NULL, err);
}

int hf_run_arriving(const struct hf_run_options *options, const struct hf_reception_options *reception,
                    struct hf_error *err)
{
    return run_guest(options, reception, err);
}
