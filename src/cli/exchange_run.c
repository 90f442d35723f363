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

static int go_on_sending(const struct hf_exchange_run *run, struct hf_error *err)
{
    int r = hf_sending_go_on(run->sending, err);

    if (r < 0 || run->sending->stage != HF_SENDING_RESUMED || run->then == HF_SENDING_ASKING)
        return r;
    hf_sending_begin_again(run->sending, run->then);
    return hf_sending_go_on(run->sending, err);
}

static bool is_done(const struct hf_exchange_run *run)
{
    return run->sending ? hf_sending_is_over(run->sending) : hf_receiving_is_over(run->receiving);
}

static int on_event(void *ctx, enum hf_exchange_event event, struct hf_error *err)
{
    const struct hf_exchange_run *run = ((struct running *)ctx)->given;

    if (run->sending) {
        hf_sending_note_exchange(run->sending, event);
        return go_on_sending(run, err);
    }
    hf_receiving_note_exchange(run->receiving, event);
    return hf_receiving_go_on(run->receiving, err);
}

static int end(const struct hf_exchange_run *run, const struct hf_error *why, struct hf_error *err)
{
    return run->sending ? hf_sending_fail(run->sending, why, err) : hf_receiving_fail(run->receiving, why, err);
}

/* What happened beside the pump. */
static int look(struct running *r, struct hf_error *err)
{
    const struct hf_exchange_run *run = r->given;

    if (r->interrupted.code != HF_OK)
        return end(run, &r->interrupted, err);
    if (run->sending) {
        hf_sending_look(run->sending);
        return go_on_sending(run, err);
    }
    hf_receiving_look(run->receiving);
    return hf_receiving_go_on(run->receiving, err);
}

/* What the pump failed with was told to it, and ended the move. */
static int check_pump(const struct running *r, struct hf_error *err)
{
    if (hf_pump_state(r->pump) != HF_PUMP_FAILED)
        return 0;
    if (err)
        *err = *hf_pump_fault(r->pump);
    return -(int)hf_pump_fault(r->pump)->code;
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
    else
        hf_receiving_connect(run->receiving, run->receiver, run->ctx, running.pump);
    r = hf_loop_watch(&running.loop, signals, POLLIN, on_signal, &running, err);
    while (r == 0 && !is_done(run)) {
        r = turn(&running, err);
        if (r == 0 && !is_done(run))
            r = look(&running, err);
    }
    if (r == 0)
        r = check_pump(&running, err);
    hf_progress_done(&running.progress);
    if (run->sending)
        run->sending->pump = NULL;
    else
        run->receiving->pump = NULL;
    *x = hf_pump_detach(running.pump, r == 0 ? (int)run->timeout_s * 1000 : FAREWELL_MS);
    return r;
}
