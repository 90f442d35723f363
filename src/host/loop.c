/* SPDX-License-Identifier: BSD-2-Clause */
#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>

void hf_loop_init(struct hf_loop *loop)
{
    *loop = (struct hf_loop){0};
    for (size_t i = 0; i < HF_LOOP_WATCHES_MAX; i++)
        loop->watches[i].fd = -1;
}

int64_t hf_loop_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct hf_loop_watch *find_watch(struct hf_loop *loop, int fd)
{
    for (size_t i = 0; i < HF_LOOP_WATCHES_MAX; i++) {
        if (loop->watches[i].fd == fd)
            return &loop->watches[i];
    }
    return NULL;
}

int hf_loop_watch(struct hf_loop *loop, int fd, short events, hf_loop_ready_fn *ready, void *ctx, struct hf_error *err)
{
    struct hf_loop_watch *slot = find_watch(loop, fd);

    if (!slot)
        slot = find_watch(loop, -1);
    if (!slot)
        return hf_error_set(err, HF_ENOMEM, "event loop: too many descriptors; the limit is %d", HF_LOOP_WATCHES_MAX);
    *slot = (struct hf_loop_watch){fd, events, ready, ctx};
    return 0;
}

void hf_loop_unwatch(struct hf_loop *loop, int fd)
{
    struct hf_loop_watch *slot = fd < 0 ? NULL : find_watch(loop, fd);

    if (slot)
        *slot = (struct hf_loop_watch){.fd = -1};
}

static struct hf_loop_timer *find_timer(struct hf_loop *loop, hf_loop_due_fn *due, void *ctx)
{
    for (size_t i = 0; i < HF_LOOP_TIMERS_MAX; i++) {
        if (loop->timers[i].at_ms && loop->timers[i].due == due && loop->timers[i].ctx == ctx)
            return &loop->timers[i];
    }
    return NULL;
}

int hf_loop_timer(struct hf_loop *loop, int64_t in_ms, hf_loop_due_fn *due, void *ctx, struct hf_error *err)
{
    struct hf_loop_timer *slot = find_timer(loop, due, ctx);

    for (size_t i = 0; !slot && i < HF_LOOP_TIMERS_MAX; i++) {
        if (!loop->timers[i].at_ms)
            slot = &loop->timers[i];
    }
    if (!slot)
        return hf_error_set(err, HF_ENOMEM, "event loop: too many timers; the limit is %d", HF_LOOP_TIMERS_MAX);
    *slot = (struct hf_loop_timer){hf_loop_now() + (in_ms > 0 ? in_ms : 0), due, ctx};
    return 0;
}

void hf_loop_cancel(struct hf_loop *loop, hf_loop_due_fn *due, void *ctx)
{
    struct hf_loop_timer *slot = find_timer(loop, due, ctx);

    if (slot)
        *slot = (struct hf_loop_timer){0};
}

/* The timeout for poll(): up to the first deadline. */
static int wait_ms(const struct hf_loop *loop, int timeout_ms)
{
    int64_t wait = timeout_ms < 0 ? INT_MAX : timeout_ms, now = hf_loop_now();
    bool any = timeout_ms >= 0;

    for (size_t i = 0; i < HF_LOOP_TIMERS_MAX; i++) {
        int64_t left = loop->timers[i].at_ms - now;
        if (!loop->timers[i].at_ms)
            continue;
        any = true;
        if (left < wait)
            wait = left > 0 ? left : 0;
    }
    return any ? (int)wait : -1;
}

static void call_due(struct hf_loop *loop)
{
    int64_t now = hf_loop_now();

    for (size_t i = 0; i < HF_LOOP_TIMERS_MAX; i++) {
        struct hf_loop_timer timer = loop->timers[i];
        if (!timer.at_ms || timer.at_ms > now)
            continue;
        loop->timers[i] = (struct hf_loop_timer){0};
        timer.due(timer.ctx);
    }
}

/* A callback may have unwatched a later one, or closed it and watched another under the same number. */
static bool still_watched(struct hf_loop *loop, const struct hf_loop_watch *seen)
{
    const struct hf_loop_watch *now = find_watch(loop, seen->fd);

    return now && now->ready == seen->ready && now->ctx == seen->ctx;
}

int hf_loop_turn(struct hf_loop *loop, int timeout_ms, struct hf_error *err)
{
    struct hf_loop_watch seen[HF_LOOP_WATCHES_MAX];
    struct pollfd fds[HF_LOOP_WATCHES_MAX];
    nfds_t count = 0;

    for (size_t i = 0; i < HF_LOOP_WATCHES_MAX; i++) {
        if (loop->watches[i].fd < 0)
            continue;
        seen[count] = loop->watches[i];
        fds[count] = (struct pollfd){.fd = seen[count].fd, .events = seen[count].events};
        count++;
    }
    if (poll(fds, count, wait_ms(loop, timeout_ms)) < 0)
        return errno == EINTR ? 0 : hf_error_set(err, HF_EIO, "poll: %s", strerror(errno));
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents && still_watched(loop, &seen[i]))
            seen[i].ready(seen[i].ctx, fds[i].revents);
    }
    call_due(loop);
    return 0;
}
