/* SPDX-License-Identifier: BSD-2-Clause */
#include "writeback.h"

#include "banks.h"
#include "eventlog.h"
#include "runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(HF_PAGE_SIZE == HF_WRITE_QUEUE_PAGE, "a page is a page");
_Static_assert(HF_BANK_SIZE_MAX <= HF_WRITE_QUEUE_BANK_MAX, "every bank has a queue");

/* Makes nothing. */
static int look_path(const char *container_id, char path[PATH_MAX], struct hf_error *err)
{
    char dir[PATH_MAX];

    hf_runtime_guest_path(container_id, dir);
    if (snprintf(path, PATH_MAX, "%s/vars.queue", dir) >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "%s: the path is too long", dir);
    return 0;
}

static int queue_path(const char *container_id, char path[PATH_MAX], struct hf_error *err)
{
    char dir[PATH_MAX];
    int r = hf_runtime_guest_dir(container_id, dir, err);

    return r < 0 ? r : look_path(container_id, path, err);
}

static int load(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    return hf_bank_read(opaque, HF_BANK_VARS, (uint64_t)page * HF_PAGE_SIZE, bytes, HF_PAGE_SIZE, err);
}

/* A queue belongs to the ownership it was made in, or to the next one, which begins when its server died with
 * everything else. An older one must not be replayed: the bank has gone on without it. */
static bool fresh(uint64_t made, uint64_t epoch)
{
    return made == epoch || made + 1 == epoch;
}

static int set_aside(struct hf_queue_file *f, const char *path, uint64_t made, uint64_t epoch, struct hf_error *err)
{
    uint32_t waiting = hf_write_queue_waiting(hf_queue_file_queue(f));
    char aside[PATH_MAX + 32];

    (void)snprintf(aside, sizeof aside, "%s.epoch-%" PRIu64, path, made);
    if (rename(path, aside) < 0)
        return hf_error_set(err, HF_EIO, "%s: cannot be moved aside: %s", path, strerror(errno));
    return hf_error_refuse(err, "stale-queue",
                           "%s: %u pages of flash writes from epoch %" PRIu64 ", but the container is at %" PRIu64
                           " and has gone on without them; moved to '%s', start again",
                           path, waiting, made, epoch, aside);
}

int hf_writeback_open(struct hf_container *c, struct hf_queue_file **out, struct hf_error *err)
{
    struct hf_queue_file *f;
    struct hf_owner owner;
    char path[PATH_MAX];
    uint64_t size, made;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, err);

    if (r == 0)
        r = hf_owner_get(c, &owner, err);
    if (r == 0)
        r = queue_path(hf_container_id(c), path, err);
    if (r == 0)
        r = hf_queue_file_open(path, hf_container_id(c), size, load, c, &f, err);
    if (r < 0)
        return r;
    made = hf_write_queue_mark(hf_queue_file_queue(f));
    if (hf_write_queue_waiting(hf_queue_file_queue(f)) && !fresh(made, owner.epoch)) {
        r = set_aside(f, path, made, owner.epoch, err);
        hf_queue_file_close(f);
        return r;
    }
    hf_write_queue_set_mark(hf_queue_file_queue(f), owner.epoch);
    *out = f;
    return 0;
}

static int write_batch(struct hf_container *c, const struct hf_write_queue *q, struct hf_error *err)
{
    const uint8_t *bytes;
    int r = 0;

    for (uint32_t page = 0; r == 0 && (bytes = hf_write_queue_sealed(q, &page)); page++)
        r = hf_bank_write(c, HF_BANK_VARS, (uint64_t)page * HF_PAGE_SIZE, bytes, HF_PAGE_SIZE, NULL, err);
    return r;
}

int hf_writeback_commit(struct hf_container *c, const struct hf_write_queue *q, struct hf_error *err)
{
    int r = hf_begin(c, err);

    if (r < 0)
        return r;
    r = write_batch(c, q, err);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    return hf_commit(c, HF_DURABLE, err);
}

