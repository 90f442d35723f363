/* SPDX-License-Identifier: BSD-2-Clause */
#include "writeback.h"

#include "banks.h"
#include "cleanup.h"
#include "eventlog.h"
#include "owner_steps.h"
#include "runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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
                           " and was changed without them; moved to '%s', start again",
                           path, waiting, made, epoch, aside);
}

static struct hf_queue_owner owner_of(const struct hf_container *c)
{
    struct hf_queue_owner owner = {.id = hf_container_id(c), .place = hf_container_path(c)};

    hf_container_file(c, &owner.device, &owner.inode);
    return owner;
}

static int refuse_copy(const struct hf_container *c, const char *place, uint32_t pages, struct hf_error *err)
{
    return hf_error_refuse(
        err, "copy",
        "%s: a copy; a server left %u pages of flash writes for '%s', where the next change stores them. If this file "
        "is the right one, or was moved here, store them here with 'holdfast owner --take --because TEXT'",
        hf_container_path(c), pages, place);
}

/* What is to be done with a queue that is there, and may not be ours. */
static int judge(struct hf_queue_file *f, const struct hf_container *c, const char *path, uint64_t epoch, bool adopt,
                 struct hf_error *err)
{
    uint64_t made = hf_write_queue_mark(hf_queue_file_queue(f));

    if (hf_write_queue_waiting(hf_queue_file_queue(f)) && !fresh(made, epoch))
        return set_aside(f, path, made, epoch, err);
    if (!hf_queue_file_whose(f))
        return 0;
    if (adopt)
        return hf_queue_file_adopt(f, err);
    return refuse_copy(c, hf_queue_file_whose(f), hf_write_queue_waiting(hf_queue_file_queue(f)), err);
}

static int open_queue(struct hf_container *c, bool adopt, struct hf_queue_file **out, struct hf_error *err)
{
    const struct hf_queue_owner whose = owner_of(c);
    struct hf_queue_file *f;
    struct hf_owner owner;
    char path[PATH_MAX];
    uint64_t size;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, err);

    if (r == 0)
        r = hf_owner_get(c, &owner, err);
    if (r == 0)
        r = queue_path(hf_container_id(c), path, err);
    if (r == 0)
        r = hf_queue_file_open(path, &whose, size, load, c, &f, err);
    if (r < 0)
        return r;
    r = judge(f, c, path, owner.epoch, adopt, err);
    if (r < 0) {
        hf_queue_file_close(f);
        return r;
    }
    hf_write_queue_set_mark(hf_queue_file_queue(f), owner.epoch);
    *out = f;
    return 0;
}

