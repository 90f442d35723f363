/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define PIPE_SIZE (1 << 20) /* where the system lets us: fewer turns for a stream of gigabytes */

struct hf_link {
    struct hf_exchange *exchange;
    struct hf_loop *loop;
    struct hf_link_ops ops;
    int in, out;
    bool open, pumping, again;
    bool held;  /* by `stream` */
    bool stuck; /* there is more to write, and the other side does not take it */
    unsigned seen;
    int64_t moved_at; /* when the last byte passed, either way */
    struct hf_error fault;
};

static void on_ready(void *ctx, short revents);

static void watch_no_more(struct hf_link *l)
{
    hf_loop_unwatch(l->loop, l->in);
    hf_loop_unwatch(l->loop, l->out);
}

static void break_off(struct hf_link *l, const struct hf_error *why)
{
    if (!l->open)
        return;
    l->open = false;
    l->fault = *why;
    watch_no_more(l);
    l->ops.news(l->ops.ctx);
}

/* ---- writing ---- */

/* 1: all is written; 0: the other side does not take more now; or an error of the exchange or the descriptor. */
static int write_out(struct hf_link *l, struct hf_error *err)
{
    const uint8_t *bytes;
    size_t size;

    for (;;) {
        int r = hf_exchange_output(l->exchange, &bytes, &size, err);
        ssize_t n;

        if (r < 0)
            return r;
        if (size == 0)
            return 1;
        n = write(l->out, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0)
            return hf_error_set(err, HF_EIO, "the connection to the other side: %s", strerror(errno));
        hf_exchange_written(l->exchange, (size_t)n);
        l->moved_at = hf_loop_now();
    }
}

/* ---- reading ---- */

static int take_stream(struct hf_link *l)
{
    size_t size;
    const uint8_t *bytes = hf_exchange_stream(l->exchange, &size);

    return l->ops.stream && !l->ops.stream(l->ops.ctx, bytes, size);
}

static int take_events(struct hf_link *l, struct hf_error *err)
{
    while (!l->held) {
        enum hf_exchange_event event;
        int r = hf_exchange_next(l->exchange, (int64_t)time(NULL), &event, err);

        if (r < 0)
            return r;
        if (event == HF_EXCHANGE_NONE)
            return 0;
        if (event == HF_EXCHANGE_STREAM) {
            l->held = take_stream(l);
            continue;
        }
        l->seen |= 1U << event;
        l->ops.news(l->ops.ctx);
    }
    return 0;
}

