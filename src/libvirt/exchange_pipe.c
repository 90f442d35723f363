/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange_pipe.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"

#define OTHERS_MAX 4
#define PIECE      65536

static bool would_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

void hf_exchange_pipe_start_clock(struct hf_exchange_pipe *l)
{
    l->moved_at = hf_loop_now();
}

int64_t hf_exchange_pipe_silent_ms(const struct hf_exchange_pipe *l)
{
    return hf_loop_now() - l->moved_at;
}

bool hf_exchange_pipe_has_output(struct hf_exchange_pipe *l)
{
    const uint8_t *bytes;
    size_t size = 0;

    return !l->ended && hf_exchange_output(l->exchange, &bytes, &size, NULL) == 0 && size;
}

static int write_some(struct hf_exchange_pipe *l, struct hf_error *err)
{
    const uint8_t *bytes;
    size_t size;
    ssize_t n;
    int r = hf_exchange_output(l->exchange, &bytes, &size, err);

    if (r < 0 || !size)
        return r;
    n = write(l->out, bytes, size);
    if (n > 0) {
        hf_exchange_written(l->exchange, (size_t)n);
        hf_exchange_pipe_start_clock(l);
    } else if (!would_wait())
        l->ended = true;
    return 0;
}

static int read_some(struct hf_exchange_pipe *l, struct hf_error *err)
{
    uint8_t bytes[PIECE];
    size_t room = hf_exchange_room(l->exchange);
    ssize_t n = read(l->in, bytes, room < sizeof bytes ? room : sizeof bytes);

    if (n > 0) {
        hf_exchange_pipe_start_clock(l);
        return hf_exchange_feed(l->exchange, bytes, (size_t)n, err);
    }
    if (n == 0 || !would_wait())
        l->ended = true;
    return 0;
}

int hf_exchange_pipe_turn(struct hf_exchange_pipe *l, struct pollfd *others, unsigned count, int timeout_ms,
                          struct hf_error *err)
{
    struct pollfd p[OTHERS_MAX + 2] = {{.fd = l->ended ? -1 : l->in}, {.fd = l->ended ? -1 : l->out}};
    int r = 0;

    assert(count <= OTHERS_MAX);
    p[0].events = !l->ended && hf_exchange_room(l->exchange) ? POLLIN : 0;
    if (hf_exchange_pipe_has_output(l))
        p[1].events = POLLOUT;
    else
        p[1].fd = -1;
    for (unsigned i = 0; i < count; i++) {
        p[i + 2] = others[i];
        p[i + 2].revents = 0;
    }
    if (poll(p, count + 2, timeout_ms) < 0)
        return errno == EINTR ? 0 : hf_error_set(err, HF_EIO, "poll: %s", strerror(errno));
    for (unsigned i = 0; i < count; i++)
        others[i].revents = p[i + 2].revents;
    if (p[1].revents)
        r = write_some(l, err);
    if (r == 0 && p[0].revents)
        r = read_some(l, err);
    return r;
}
