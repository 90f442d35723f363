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
    struct hf_link *link;
    int fd;
    uint8_t *buffer;
    size_t begin, end; /* of what waits in it */
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
        return hf_error_set(err, HF_ENOMEM, "out of memory");
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
    hf_link_pump(r->link);
}

int hf_stream_relay_read(struct hf_stream_relay *r, struct hf_link *link, struct hf_error *err)
{
    r->link = link;
    return hf_loop_watch(r->loop, r->fd, POLLIN, on_qemu_said, r, err);
}

/* True when there is something to put. */
static bool read_some(struct hf_stream_relay *r)
{
    ssize_t n;

    if (r->begin < r->end || r->ended)
        return true;
    n = recv(r->fd, r->buffer, HF_STREAM_BUFFER, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        (void)hf_loop_watch(r->loop, r->fd, POLLIN, on_qemu_said, r, NULL);
        return false;
    }
    r->begin = 0;
    r->end = n > 0 ? (size_t)n : 0;
    r->ended = n <= 0;
    return true;
}

bool hf_stream_relay_fill(struct hf_stream_relay *r)
{
    int n;

    if (!r->link || r->told || !read_some(r))
        return false;
    n = hf_exchange_put_stream(hf_link_exchange(r->link), r->buffer + r->begin, r->end - r->begin, NULL);
    if (n < 0)
        return false;
    if (r->begin == r->end) { /* the end was put: 1, or there was no room for it */
        r->told = n > 0;
        return r->told;
    }
    r->begin += (size_t)n;
    r->bytes += (uint64_t)n;
    return n > 0;
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

/* A QEMU that has given up takes nothing any more; its monitor tells why. */
static void write_some(struct hf_stream_relay *r)
{
    while (r->begin < r->end) {
        ssize_t n = send(r->fd, r->buffer + r->begin, r->end - r->begin, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            (void)hf_loop_watch(r->loop, r->fd, POLLOUT, on_qemu_takes, r, NULL);
            return;
        }
        r->begin = n < 0 ? r->end : r->begin + (size_t)n;
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
        hf_link_go_on(r->link);
}

bool hf_stream_relay_put(struct hf_stream_relay *r, struct hf_link *link, const void *bytes, size_t size)
{
    r->link = link;
    if (size > HF_STREAM_BUFFER - r->end) /* a frame is no larger, and only one is under way */
        size = HF_STREAM_BUFFER - r->end;
    memcpy(r->buffer + r->end, bytes, size);
    r->end += size;
    r->bytes += size;
    write_some(r);
    return r->end == 0;
}

void hf_stream_relay_end(struct hf_stream_relay *r)
{
    r->ended = true;
    write_some(r);
}
