/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_work.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct hf_guest_work {
    struct hf_loop *loop;
    hf_loop_due_fn *done;
    void *ctx;
    pthread_t thread;
    int ready; /* an eventfd, written when the thread has ended its work */
    uint8_t *image;
    size_t size;
    struct hf_guest_worked worked; /* the thread's until then */
};

static void *work(void *ctx)
{
    struct hf_guest_work *w = ctx;
    struct hf_guest_worked *done = &w->worked;
    const uint64_t one = 1;

    done->digest = hf_digest_of(w->image, w->size);
    done->r = hf_stage_prepare(w->image, w->size, NULL, &done->work, &done->err);
    while (write(w->ready, &one, sizeof one) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void on_ready(void *ctx, short revents)
{
    struct hf_guest_work *w = ctx;

    hf_loop_unwatch(w->loop, w->ready);
    w->done(w->ctx); /* frees it */
}

static int start(struct hf_guest_work *w, struct hf_error *err)
{
    int r;

    w->ready = eventfd(0, EFD_CLOEXEC);
    if (w->ready < 0)
        return hf_error_set(err, HF_EIO, "eventfd: %s", strerror(errno));
    r = hf_loop_watch(w->loop, w->ready, POLLIN, on_ready, w, err);
    if (r < 0)
        return r;
    r = pthread_create(&w->thread, NULL, work, w);
    if (r == 0)
        return 0;
    hf_loop_unwatch(w->loop, w->ready);
    return hf_error_set(err, HF_ENOMEM, "pthread_create: %s", strerror(r));
}

static void drop(struct hf_guest_work *w)
{
    if (w->ready >= 0)
        (void)close(w->ready);
    free(w->image);
    free(w);
}

int hf_guest_work_start(struct hf_loop *loop, uint8_t *image, size_t size, hf_loop_due_fn *done, void *ctx,
                        struct hf_guest_work **ret, struct hf_error *err)
{
    struct hf_guest_work *w = calloc(1, sizeof *w);
    int r;

    if (!w) {
        free(image);
        return hf_error_nomem(err);
    }
    w->loop = loop;
    w->done = done;
    w->ctx = ctx;
    w->image = image;
    w->size = size;
    r = start(w, err);
    if (r < 0) {
        drop(w);
        return r;
    }
    *ret = w;
    return 0;
}

const struct hf_guest_worked *hf_guest_work_result(const struct hf_guest_work *w)
{
    return &w->worked;
}

const uint8_t *hf_guest_work_image(const struct hf_guest_work *w, size_t *size)
{
    *size = w->size;
    return w->image;
}

void hf_guest_work_free(struct hf_guest_work *w)
{
    if (!w)
        return;
    hf_loop_unwatch(w->loop, w->ready);
    (void)pthread_join(w->thread, NULL);
    if (w->worked.r == 0)
        hf_stage_work_done(&w->worked.work);
    drop(w);
}
