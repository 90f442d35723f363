/* SPDX-License-Identifier: BSD-2-Clause */
#include "promise_work.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct hf_promise_work {
    struct hf_loop *loop;
    hf_loop_due_fn *done;
    void *ctx;
    pthread_t thread;
    int ready; /* an eventfd, written when the thread has ended its work */
    struct hf_owner_pending *pending;
    int result; /* the thread's until then, and so is `fault` */
    struct hf_error fault;
};

static void *work(void *ctx)
{
    struct hf_promise_work *w = ctx;
    const uint64_t one = 1;

    w->result = hf_owner_promise_finish(w->pending, &w->fault);
    while (write(w->ready, &one, sizeof one) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void on_ready(void *ctx, short revents)
{
    struct hf_promise_work *w = ctx;

    hf_loop_unwatch(w->loop, w->ready);
    w->done(w->ctx);
}

static void drop(struct hf_promise_work *w)
{
    if (w->ready >= 0) {
        hf_loop_unwatch(w->loop, w->ready);
        (void)close(w->ready);
    }
    free(w);
}

int hf_promise_work_start(struct hf_loop *loop, struct hf_owner_pending *pending, hf_loop_due_fn *done, void *ctx,
                          struct hf_promise_work **out, struct hf_error *err)
{
    struct hf_promise_work *w = calloc(1, sizeof *w);
    int r;

    if (!w)
        return hf_error_nomem(err);
    *w = (struct hf_promise_work){.loop = loop, .done = done, .ctx = ctx, .pending = pending};
    w->ready = eventfd(0, EFD_CLOEXEC);
    r = w->ready < 0 ? hf_error_set(err, HF_EIO, "eventfd: %s", strerror(errno))
                     : hf_loop_watch(loop, w->ready, POLLIN, on_ready, w, err);
    if (r == 0 && pthread_create(&w->thread, NULL, work, w) != 0)
        r = hf_error_nomem(err);
    if (r < 0) {
        drop(w);
        return r;
    }
    *out = w;
    return 0;
}

int hf_promise_work_end(struct hf_promise_work *w, struct hf_error *err)
{
    int r;

    if (!w)
        return 0;
    (void)pthread_join(w->thread, NULL);
    r = w->result;
    if (r < 0 && err)
        *err = w->fault;
    drop(w);
    return r;
}
