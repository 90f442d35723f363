/* SPDX-License-Identifier: BSD-2-Clause */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define PIPE_SIZE (1 << 20) /* where the system lets us: fewer turns for a stream of gigabytes */

struct hf_pump {
    struct hf_exchange *exchange;
    struct hf_loop *loop;
    struct hf_pump_ops ops;
    int in, out;
    int in_flags, out_flags; /* as they were: others may have the same file */
    enum hf_pump_state state;
    bool pumping, again;
    bool held;  /* by `stream` */
    bool stuck; /* there is more to write, and the peer does not read it */
    unsigned seen;
    int64_t moved_at; /* when the last byte passed, either way */
    struct hf_error fault;
};

static void on_in(void *ctx, short revents);
static void on_out(void *ctx, short revents);

static void watch_no_more(struct hf_pump *p)
{
    hf_loop_unwatch(p->loop, p->in);
    hf_loop_unwatch(p->loop, p->out);
}

static void break_off(struct hf_pump *p, enum hf_pump_state state, const struct hf_error *why)
{
    if (p->state != HF_PUMP_OPEN)
        return;
    p->state = state;
    p->fault = *why;
    watch_no_more(p);
    if (p->ops.news)
        p->ops.news(p->ops.ctx);
}

/* ---- writing ---- */

enum written { WRITTEN_ALL, WRITTEN_BLOCKED, WRITTEN_CLOSED, WRITTEN_FAILED /* *err of the exchange */ };

static enum written write_out(struct hf_pump *p, struct hf_error *err)
{
    const uint8_t *bytes;
    size_t size;

    for (;;) {
        ssize_t n;

        if (hf_exchange_output(p->exchange, &bytes, &size, err) < 0)
            return WRITTEN_FAILED;
        if (size == 0)
            return WRITTEN_ALL;
        n = write(p->out, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return WRITTEN_BLOCKED;
        if (n < 0) {
            (void)hf_error_set(err, HF_EIO, "connection to the peer: %s", strerror(errno));
            return WRITTEN_CLOSED;
        }
        hf_exchange_written(p->exchange, (size_t)n);
        p->moved_at = hf_loop_now();
    }
}

/* ---- reading ---- */

static bool take_stream(struct hf_pump *p)
{
    size_t size;
    const uint8_t *bytes = hf_exchange_stream(p->exchange, &size);

    return !p->ops.stream || p->ops.stream(p->ops.ctx, bytes, size);
}

static int act(struct hf_pump *p, enum hf_exchange_event event, struct hf_error *err)
{
    int r = p->ops.event(p->ops.ctx, event, err);

    p->moved_at = hf_loop_now(); /* what takes us long is not the peer's silence */
    if (r < 0)
        (void)hf_exchange_cancel(p->exchange, err->text, NULL);
    return r;
}

static int take_events(struct hf_pump *p, struct hf_error *err)
{
    int r = 0;

    while (r == 0 && !p->held) {
        enum hf_exchange_event event;

        r = hf_exchange_next(p->exchange, (int64_t)time(NULL), &event, err);
        if (r < 0 || event == HF_EXCHANGE_NONE)
            break;
        if (event == HF_EXCHANGE_STREAM) {
            p->held = !take_stream(p);
            continue;
        }
        if (p->ops.event) {
            r = act(p, event, err);
            continue;
        }
        p->seen |= 1U << event;
        p->ops.news(p->ops.ctx);
    }
    return r;
}

enum got { GOT_SOME, GOT_NOTHING, GOT_CLOSED };

static enum got read_in(struct hf_pump *p, struct hf_error *err)
{
    size_t room = hf_exchange_room(p->exchange);
    ssize_t n;

