/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream_relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"

struct hf_stream_relay {
    struct hf_loop *loop;
    struct hf_pump *pump;
    int fd;
    uint8_t *buffer;
    size_t begin, end; /* destination: of what waits in it */
    bool ended;        /* the side that sends has said all */
    bool told;         /* and the other was told so */
    uint64_t bytes;
};

int hf_stream_relay_open(struct hf_loop *loop, struct hf_stream_relay **out, int *qemu_fd, struct hf_error *err)
{
    struct hf_stream_relay *r = calloc(1, sizeof *r);
    int pair[2];

    if (r)
        r->buffer = malloc(HF_STREAM_BUFFER);
    if (!r || !r->buffer) {
        free(r);
        return hf_error_nomem(err);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        free(r->buffer);
        free(r);
        return hf_error_set(err, HF_EIO, "socketpair: %s", strerror(errno));
    }
    r->loop = loop;
    r->fd = pair[0];
    *qemu_fd = pair[1];
    *out = r;
    return 0;
}

void hf_stream_relay_close(struct hf_stream_relay *r)
{
    if (!r)
        return;
    hf_loop_unwatch(r->loop, r->fd);
    (void)close(r->fd);
    free(r->buffer);
    free(r);
}

/* ---- source ---- */

static void on_qemu_said(void *ctx, short revents)
{
    struct hf_stream_relay *r = ctx;

    hf_loop_unwatch(r->loop, r->fd);
    hf_pump_turn(r->pump);
}

int hf_stream_relay_read(struct hf_stream_relay *r, struct hf_pump *pump, struct hf_error *err)
{
    r->pump = pump;
    return hf_loop_watch(r->loop, r->fd, POLLIN, on_qemu_said, r, err);
}

/* Tells the end, once there is room for it. */
static bool put_end(struct hf_stream_relay *r)
{
    r->told = hf_exchange_put_stream(hf_pump_exchange(r->pump), NULL, 0, NULL) > 0;
    return r->told;
}

bool hf_stream_relay_fill(struct hf_stream_relay *r)
{
    struct hf_exchange *x = r->pump ? hf_pump_exchange(r->pump) : NULL;
    uint8_t *bytes;
    size_t room;
    ssize_t n;

    if (!x || r->told)
        return false;
    if (r->ended)
        return put_end(r);
    if (hf_exchange_stream_space(x, &bytes, &room, NULL) < 0 || room == 0)
        return false;
    n = recv(r->fd, bytes, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        (void)hf_loop_watch(r->loop, r->fd, POLLIN, on_qemu_said, r, NULL);
        return false;
    }
    r->ended = n <= 0;
    if (r->ended)
        return put_end(r);
    hf_exchange_stream_filled(x, (size_t)n);
    r->bytes += (uint64_t)n;
    return true;
}

bool hf_stream_relay_is_done(const struct hf_stream_relay *r)
{
    return r->told;
}

uint64_t hf_stream_relay_bytes(const struct hf_stream_relay *r)
{
    return r->bytes;
}

/* ---- destination ---- */

static void on_qemu_takes(void *ctx, short revents);

/* How many QEMU took. One that has given up takes nothing any more, and counts as taking all; its monitor tells why. */
static size_t give(const struct hf_stream_relay *r, const uint8_t *bytes, size_t size)
{
    size_t given = 0;

    while (given < size) {
        ssize_t n = send(r->fd, bytes + given, size - given, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return given;
        given = n < 0 ? size : given + (size_t)n;
    }
    return given;
}

static void write_some(struct hf_stream_relay *r)
{
    r->begin += give(r, r->buffer + r->begin, r->end - r->begin);
    if (r->begin < r->end) {
        (void)hf_loop_watch(r->loop, r->fd, POLLOUT, on_qemu_takes, r, NULL);
        return;
    }
    r->begin = r->end = 0;
    hf_loop_unwatch(r->loop, r->fd);
    if (r->ended && !r->told) {
        r->told = true;
        (void)shutdown(r->fd, SHUT_WR);
    }
}

static void on_qemu_takes(void *ctx, short revents)
{
    struct hf_stream_relay *r = ctx;

    write_some(r);
    if (r->end == 0)
        hf_pump_resume(r->pump);
}

bool hf_stream_relay_put(struct hf_stream_relay *r, struct hf_pump *pump, const void *bytes, size_t size)
{
    size_t given = r->end == 0 ? give(r, bytes, size) : 0, left = size - given;

    r->pump = pump;
    r->bytes += size;
    if (left > HF_STREAM_BUFFER - r->end) /* a frame is no larger, and only one is under way */
        left = HF_STREAM_BUFFER - r->end;
    if (left > 0)
        memcpy(r->buffer + r->end, (const uint8_t *)bytes + given, left);
    r->end += left;
    if (r->end > 0)
        (void)hf_loop_watch(r->loop, r->fd, POLLOUT, on_qemu_takes, r, NULL);
    return r->end == 0;
}

void hf_stream_relay_end(struct hf_stream_relay *r)
{
    r->ended = true;
    write_some(r);
}