int hf_writeback_open(struct hf_container *c, struct hf_queue_file **out, struct hf_error *err)
{
    return open_queue(c, false, out, err);
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

static int drain(struct hf_container *c, int64_t now, bool adopt, uint32_t *pages, struct hf_error *err)
{
    struct hf_queue_file *f;
    struct hf_queue_state state;
    uint32_t waiting;
    int r = hf_writeback_look(c, &state, err);

    if (r == 0)
        r = open_queue(c, adopt, &f, err);
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

int hf_writeback_drain(struct hf_container *c, int64_t now, uint32_t *pages, struct hf_error *err)
{
    return drain(c, now, false, pages, err);
}

static int open_and_drain(const char *path, int64_t now, bool adopt, uint32_t *pages, struct hf_error *err)
{
    struct hf_container *c;
    int closed, r = hf_container_open(path, HF_OPEN_EDIT, now, &c, err);

    if (r < 0)
        return r == -HF_EOWNED || r == -HF_EREFUSED || (adopt && r == -HF_EDAMAGED) ? 0 : r;
    r = drain(c, now, adopt, pages, err);
    if (r == -HF_EOWNED)
        r = 0;
    closed = hf_container_close(c, r < 0 ? NULL : err);
    return r < 0 ? r : closed;
}

int hf_writeback_settle(const char *path, int64_t now, struct hf_error *err)
{
    struct hf_queue_state state = {.bytes = 0};
    struct hf_container *c;
    int r = hf_container_open(path, HF_OPEN_LOOK, now, &c, err);

    if (r < 0)
        return r;
    (void)hf_writeback_look(c, &state, NULL);
    hf_container_done(&c);
    return state.bytes && !state.theirs ? open_and_drain(path, now, false, NULL, err) : 0;
}

int hf_writeback_adopt(const char *path, int64_t now, uint32_t *pages, struct hf_error *err)
{
    struct hf_queue_state state = {.bytes = 0};
    struct hf_container *c;

    *pages = 0;
    if (hf_container_open(path, HF_OPEN_LOOK, now, &c, NULL) < 0)
        return 0;
    (void)hf_writeback_look(c, &state, NULL);
    hf_container_done(&c);
    return state.bytes ? open_and_drain(path, now, true, pages, err) : 0;
}

int hf_writeback_check(const char *path, int64_t now, struct hf_error *err)
{
    struct hf_queue_state state = {.bytes = 0};
    struct hf_container *c hf_auto(hf_container_done) = NULL;
    struct hf_runner runner;
    struct hf_owner owner;
    int r = hf_container_open(path, HF_OPEN_LOOK, now, &c, err);

    if (r == 0)
        r = hf_owner_get(c, &owner, err);
    if (r < 0)
        return r;
    (void)hf_writeback_look(c, &state, NULL);
    if (!state.bytes || !state.theirs || !fresh(state.mark, owner.epoch) ||
        hf_runner_get(hf_container_id(c), &runner, NULL) == 0)
        return 0;
    return refuse_copy(c, state.place, (uint32_t)(state.bytes / HF_PAGE_SIZE), err);
}

int hf_guest_open(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                  struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    int r = mode == HF_OPEN_LOOK ? 0 : hf_writeback_check(path, now, err);

    if (r == 0)
        r = hf_container_open(path, mode, now, &c, err);
    if (r < 0)
        return r;
    r = mode == HF_OPEN_LOOK ? 0 : hf_writeback_drain(c, now, NULL, err);
    if (r < 0 && !(r == -HF_EOWNED && mode == HF_OPEN_EDIT))
        return r;
    *out = hf_take_ptr(c);
    return 0;
}

int hf_guest_open_giving(const char *path, enum hf_open_mode mode, bool drain, int64_t now, struct hf_container **out,
                         struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    struct hf_owner owner;
    int r = hf_writeback_check(path, now, err);

    if (r == 0)
        r = hf_container_open_giving(path, mode, now, &c, err);
    if (r == 0)
        r = hf_owner_standing(c, &owner, err);
    if (r < 0)
        return r;
    r = drain && owner.state == HF_OWNER_HELD ? hf_writeback_drain(c, now, NULL, err) : 0;
    if (r < 0 && !(r == -HF_EOWNED && mode == HF_OPEN_EDIT))
        return r;
    *out = hf_take_ptr(c);
    return 0;
}

int hf_writeback_look(const struct hf_container *c, struct hf_queue_state *out, struct hf_error *err)
{
    const struct hf_queue_owner whose = owner_of(c);
    char path[PATH_MAX];
    int r = look_path(whose.id, path, err);

    return r < 0 ? r : hf_queue_file_look(path, &whose, out, err);
}

int hf_writeback_set_aside(const struct hf_container *c, char *where, struct hf_error *err)
{
    struct hf_queue_state state;
    char path[PATH_MAX];
    int r = look_path(hf_container_id(c), path, err);

    where[0] = '\0';
    if (r < 0 || hf_writeback_look(c, &state, NULL) < 0 || !state.bytes)
        return r;
    for (unsigned n = 1; n < 1000; n++) {
        if (snprintf(where, PATH_MAX, "%.*s.%u", PATH_MAX - 8, path, n) < PATH_MAX && access(where, F_OK) < 0)
            break;
    }
    if (rename(path, where) == 0)
        return 0;
    return hf_error_set(err, HF_EIO, "%s: cannot be moved aside: %s", path, strerror(errno));
}
