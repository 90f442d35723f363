/* SPDX-License-Identifier: BSD-2-Clause */
/* A container that is being received: read only, until its first write finds that it was claimed. */
#include "bank_inside.h"

#include "owner_steps.h"
#include "writeback.h"

#include <limits.h>
#include <time.h>

#define TAKE_OVER_NS 20000000

/* Made while there is time; the last that was sent of the bank may have made it old. Without one all is read. */
static void outline(struct hf_bank_server *s, struct hf_container *c)
{
    if (s->outline && hf_outline_fits(c, s->outline, NULL) > 0)
        return;
    hf_bank_server_forget_outline(s);
    if (s->size[HF_BANK_VARS])
        (void)hf_bank_server_judged(s, hf_outline_read(c, &s->outline, NULL));
}

int hf_bank_server_open_incoming(const char *path, int lock_fd, void (*status)(const struct hf_nbd_status *s),
                                 struct hf_bank_server **out, struct hf_error *err)
{
    struct hf_container *c;
    struct hf_bank_server *s;
    int r = hf_bank_server_new(path, status, &s, err);

    if (r < 0)
        return r;
    s->incoming = true;
    s->arrives = true;
    s->lock_fd = lock_fd;
    r = hf_bank_server_container(s, &c, err);
    if (r == 0)
        r = hf_bank_server_find_sizes(s, err);
    if (r == 0)
        outline(s, c);
    return hf_bank_server_opened(s, r, out);
}

static int follow(struct hf_bank_server *s, struct hf_container **c, struct hf_error *err)
{
    int r = hf_bank_server_container(s, c, err);

    return r < 0 ? r : hf_owner_follow(*c, err);
}

/* The handle that is open already is at hand sooner; but the file may have been replaced under its name since. */
static int open_claimed(struct hf_bank_server *s, struct hf_error *err)
{
    uint64_t had = s->size[HF_BANK_VARS], has;
    struct hf_container *c;
    char aside[PATH_MAX];
    int r;

    s->incoming = false;
    r = follow(s, &c, err);
    if (r < 0) {
        hf_container_done(&s->container);
        r = follow(s, &c, err);
    }
    if (r < 0)
        return r;
    r = hf_bank_size(c, HF_BANK_VARS, &has, err);
    if (r == 0 && has != had)
        r = hf_error_set(err, HF_EPROTO, "%s: variables: received %llu bytes, expected %llu", s->path,
                         (unsigned long long)has, (unsigned long long)had);
    if (r == 0)
        r = hf_writeback_open(c, &s->queue, err);
    if (r == -HF_EREFUSED) { /* writes of an earlier ownership, or for a file whose place this one has */
        r = hf_writeback_set_aside(c, aside, err);
        if (r == 0)
            r = hf_writeback_open(c, &s->queue, err);
    }
    if (r == 0)
        outline(s, c);
    return r;
}

static void stay_incoming(struct hf_bank_server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    hf_queue_file_close(s->queue);
    s->queue = NULL;
    hf_container_done(&s->container);
    s->incoming = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static int take_over(struct hf_bank_server *s, struct hf_error *err)
{
    int r = 0;

    (void)pthread_mutex_lock(&s->take_over);
    if (!s->committer) {
        (void)pthread_mutex_lock(&s->lock);
        r = open_claimed(s, err);
        (void)pthread_mutex_unlock(&s->lock);
        if (r == 0)
            r = hf_bank_server_start_committer(s, err);
        if (r < 0)
            stay_incoming(s);
    }
    (void)pthread_mutex_unlock(&s->take_over);
    return r;
}

/* The one write that there is to lose before the first commit is the whole bank as the guest brings it. The guest does
 * not run yet, so it can wait; and it must not run without an owner, so it waits for as long as that takes. */
int hf_bank_server_become_owner(struct hf_bank_server *s, struct hf_error *err)
{
    int r = take_over(s, err);

    if (r < 0)
        s->status(&(struct hf_nbd_status){.kind = HF_NBD_WANTED});
    while (r < 0) {
        nanosleep(&(struct timespec){.tv_nsec = TAKE_OVER_NS}, NULL);
        r = take_over(s, err);
    }
    return r;
}

bool hf_bank_server_is_incoming(struct hf_bank_server *s)
{
    bool incoming;

    (void)pthread_mutex_lock(&s->take_over);
    incoming = !s->committer && s->incoming;
    (void)pthread_mutex_unlock(&s->take_over);
    return incoming;
}
