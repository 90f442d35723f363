/* SPDX-License-Identifier: BSD-2-Clause */
#include "committer.h"

#include "cleanup.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS  1000
#define REPEAT_MS      30000
#define KEEP_PAGES     256 /* 1 MiB: every page that OVMF writes to in one boot */

struct hf_committer {
    struct hf_queue_file *file;
    struct hf_write_queue *queue;
    const struct hf_committer_ops *ops;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* for the thread: the queue was empty, or somebody is in a hurry */
    pthread_cond_t done; /* from the thread: a commit ended */

    /* Under the lock. Batches are numbered in the order of their seals. */
    uint64_t open_batch;   /* the number the open batch will have */
    uint64_t committed;    /* the last number that is in the container */
    int64_t open_since_ms; /* when the open batch got its first write; 0: it is empty */
    bool hurry;
    bool stopping;

    /* Failing commits. */
    uint64_t failures;
    struct hf_error last_error;
    int64_t retry_at_ms; /* 0: the last commit succeeded */
    int64_t retry_delay_ms;
    int64_t told_at_ms; /* when the last BEHIND went out */

    uint8_t view[HF_WRITE_QUEUE_WRITE_MAX]; /* is_known() */
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wait_until(struct hf_committer *c, pthread_cond_t *cond, int64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)pthread_cond_clockwait(cond, &c->lock, CLOCK_MONOTONIC, &t);
}

/* Returns when a commit is due. */
static void await_work(struct hf_committer *c)
{
    for (;;) {
        int64_t due = c->retry_at_ms ? c->retry_at_ms : c->open_since_ms + HF_COMMIT_WINDOW_MS;

        if (c->stopping)
            return;
        if (!hf_write_queue_waiting(c->queue)) {
            c->hurry = false;
            (void)pthread_cond_wait(&c->work, &c->lock);
        } else if (c->hurry || now_ms() >= due) {
            return;
        } else {
            wait_until(c, &c->work, due);
        }
    }
}

static void tell(struct hf_committer *c, enum hf_nbd_status_kind kind)
{
    struct hf_nbd_status s = {
        .kind = kind,
        .since = hf_write_queue_behind(c->queue),
        .bytes = (uint64_t)hf_write_queue_waiting(c->queue) * HF_WRITE_QUEUE_PAGE,
    };

    if (kind == HF_NBD_BEHIND)
        memcpy(s.text, c->last_error.text, sizeof s.text);
    c->ops->status(c->ops->opaque, &s);
}

static void note_success(struct hf_committer *c, uint64_t batch)
{
    hf_write_queue_committed(c->queue);
    hf_queue_file_trim(c->file, KEEP_PAGES);
    c->committed = batch;
    c->retry_at_ms = 0;
    if (!hf_write_queue_behind(c->queue))
        return;
    if (hf_write_queue_waiting(c->queue)) {
        c->hurry = true; /* what gathered meanwhile */
        return;
    }
    hf_write_queue_set_behind(c->queue, 0);
    tell(c, HF_NBD_CAUGHT_UP);
}

static void note_failure(struct hf_committer *c, const struct hf_error *why)
{
    c->failures++;
    c->last_error = *why;
    c->hurry = false;
    if (!hf_write_queue_behind(c->queue))
        hf_write_queue_set_behind(c->queue, (int64_t)time(NULL));
    if (!c->retry_at_ms || now_ms() >= c->told_at_ms + REPEAT_MS) {
        c->told_at_ms = now_ms();
        tell(c, HF_NBD_BEHIND);
    }
    c->retry_delay_ms = c->retry_at_ms ? c->retry_delay_ms * 2 : RETRY_FIRST_MS;
    if (c->retry_delay_ms > RETRY_LAST_MS)
        c->retry_delay_ms = RETRY_LAST_MS;
    c->retry_at_ms = now_ms() + c->retry_delay_ms;
}