    if (p->held || room == 0)
        return GOT_NOTHING;
    n = read(p->in, hf_exchange_space(p->exchange), room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return GOT_NOTHING;
    if (n <= 0) {
        (void)hf_error_set(err, HF_EIO, "connection to the peer: %s", n < 0 ? strerror(errno) : "closed by the peer");
        return GOT_CLOSED;
    }
    p->moved_at = hf_loop_now();
    hf_exchange_fed(p->exchange, (size_t)n);
    return GOT_SOME;
}

/* The peer reads no more. What it said before counts: it may be the answer, or the reason. */
static int hear_the_rest(struct hf_pump *p, struct hf_error *err)
{
    int r = take_events(p, err);
    struct hf_error unused;

    while (r == 0 && read_in(p, &unused) == GOT_SOME)
        r = take_events(p, err);
    return r;
}

/* ---- both ---- */

static void note_stuck(struct hf_pump *p, bool stuck)
{
    if (stuck && !p->stuck)
        p->moved_at = hf_loop_now(); /* nobody waited for it before */
    p->stuck = stuck;
}

/* An `out` of its own is watched also when there is nothing to write: it shows a peer that reads no more. */
static int rewatch(struct hf_pump *p, bool more, struct hf_error *err)
{
    short in = p->held ? 0 : POLLIN, out = more ? POLLOUT : 0;
    int r;

    if (p->in == p->out)
        return hf_loop_watch(p->loop, p->in, (short)(in | out), on_in, p, err);
    r = in ? hf_loop_watch(p->loop, p->in, in, on_in, p, err) : 0;
    if (!in)
        hf_loop_unwatch(p->loop, p->in);
    if (r == 0 && (in || out))
        r = hf_loop_watch(p->loop, p->out, out, on_out, p, err);
    else
        hf_loop_unwatch(p->loop, p->out);
    return r;
}

/* The end of what the peer says is told only when everything that came before it was acted on. */
static enum hf_pump_state pump_once(struct hf_pump *p, bool readable, struct hf_error *err)
{
    struct hf_error closed;
    enum written written;

    if (take_events(p, err) < 0)
        return HF_PUMP_FAILED;
    if (readable && read_in(p, err) == GOT_CLOSED)
        return HF_PUMP_ENDED;
    if (take_events(p, err) < 0)
        return HF_PUMP_FAILED;
    do
        written = write_out(p, &closed);
    while (written == WRITTEN_ALL && p->ops.fill && p->ops.fill(p->ops.ctx));
    if (written == WRITTEN_CLOSED && hear_the_rest(p, err) < 0)
        return HF_PUMP_FAILED;
    note_stuck(p, written == WRITTEN_BLOCKED);
    if (written == WRITTEN_CLOSED || written == WRITTEN_FAILED) {
        *err = closed;
        return written == WRITTEN_CLOSED ? HF_PUMP_ENDED : HF_PUMP_FAILED;
    }
    return rewatch(p, written == WRITTEN_BLOCKED, err) < 0 ? HF_PUMP_FAILED : HF_PUMP_OPEN;
}

static void pump(struct hf_pump *p, bool readable)
{
    enum hf_pump_state state = HF_PUMP_OPEN;
    struct hf_error err;

    if (p->pumping) {
        p->again = true;
        return;
    }
    p->pumping = true;
    do {
        p->again = false;
        if (p->state == HF_PUMP_OPEN)
            state = pump_once(p, readable, &err);
        readable = false;
    } while (state == HF_PUMP_OPEN && p->again);
    if (state == HF_PUMP_FAILED)
        (void)write_out(p, NULL); /* why */
    p->pumping = false;
    if (state != HF_PUMP_OPEN)
        break_off(p, state, &err);
}

static void on_in(void *ctx, short revents)
{
    pump(ctx, (revents & (POLLIN | POLLHUP | POLLERR)) != 0);
}

static void on_out(void *ctx, short revents)
{
    struct hf_pump *p = ctx;
    enum hf_pump_state state;
    struct hf_error err;

    if (!(revents & (POLLERR | POLLHUP)) || p->stuck || p->pumping) {
        pump(p, false);
        return;
    }
    p->pumping = true;
    state = hear_the_rest(p, &err) < 0 ? HF_PUMP_FAILED : HF_PUMP_ENDED;
    p->pumping = false;
    if (state == HF_PUMP_ENDED)
        (void)hf_error_set(&err, HF_EIO, "connection to the peer: closed by the peer");
    break_off(p, state, &err);
}

void hf_pump_turn(struct hf_pump *p)
{
    pump(p, false);
}

void hf_pump_resume(struct hf_pump *p)
{
    p->held = false;
    p->moved_at = hf_loop_now();
    pump(p, false);
}

/* ---- the rest ---- */

static int without_waiting(int fd, int *flags, struct hf_error *err)
{
    *flags = fcntl(fd, F_GETFL);
    if (*flags < 0 || fcntl(fd, F_SETFL, *flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "connection to the peer: descriptor %d: %s", fd, strerror(errno));
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE); /* fails for a socket */
    return 0;
}

int hf_pump_open(struct hf_exchange *exchange, int in, int out, struct hf_loop *loop, const struct hf_pump_ops *ops,
                 struct hf_pump **out_pump, struct hf_error *err)
{
    struct hf_pump *p = calloc(1, sizeof *p);
    int r;