/* The end of what the other side says is told only when everything that came before it was acted on. */
static int read_in(struct hf_link *l, struct hf_error *err)
{
    size_t room = hf_exchange_room(l->exchange);
    ssize_t n;

    if (l->held || room == 0)
        return 0;
    n = read(l->in, hf_exchange_space(l->exchange), room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        return hf_error_set(err, HF_EIO, "the connection to the other side: %s", strerror(errno));
    if (n == 0)
        return hf_error_set(err, HF_EIO, "the other side ended the connection");
    l->moved_at = hf_loop_now();
    hf_exchange_fed(l->exchange, (size_t)n);
    return 0;
}

static void note_stuck(struct hf_link *l, bool stuck)
{
    if (stuck && !l->stuck)
        l->moved_at = hf_loop_now(); /* nobody waited for it before */
    l->stuck = stuck;
}

static int rewatch(struct hf_link *l, bool more, struct hf_error *err)
{
    short in = l->held ? 0 : POLLIN, out = more ? POLLOUT : 0;
    int r;

    if (l->in == l->out)
        return hf_loop_watch(l->loop, l->in, (short)(in | out), on_ready, l, err);
    r = in ? hf_loop_watch(l->loop, l->in, in, on_ready, l, err) : 0;
    if (!in)
        hf_loop_unwatch(l->loop, l->in);
    if (r == 0 && out)
        r = hf_loop_watch(l->loop, l->out, out, on_ready, l, err);
    else
        hf_loop_unwatch(l->loop, l->out);
    return r;
}

static int pump_once(struct hf_link *l, bool readable, struct hf_error *err)
{
    int r = take_events(l, err), written;

    if (r == 0 && readable)
        r = read_in(l, err);
    if (r == 0)
        r = take_events(l, err);
    do
        written = write_out(l, r < 0 ? NULL : err);
    while (r == 0 && written == 1 && l->ops.fill && l->ops.fill(l->ops.ctx));
    if (r == 0 && written < 0)
        r = written;
    note_stuck(l, written == 0);
    return r < 0 ? r : rewatch(l, written == 0, err);
}

static void pump(struct hf_link *l, bool readable)
{
    struct hf_error err;
    int r = 0;

    if (l->pumping) {
        l->again = true;
        return;
    }
    l->pumping = true;
    do {
        l->again = false;
        if (l->open)
            r = pump_once(l, readable, &err);
        readable = false;
    } while (r == 0 && l->again);
    l->pumping = false;
    if (r < 0)
        break_off(l, &err);
}

static void on_ready(void *ctx, short revents)
{
    pump(ctx, (revents & (POLLIN | POLLHUP | POLLERR)) != 0);
}

void hf_link_pump(struct hf_link *link)
{
    pump(link, false);
}

void hf_link_go_on(struct hf_link *link)
{
    link->held = false;
    link->moved_at = hf_loop_now();
    pump(link, false);
}

/* ---- the rest ---- */

static int without_waiting(int fd, struct hf_error *err)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "descriptor %d of the other side: %s", fd, strerror(errno));
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE); /* a socket is none */
    return 0;
}

int hf_link_open(struct hf_exchange *exchange, int in, int out, struct hf_loop *loop, const struct hf_link_ops *ops,
                 struct hf_link **out_link, struct hf_error *err)
{
    struct hf_link *l = calloc(1, sizeof *l);
    int r;

    if (!l) {
        hf_exchange_free(exchange);
        (void)close(in);
        if (out != in)
            (void)close(out);
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    *l = (struct hf_link){.exchange = exchange, .loop = loop, .ops = *ops, .in = in, .out = out, .open = true,
                          .moved_at = hf_loop_now()};
    r = without_waiting(in, err);
    if (r == 0)
        r = without_waiting(out, err);
    if (r == 0)
        r = rewatch(l, true, err);
    if (r < 0) {
        hf_link_close(l, 0);
        return r;
    }
    *out_link = l;
    return 0;
}

void hf_link_close(struct hf_link *link, int grace_ms)
{
    int64_t until = hf_loop_now() + grace_ms, left;

    if (!link)
        return;
    watch_no_more(link);
    while (write_out(link, NULL) == 0 && (left = until - hf_loop_now()) > 0) {
        struct pollfd p = {.fd = link->out, .events = POLLOUT};

        (void)poll(&p, 1, (int)left);
    }
    hf_exchange_free(link->exchange);
    (void)close(link->in);
    if (link->out != link->in)
        (void)close(link->out);
    free(link);
}

struct hf_exchange *hf_link_exchange(struct hf_link *link)
{
    return link->exchange;
}

bool hf_link_seen(const struct hf_link *link, enum hf_exchange_event event)
{
    return (link->seen & 1U << event) != 0;
}

void hf_link_forget(struct hf_link *link, enum hf_exchange_event event)
{
    link->seen &= ~(1U << event);
}

bool hf_link_is_open(const struct hf_link *link)
{
    return link->open;
}

const struct hf_error *hf_link_fault(const struct hf_link *link)
{
    return &link->fault;
}

bool hf_link_is_stuck(const struct hf_link *link)
{
    return link->open && link->stuck;
}

int64_t hf_link_silent_ms(const struct hf_link *link)
{
    return link->held ? 0 : hf_loop_now() - link->moved_at;
}
