/* SPDX-License-Identifier: BSD-2-Clause */
/* A client that writes the whole bank: what it replaces is kept. */
#include "bank_inside.h"

#include "cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A guest programs its flash in pieces of a few bytes. A client that begins at the start with that much writes the
 * whole bank: QEMU, whose pieces are as large as the server takes them, or a program that copies a file in. */
#define WHOLE_PIECE 131072

static void alarm_operator(struct hf_bank_server *s, const struct hf_error *why)
{
    struct hf_nbd_status status = {.kind = HF_NBD_ALARM};

    memcpy(status.text, why->text, sizeof status.text);
    s->status(&status);
}

static int keep_locked(struct hf_bank_server *s, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_bank_server_container(s, &c, err);

    if (r < 0)
        return r;
    return hf_bank_server_judged(s, hf_replaced_begin(c, "a client", (int64_t)time(NULL), &s->whole.before, err));
}

/* The first piece that differs. Where the variables cannot be kept the guest's own view is stored all the same. */
static void keep_before(struct hf_bank_server *s)
{
    struct hf_error err;
    int r = hf_committer_flush(s->committer, &err);

    s->whole.differs = true;
    s->whole.before = (struct hf_replaced){.was_store = true};
    if (r == 0) {
        (void)pthread_mutex_lock(&s->lock);
        r = keep_locked(s, &err);
        (void)pthread_mutex_unlock(&s->lock);
    }
    if (r < 0) {
        (void)hf_error_prefix(&err, r,
                              "variables: a client rewrites all of them, and the previous ones cannot be kept: ");
        alarm_operator(s, &err);
    }
}

void hf_bank_server_judge_whole(struct hf_bank_server *s)
{
    size_t size = (size_t)s->size[HF_BANK_VARS];
    hf_auto(hf_cleanup_free) uint8_t *bytes = malloc(size);
    struct hf_container *c;
    struct hf_error alarm;

    if (!bytes || hf_committer_read(s->committer, 0, bytes, size, NULL) < 0)
        return;
    (void)pthread_mutex_lock(&s->lock);
    if (hf_bank_server_container(s, &c, NULL) == 0 &&
        hf_replaced_end(c, &s->whole.before, bytes, size, (int64_t)time(NULL), &alarm) > 0)
        alarm_operator(s, &alarm);
    (void)pthread_mutex_unlock(&s->lock);
}

int hf_bank_server_follow_whole(struct hf_bank_server *s, uint64_t offset, size_t size, struct hf_error *err)
{
    if (!s->arrives && offset == 0 && (size >= WHOLE_PIECE || size == s->size[HF_BANK_VARS])) {
        if (s->may_replace && !s->may_replace())
            return hf_error_refuse(err, "suspended", "%s: the saved state belongs to another guest", s->path);
        s->whole.under_way = true;
        s->whole.differs = false;
        s->whole.next = 0;
    }
    s->whole.under_way = s->whole.under_way && offset == s->whole.next;
    s->whole.next = offset + size;
    return 0;
}

int hf_bank_server_write_piece(struct hf_bank_server *s, uint64_t offset, const uint8_t *bytes, size_t size,
                               struct hf_error *err)
{
    if (s->whole.under_way && !s->whole.differs) {
        if (hf_committer_has(s->committer, offset, bytes, size))
            return 0;
        keep_before(s);
    }
    return hf_committer_write(s->committer, offset, bytes, size, err);
}