    if (!p) {
        hf_exchange_free(exchange);
        (void)close(in);
        if (out != in)
            (void)close(out);
        return hf_error_nomem(err);
    }
    *p = (struct hf_pump){.exchange = exchange,
                          .loop = loop,
                          .ops = *ops,
                          .in = in,
                          .out = out,
                          .in_flags = -1,
                          .out_flags = -1,
                          .moved_at = hf_loop_now()};
    r = without_waiting(in, &p->in_flags, err);
    if (r == 0 && out != in)
        r = without_waiting(out, &p->out_flags, err);
    if (r == 0)
        r = rewatch(p, true, err);
    if (r < 0) {
        hf_pump_close(p, 0);
        return r;
    }
    *out_pump = p;
    return 0;
}

void hf_pump_flush(struct hf_pump *p, int grace_ms)
{
    int64_t until = hf_loop_now() + grace_ms, left;

    while (write_out(p, NULL) == WRITTEN_BLOCKED && (left = until - hf_loop_now()) > 0) {
        struct pollfd out = {.fd = p->out, .events = POLLOUT};

        (void)poll(&out, 1, (int)left);
    }
}

static void let_go(int fd, int flags)
{
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags);
    (void)close(fd);
}

struct hf_exchange *hf_pump_detach(struct hf_pump *p, int grace_ms)
{
    struct hf_exchange *exchange = p->exchange;

    watch_no_more(p);
    hf_pump_flush(p, grace_ms);
    let_go(p->in, p->in_flags);
    if (p->out != p->in)
        let_go(p->out, p->out_flags);
    free(p);
    return exchange;
}

void hf_pump_close(struct hf_pump *p, int grace_ms)
{
    if (p)
        hf_exchange_free(hf_pump_detach(p, grace_ms));
}

struct hf_exchange *hf_pump_exchange(struct hf_pump *p)
{
    return p->exchange;
}

bool hf_pump_seen(const struct hf_pump *p, enum hf_exchange_event event)
{
    return (p->seen & 1U << event) != 0;
}

void hf_pump_forget(struct hf_pump *p, enum hf_exchange_event event)
{
    p->seen &= ~(1U << event);
}

enum hf_pump_state hf_pump_state(const struct hf_pump *p)
{
    return p->state;
}

bool hf_pump_is_open(const struct hf_pump *p)
{
    return p->state == HF_PUMP_OPEN;
}

const struct hf_error *hf_pump_fault(const struct hf_pump *p)
{
    return &p->fault;
}

bool hf_pump_is_stuck(const struct hf_pump *p)
{
    return p->state == HF_PUMP_OPEN && p->stuck;
}

int64_t hf_pump_silent_ms(const struct hf_pump *p)
{
    return p->held ? 0 : hf_loop_now() - p->moved_at;
}

void hf_pump_start_clock(struct hf_pump *p)
{
    p->moved_at = hf_loop_now();
}

int hf_pump_timed_out(unsigned timeout_s, struct hf_error *err)
{
    return hf_error_set(err, HF_ETIMEDOUT, "peer: no data for %u s", timeout_s);
}
