/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange_run.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "signals.h"

#define FAREWELL_MS 2000
#define TURN_MS     500

static int signals = -1;

struct running {
    const struct hf_exchange_run *given;
    struct hf_progress progress;
    struct hf_pump *pump;
    struct hf_loop loop;
    bool done;
    unsigned heard;              /* signals */
    struct hf_error interrupted; /* HF_OK: not so */
};

int hf_exchange_run_signals(struct hf_error *err)
{
    return hf_signals_watch(NULL, 0, &signals, err);
}

static bool take_signal(struct signalfd_siginfo *info)
{
    return read(signals, info, sizeof *info) == (ssize_t)sizeof *info;
}

bool hf_exchange_run_wait(unsigned seconds)
{
    struct pollfd p = {.fd = signals, .events = POLLIN};
    struct signalfd_siginfo info;

    return poll(&p, 1, (int)seconds * 1000) <= 0 || !take_signal(&info);
}

static bool is_granted(const struct running *r)
{
    return hf_exchange_state(hf_pump_exchange(r->pump)).holder == HF_HOLDER_GRANTED;
}

static void on_signal(void *ctx, short revents)
{
    struct running *r = ctx;
    struct signalfd_siginfo info;

    (void)revents;
    if (!take_signal(&info))
        return;
    if (is_granted(r) && ++r->heard == 1) {
        fprintf(stderr, "holdfast %s: already granted; waiting for the peer's answer (again to leave)\n",
                r->given->verb);
        return;
    }
    (void)hf_error_set(&r->interrupted, HF_ECANCELED, "cancelled by signal %s", sigabbrev_np((int)info.ssi_signo));
}

static int go_on(struct running *r, struct hf_error *err)
{
    struct hf_sending *sending = r->given->sending;
    int failed = hf_sending_go_on(sending, err);

    if (failed < 0)
        return failed;
    if (sending->stage == HF_SENDING_RESUMED && r->given->then != HF_SENDING_ASKING) {
        hf_sending_begin_again(sending, r->given->then);
        failed = hf_sending_go_on(sending, err);
    }
    r->done = failed == 0 && hf_sending_is_over(sending);
    return failed;
}

static int on_event(void *ctx, enum hf_exchange_event event, struct hf_error *err)
{
    struct running *r = ctx;
    int done;

    if (r->done)
        return 0;
    if (r->given->sending) {
        hf_sending_note_exchange(r->given->sending, event);
        return go_on(r, err);
    }
    if (event == HF_EXCHANGE_FAILED)
        return hf_error_set(err, HF_EPROTO, "peer: gave up: %s", hf_exchange_failure(hf_pump_exchange(r->pump)));
    done = r->given->event(r->given->ctx, event, err);
    r->done = done > 0;
    return done < 0 ? done : 0;
}

static int cancel(struct running *r, const struct hf_error *why, const char *told, struct hf_error *err)
{
    (void)hf_exchange_cancel(hf_pump_exchange(r->pump), told, NULL);
    if (err)
        *err = *why;
    return -(int)why->code;
}

/* What arrived before an end counts: it may be the answer. */
static int check(struct running *r, struct hf_error *err)
{
    struct hf_sending *sending = r->given->sending;
    struct hf_error silent;
    int failed = 0;

    if (sending && !hf_sending_is_over(sending)) {
        hf_sending_look(sending);
        failed = r->interrupted.code != HF_OK ? hf_sending_fail(sending, &r->interrupted, err) : go_on(r, err);
    }
    if (failed < 0 || r->done)
        return failed;
    if (!hf_pump_is_open(r->pump)) {
        if (err)
            *err = *hf_pump_fault(r->pump);
        return -(int)hf_pump_fault(r->pump)->code;
    }
    if (r->interrupted.code != HF_OK)
        return cancel(r, &r->interrupted, "cancelled by its operator", err);
    if (hf_pump_check_silence(r->pump, r->given->timeout_s, &silent) < 0)
        return cancel(r, &silent, silent.text, err);
    return 0;
}

static int turn(struct running *r, struct hf_error *err)
{
    int64_t left = (int64_t)r->given->timeout_s * 1000 - hf_pump_silent_ms(r->pump);
    uint64_t done, total;

    hf_exchange_progress(hf_pump_exchange(r->pump), &done, &total);
    hf_progress_update(&r->progress, done, total);
    return hf_loop_turn(&r->loop, left > TURN_MS ? TURN_MS : left > 0 ? (int)left : 0, err);
}

int hf_exchange_run(const struct hf_exchange_run *run, struct hf_exchange **x, int in, int out, struct hf_error *err)
{
    struct running running = {.given = run, .progress = run->progress};
    const struct hf_pump_ops ops = {.event = on_event, .ctx = &running};
    int r;

    hf_loop_init(&running.loop);
    running.progress.bytes = true;
    r = hf_pump_open(*x, in, out, &running.loop, &ops, &running.pump, err);
    if (r < 0) {
        *x = NULL;
        return r;
    }
    if (run->sending)
        hf_sending_connect(run->sending, run->mover, run->ctx, running.pump, run->stage);
    r = hf_loop_watch(&running.loop, signals, POLLIN, on_signal, &running, err);
    while (r == 0 && !running.done) {
        r = turn(&running, err);
        if (r == 0 && !running.done)
            r = check(&running, err);
    }
    hf_progress_done(&running.progress);
    if (run->sending)
        run->sending->pump = NULL;
    *x = hf_pump_detach(running.pump, r == 0 ? (int)run->timeout_s * 1000 : FAREWELL_MS);
    return r;
}
