/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "containers.h"
#include "signals.h"

#define PIECE      (256 << 10)
#define LAST_WORDS_MS 2000

static int signals = -1;

int hf_exchange_loop_signals(struct hf_error *err)
{
    return hf_signals_watch(NULL, 0, &signals, err);
}

bool hf_exchange_loop_pause(unsigned seconds)
{
    struct pollfd p = {.fd = signals, .events = POLLIN};
    struct signalfd_siginfo info;

    return poll(&p, 1, (int)seconds * 1000) <= 0 || read(signals, &info, sizeof info) != (ssize_t)sizeof info;
}

static int connection_ended(struct hf_error *err)
{
    return hf_error_set(err, HF_EIO, "the connection to the other side ended");
}

/* 0: nothing was there, or it was fed; negative: the end. */
static int read_some(struct hf_exchange_loop *l, struct hf_error *err)
{
    static uint8_t buffer[PIECE];
    size_t room = hf_exchange_room(l->x);
    ssize_t n = read(l->in, buffer, room < sizeof buffer ? room : sizeof buffer);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : hf_error_set(err, HF_EIO, "the connection: %s", strerror(errno));
    if (n == 0)
        return connection_ended(err);
    return hf_exchange_feed(l->x, buffer, (size_t)n, err);
}

/* 1: there is more to be written; 0: all has gone. */
static int write_some(struct hf_exchange_loop *l, struct hf_error *err)
{
    const uint8_t *bytes;
    size_t size;
    ssize_t n;
    int r = hf_exchange_output(l->x, &bytes, &size, err);

    if (r < 0 || size == 0)
        return r;
    n = write(l->out, bytes, size < PIECE ? size : PIECE);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return errno == EPIPE ? connection_ended(err)
                              : hf_error_set(err, HF_EIO, "the connection: %s", strerror(errno));
    if (n > 0)
        hf_exchange_written(l->x, (size_t)n);
    return 1;
}

static bool has_output(struct hf_exchange_loop *l)
{
    const uint8_t *bytes;
    size_t size;

    return hf_exchange_output(l->x, &bytes, &size, NULL) == 0 && size > 0;
}

/* What this side still has to say, as far as the pipe takes it. */
static void last_words(struct hf_exchange_loop *l, int milliseconds)
{
    struct pollfd p = {.fd = l->out, .events = POLLOUT};

    while (has_output(l) && poll(&p, 1, milliseconds) > 0 && write_some(l, NULL) >= 0)
        ;
}

static bool is_granted(const struct hf_exchange *x)
{
    return hf_exchange_state(x).holder == HF_HOLDER_GRANTED;
}

static int hear_signal(struct hf_exchange_loop *l, unsigned *heard, struct hf_error *err)
{
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    if (is_granted(l->x) && ++*heard == 1) {
        fprintf(stderr, "holdfast %s: it is granted already; waiting for the other side's answer (again to leave)\n",
                l->verb);
        return 0;
    }
    (void)hf_exchange_cancel(l->x, "called off by its operator", NULL);
    return hf_error_set(err, HF_ECANCELED, "called off by signal %s", sigabbrev_np((int)info.ssi_signo));
}

/* All events that are there. 1: done. */
static int take_events(struct hf_exchange_loop *l, struct hf_error *err)
{
    enum hf_exchange_event event;

    for (;;) {
        int r = hf_exchange_next(l->x, hf_now(), &event, err);

        if (r < 0 || event == HF_EXCHANGE_NONE)
            return r;
        if (event == HF_EXCHANGE_FAILED)
            return hf_error_set(err, HF_EPROTO, "the other side gave up: %s", hf_exchange_failure(l->x));
        r = l->event(l->ctx, event, err);
        if (r < 0 && !is_granted(l->x))
            (void)hf_exchange_cancel(l->x, err->text, NULL);
        if (r != 0)
            return r;
    }
}

static int turn(struct hf_exchange_loop *l, unsigned *heard, struct hf_error *err)
{
    struct pollfd p[3] = {{.fd = l->in, .events = POLLIN}, {.fd = l->out}, {.fd = signals, .events = POLLIN}};
    const uint8_t *bytes;
    size_t size;
    int n, r = hf_exchange_output(l->x, &bytes, &size, err);

    if (r < 0)
        return r;
    p[1].events = size > 0 ? POLLOUT : 0;
    n = poll(p, 3, (int)l->patience_s * 1000);
    if (p[1].events == 0 && p[1].fd != p[0].fd && (p[1].revents & (POLLERR | POLLHUP)) && !(p[0].revents & POLLIN))
        return connection_ended(err);
    if (n < 0)
        return errno == EINTR ? 0 : hf_error_set(err, HF_EIO, "poll: %s", strerror(errno));
    if (n == 0)
        return hf_error_set(err, HF_ETIMEDOUT, "the other side has neither said nor taken anything for %u s",
                            l->patience_s);
    if (p[2].revents)
        r = hear_signal(l, heard, err);
    if (r == 0 && (p[0].revents & (POLLIN | POLLHUP | POLLERR)))
        r = read_some(l, err);
    if (r == 0 && (p[1].revents & (POLLOUT | POLLERR)))
        r = write_some(l, err);
    return r;
}

static int run(struct hf_exchange_loop *l, struct hf_error *err)
{
    unsigned heard = 0;

    for (;;) {
        uint64_t done, total;
        int r = take_events(l, err);

        if (r != 0)
            return r;
        hf_exchange_progress(l->x, &done, &total);
        hf_progress_update(&l->progress, done, total);
        r = turn(l, &heard, err);
        if (r < 0) {
            /* What arrived before the end counts: it may be the answer. */
            struct hf_error other;
            int last = take_events(l, &other);

            if (last == 1)
                return 1;
            if (last < 0 && last != r)
                *err = other;
            if (last == 0 && r == -HF_ETIMEDOUT && !is_granted(l->x))
                (void)hf_exchange_cancel(l->x, err->text, NULL);
            return last < 0 ? last : r;
        }
    }
}

int hf_exchange_loop_run(struct hf_exchange_loop *l, struct hf_error *err)
{
    int flags_in = fcntl(l->in, F_GETFL), flags_out = fcntl(l->out, F_GETFL), r;

    (void)fcntl(l->in, F_SETFL, flags_in | O_NONBLOCK);
    (void)fcntl(l->out, F_SETFL, flags_out | O_NONBLOCK);
    l->progress.bytes = true;
    r = run(l, err);
    hf_progress_done(&l->progress);
    last_words(l, r == 1 ? (int)l->patience_s * 1000 : LAST_WORDS_MS);
    (void)fcntl(l->in, F_SETFL, flags_in);
    (void)fcntl(l->out, F_SETFL, flags_out);
    return r < 0 ? r : 0;
}