/* One commit of the sealed batch, with the lock given up meanwhile: writes go to the open batch. */
static int commit_batch(struct hf_committer *c)
{
    bool was_sealed = hf_write_queue_has_sealed(c->queue);
    struct hf_error err = {.code = HF_EIO};
    int r;

    if (!hf_write_queue_seal(c->queue))
        return 0;
    if (!was_sealed) {
        c->open_batch++;
        c->open_since_ms = 0;
    }
    (void)pthread_mutex_unlock(&c->lock);
    r = c->ops->commit(c->ops->opaque, c->queue, &err);
    (void)pthread_mutex_lock(&c->lock);
    if (r == 0)
        note_success(c, c->committed + 1);
    else
        note_failure(c, &err);
    (void)pthread_cond_broadcast(&c->done);
    return r;
}

static void *commit_thread(void *opaque)
{
    struct hf_committer *c = opaque;

    (void)pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        await_work(c);
        (void)commit_batch(c);
    }
    while (hf_write_queue_waiting(c->queue) && commit_batch(c) == 0)
        ;
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

int hf_committer_start(struct hf_queue_file *file, const struct hf_committer_ops *ops, struct hf_committer **out,
                       struct hf_error *err)
{
    struct hf_committer *c = calloc(1, sizeof *c);

    if (!c)
        return hf_error_nomem(err);
    c->file = file;
    c->queue = hf_queue_file_queue(file);
    c->ops = ops;
    c->open_batch = 1;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->work, NULL);
    (void)pthread_cond_init(&c->done, NULL);
    /* A queue that a dead server left: its sealed batch, if any, counts as number 1, and all of it is overdue. */
    c->hurry = hf_write_queue_waiting(c->queue) != 0;
    if (hf_write_queue_has_sealed(c->queue))
        c->open_batch = 2;
    if (hf_write_queue_has_open(c->queue))
        c->open_since_ms = now_ms();
    if (pthread_create(&c->thread, NULL, commit_thread, c) != 0) {
        free(c);
        return hf_error_set(err, HF_EIO, "committing thread: cannot be started");
    }
    *out = c;
    return 0;
}

/* The caller asked for durability: every batch up to the open one, if there is anything in it. */
static int flush_locked(struct hf_committer *c, struct hf_error *err)
{
    uint64_t failures = c->failures;
    uint64_t want = c->open_since_ms ? c->open_batch : c->open_batch - 1;

    if (!hf_write_queue_waiting(c->queue))
        return 0;
    c->hurry = true;
    (void)pthread_cond_signal(&c->work);
    while (c->committed < want && c->failures == failures)
        (void)pthread_cond_wait(&c->done, &c->lock);
    if (c->committed >= want)
        return 0;
    if (err)
        *err = c->last_error;
    return -(int)c->last_error.code;
}