static int log_drain(struct hf_container *c, int64_t now, uint32_t pages, struct hf_error *err)
{
    int r = hf_begin(c, err);

    if (r == 0)
        r = hf_event_append(c, now, "writes-recovered", err, "%u pages that the server left when it died", pages);
    if (r == 0)
        return hf_commit(c, HF_SOON, err);
    hf_abort(c);
    return r;
}

int hf_writeback_drain(struct hf_container *c, int64_t now, uint32_t *pages, struct hf_error *err)
{
    struct hf_queue_file *f;
    struct hf_queue_state state;
    uint32_t waiting;
    int r = hf_writeback_look(hf_container_id(c), &state, err);

    if (r == 0)
        r = hf_writeback_open(c, &f, err);
    if (r == -HF_ENOTFOUND) {
        if (pages)
            *pages = 0;
        return 0;
    }
    if (r < 0)
        return r;
    waiting = hf_write_queue_waiting(hf_queue_file_queue(f));
    while (r == 0 && hf_write_queue_seal(hf_queue_file_queue(f))) {
        r = hf_writeback_commit(c, hf_queue_file_queue(f), err);
        if (r == 0)
            hf_write_queue_committed(hf_queue_file_queue(f));
    }
    if (r < 0)
        (void)hf_error_prefix(err, r, "%u pages of flash writes stay in '%s/vars.queue': ",
                              hf_write_queue_waiting(hf_queue_file_queue(f)), hf_container_id(c));
    hf_queue_file_close(f);
    if (r == 0 && waiting)
        r = log_drain(c, now, waiting, err);
    if (r == 0 && pages)
        *pages = waiting;
    return r;
}

/* By a server of this very file, which a copy of it with the same id is not. */
static bool was_left_by(const char *id, const char *path)
{
    struct hf_runner last;
    struct stat st;

    return hf_runner_last(id, &last, NULL) == 0 && stat(path, &st) == 0 && st.st_dev == last.device &&
           st.st_ino == last.inode;
}

static int anything_left(const char *path, int64_t now, bool *left, struct hf_error *err)
{
    struct hf_queue_state state = {.bytes = 0};
    struct hf_container *c;
    int r = hf_container_open(path, HF_OPEN_LOOK, now, &c, err);

    if (r < 0)
        return r;
    (void)hf_writeback_look(hf_container_id(c), &state, NULL);
    *left = state.bytes && was_left_by(hf_container_id(c), hf_container_path(c));
    hf_container_done(&c);
    return 0;
}

int hf_writeback_settle(const char *path, int64_t now, struct hf_error *err)
{
    struct hf_container *c;
    bool left;
    int r = anything_left(path, now, &left, err), closed;

    if (r < 0 || !left)
        return r;
    r = hf_container_open(path, HF_OPEN_EDIT, now, &c, err);
    if (r < 0)
        return r == -HF_EOWNED || r == -HF_EREFUSED ? 0 : r;
    r = hf_writeback_drain(c, now, NULL, err);
    if (r == -HF_EOWNED)
        r = 0;
    closed = hf_container_close(c, r < 0 ? NULL : err);
    return r < 0 ? r : closed;
}

int hf_writeback_look(const char *container_id, struct hf_queue_state *out, struct hf_error *err)
{
    char path[PATH_MAX];
    int r = look_path(container_id, path, err);

    return r < 0 ? r : hf_queue_file_look(path, out, err);
}

int hf_writeback_set_aside(const char *container_id, char *where, struct hf_error *err)
{
    struct hf_queue_state state;
    char path[PATH_MAX];
    int r = look_path(container_id, path, err);

    where[0] = '\0';
    if (r < 0 || hf_queue_file_look(path, &state, NULL) < 0 || !state.bytes)
        return r;
    for (unsigned n = 1; n < 1000; n++) {
        if (snprintf(where, PATH_MAX, "%.*s.%u", PATH_MAX - 8, path, n) < PATH_MAX && access(where, F_OK) < 0)
            break;
    }
    if (rename(path, where) == 0)
        return 0;
    return hf_error_set(err, HF_EIO, "%s: cannot be moved aside: %s", path, strerror(errno));
}