int hf_committer_flush(struct hf_committer *c, struct hf_error *err)
{
    int r;

    (void)pthread_mutex_lock(&c->lock);
    r = flush_locked(c, err);
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

/* The queue has no memory for a write: bring in what waits and give its memory back; the second time go past the queue.
 * Returns true when the write is done, false when it should be tried again. */
static bool make_room(struct hf_committer *c, bool past, uint64_t offset, const void *bytes, size_t size)
{
    int r = flush_locked(c, NULL);

    if (r == 0)
        hf_queue_file_trim(c->file, 0); /* also the clean copies, which a write past the queue would make old */
    if (r == 0 && !past)
        return false;
    if (r == 0 && !hf_write_queue_waiting(c->queue))
        r = c->ops->write(c->ops->opaque, offset, bytes, size, NULL);
    else
        r = -HF_ENOSPC;
    if (r < 0)
        wait_until(c, &c->done, now_ms() + RETRY_FIRST_MS);
    return r == 0;
}

static int read_locked(struct hf_committer *c, uint64_t offset, uint8_t *bytes, size_t size, struct hf_error *err)
{
    int r = c->ops->read(c->ops->opaque, offset, bytes, size, err);
    size_t done = 0;

    while (r == 0 && done < size) {
        uint32_t page = (uint32_t)((offset + done) / HF_WRITE_QUEUE_PAGE);
        size_t at = (size_t)((offset + done) % HF_WRITE_QUEUE_PAGE);
        size_t n = HF_WRITE_QUEUE_PAGE - at;
        const uint8_t *view = hf_write_queue_page(c->queue, page);

        if (n > size - done)
            n = size - done;
        if (view)
            memcpy(bytes + done, view + at, n);
        done += n;
    }
    return r;
}

/* Whether a page is what it is to become, as far as that can be told without reading it: 1, 0, or -1. */
static int look(struct hf_committer *c, uint64_t offset, const uint8_t *bytes)
{
    uint32_t page = (uint32_t)(offset / HF_WRITE_QUEUE_PAGE);
    int byte = c->ops->repeats && !hf_write_queue_page(c->queue, page) ? c->ops->repeats(c->ops->opaque, page) : -1;

    return byte < 0 ? -1 : bytes[0] == byte && memcmp(bytes, bytes + 1, HF_WRITE_QUEUE_PAGE - 1) == 0;
}

/* An arriving guest brings its whole bank, most of it as the container has it: one look at many pages is quicker than
 * one at each, and none at all is needed at those that repeat one byte. */
static bool is_known(struct hf_committer *c, uint64_t offset, const uint8_t *bytes, size_t size)
{
    const size_t page = HF_WRITE_QUEUE_PAGE;
    size_t n;

    if (size <= page || size > sizeof c->view || offset % page || size % page)
        return false;
    for (size_t at = 0; at < size; at += n) {
        int known = look(c, offset + at, bytes + at);

        if (known == 0)
            return false;
        n = page;
        while (known < 0 && at + n < size && look(c, offset + at + n, bytes + at + n) < 0)
            n += page;
        if (known < 0 && (read_locked(c, offset + at, c->view, n, NULL) < 0 || memcmp(c->view, bytes + at, n) != 0))
            return false;
    }
    return true;
}

static int write_locked(struct hf_committer *c, uint64_t offset, const void *bytes, size_t size, struct hf_error *err)
{
    int r;

    if (is_known(c, offset, bytes, size))
        return 0;
    for (unsigned attempt = 0;; attempt++) {
        r = hf_write_queue_write(c->queue, offset, bytes, size, err);
        if (r != -HF_ENOSPC)
            break;
        if (make_room(c, attempt > 0, offset, bytes, size))
            return 0;
    }
    if (r <= 0 || c->open_since_ms)
        return r < 0 ? r : 0;
    c->open_since_ms = now_ms();
    (void)pthread_cond_signal(&c->work);
    return 0;
}

int hf_committer_write(struct hf_committer *c, uint64_t offset, const void *bytes, size_t size, struct hf_error *err)
{
    int r;

    (void)pthread_mutex_lock(&c->lock);
    r = write_locked(c, offset, bytes, size, err);
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

bool hf_committer_has(struct hf_committer *c, uint64_t offset, const void *bytes, size_t size)
{
    bool has;

    (void)pthread_mutex_lock(&c->lock);
    has = is_known(c, offset, bytes, size) ||
          (size <= sizeof c->view && read_locked(c, offset, c->view, size, NULL) == 0 &&
           memcmp(c->view, bytes, size) == 0);
    (void)pthread_mutex_unlock(&c->lock);
    return has;
}

int hf_committer_read(struct hf_committer *c, uint64_t offset, void *bytes, size_t size, struct hf_error *err)
{
    int r;

    (void)pthread_mutex_lock(&c->lock);
    r = read_locked(c, offset, bytes, size, err);
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

uint64_t hf_committer_untouched(struct hf_committer *c, uint64_t offset, uint64_t length)
{
    uint64_t at = offset;

    (void)pthread_mutex_lock(&c->lock);
    while (at < offset + length && !hf_write_queue_page(c->queue, (uint32_t)(at / HF_WRITE_QUEUE_PAGE)))
        at = (at / HF_WRITE_QUEUE_PAGE + 1) * HF_WRITE_QUEUE_PAGE;
    (void)pthread_mutex_unlock(&c->lock);
    return at < offset + length ? at - offset : length;
}

int hf_committer_stop(struct hf_committer *c, struct hf_error *err)
{
    uint32_t waiting;
    int r = 0;

    (void)pthread_mutex_lock(&c->lock);
    c->stopping = true;
    (void)pthread_cond_signal(&c->work);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    waiting = hf_write_queue_waiting(c->queue);
    if (waiting) {
        if (err)
            *err = c->last_error;
        r = hf_error_prefix(err, -(int)c->last_error.code, "%u pages of flash writes stay in the queue: ", waiting);
    }
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_cond_destroy(&c->work);
    (void)pthread_cond_destroy(&c->done);
    free(c);
    return r;
}
