/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy.h"

#include <string.h>

#include "check.h"
#include "counter.h"
#include "epochs.h"
#include "eventlog.h"
#include "inside.h"
#include "lock.h"
#include "no_room.h"
#include "runtime.h"

/* All pages of `from`, at one moment, into the empty file of the draft. */
static int copy_pages(struct hf_container *from, const struct hf_draft *draft, struct hf_error *err)
{
    sqlite3_backup *backup;
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(draft->path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL), number, r = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
    backup = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", from->db, "main") : NULL;
    if (backup) {
        (void)sqlite3_backup_step(backup, -1);
        rc = sqlite3_backup_finish(backup);
    } else if (rc == SQLITE_OK) {
        rc = sqlite3_errcode(to);
    }
    number = to ? sqlite3_system_errno(to) : 0;
    if ((rc & 0xff) == SQLITE_FULL)
        r = hf_error_set(err, HF_ENOSPC, "cannot copy to %s: the disk is full", draft->place.path);
    else if (rc != SQLITE_OK)
        r = hf_error_set(err, rc == SQLITE_NOMEM ? HF_ENOMEM : hf_no_room_or_io(number), "cannot copy %s to %s: %s%s%s",
                         from->place.path, draft->place.path, sqlite3_errmsg(to), number ? ": " : "",
                         number ? strerror(number) : "");
    sqlite3_close(to);
    return r;
}

struct change {
    enum { BACKUP, RESTORE, CLONE } kind;
    int64_t now;
    const char *source;
    const char *uuid, *name; /* CLONE */
    struct hf_owner owner;   /* of the copy */
    uint64_t commits;        /* RESTORE: at least this many */
};

static int give_identity(struct hf_container *c, const struct change *change, struct hf_error *err)
{
    struct hf_guest guest;
    int r = hf_random_id(c->id, err);

    if (r == 0)
        r = hf_guest_get(c, &guest, err);
    if (r < 0)
        return r;
    snprintf(guest.uuid, sizeof guest.uuid, "%s", change->uuid);
    if (change->name)
        snprintf(guest.name, sizeof guest.name, "%s", change->name);
    r = hf_guest_set(c, &guest, err);
    if (r < 0)
        return r;
    const struct hf_value v[] = {hf_text(c->id), hf_int(change->now), hf_null()};
    return hf_row_put(c, HF_T_CONTAINER, 1, v, err);
}

/* What makes the copy another thing than its original, in one commit. */
static int alter(struct hf_container *c, const struct change *change, struct hf_error *err)
{
    static const char *const kinds[] = {[BACKUP] = "backup", [RESTORE] = "restored", [CLONE] = "cloned"};
    struct hf_ledger_row *commits = &c->ledger[HF_LEDGER_COMMITS];
    int r = hf_begin_unowned(c, err);

    if (r < 0)
        return r;
    hf_mark_to_total(0, commits->total);
    if (commits->rows < (int64_t)change->commits)
        commits->rows = (int64_t)change->commits;
    if (change->kind == CLONE)
        r = give_identity(c, change, err);
    if (r == 0)
        r = hf_owner_put(c, &change->owner, err);
    if (r == 0)
        r = hf_event_append(c, change->now, kinds[change->kind], err, "from %s, epoch %llu", change->source,
                            (unsigned long long)change->owner.epoch);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}

static void keep_first(void *ctx, const char *line)
{
    char *first = (char *)ctx;

    if (first[0] == '\0')
        snprintf(first, HF_ERROR_TEXT_MAX, "%s", line);
}

static int check_copy(const char *path, struct hf_error *err)
{
    struct hf_check_report report;
    char first[HF_ERROR_TEXT_MAX] = "";
    int r = hf_check(path, keep_first, first, &report, err);

    if (r == 0 && report.findings > 0)
        r = hf_error_set(err, HF_EDAMAGED, "the copy is damaged, and so is the original: %s", first);
    return r;
}

static int copy_to_draft(struct hf_container *from, struct hf_draft *draft, struct change *change, struct hf_error *err)
{
    struct hf_container *copy;
    int closed, r = copy_pages(from, draft, err);

    if (r == 0)
        r = hf_draft_open(draft, &copy, err);
    if (r < 0)
        return r;
    r = hf_container_load(copy, err);
    if (r == 0)
        r = alter(copy, change, err);
    if (r == 0 && (change->kind == RESTORE || change->kind == CLONE))
        r = hf_owner_register(copy, &change->owner, err);
    closed = hf_draft_close(copy, r == 0 ? err : NULL);
    if (r == 0)
        r = closed;
    return r < 0 ? r : check_copy(draft->path, err);
}

/* The register learns of an epoch before the file has its name: a crash in between wastes a number, no more. */
static int copy(struct hf_container *from, const char *target, struct change *change, struct hf_error *err)
{
    struct hf_draft draft;
    int r = hf_draft_begin(target, &draft, err);

    if (r < 0)
        return r;
    change->source = from->place.path;
    r = copy_to_draft(from, &draft, change, err);
    if (r == 0)
        r = hf_draft_finish(&draft, err);
    if (r < 0)
        hf_draft_drop(&draft);
    return r;
}

static int look(const char *path, int64_t now, struct hf_container **c, struct hf_owner *owner, struct hf_error *err)
{
    int r = hf_container_open(path, HF_OPEN_LOOK, now, c, err);

    if (r < 0)
        return r;
    r = hf_owner_get(*c, owner, err);
    owner->since = now;
    if (r < 0)
        hf_container_done(c);
    return r;
}

int hf_backup(const char *container, const char *target, int64_t now, struct hf_error *err)
{
    struct hf_container *from hf_auto(hf_container_done) = NULL;
    struct change change = {.kind = BACKUP, .now = now};
    int r = look(container, now, &from, &change.owner, err);

    if (r < 0)
        return r;
    change.owner.state = HF_OWNER_BACKUP;
    snprintf(change.owner.reason, sizeof change.owner.reason, "backup");
    return copy(from, target, &change, err);
}

static int own_here(struct hf_owner *owner, uint64_t epoch, const char *reason, struct hf_error *err)
{
    owner->state = HF_OWNER_HELD;
    owner->epoch = epoch;
    snprintf(owner->reason, sizeof owner->reason, "%s", reason);
    return hf_host_identity(owner->host_id, owner->host_name, err);
}

int hf_restore(const char *backup, const char *target, int64_t now, struct hf_error *err)
{
    struct hf_container *from hf_auto(hf_container_done) = NULL;
    int lock hf_auto(hf_cleanup_close) = -1;
    struct change change = {.kind = RESTORE, .now = now};
    struct hf_epoch seen = {0};
    char path[PATH_MAX];
    uint64_t epoch;
    int r = look(backup, now, &from, &change.owner, err);

    if (r == 0)
        r = hf_lock_path_owner(from->id, path, err);
    if (r == 0)
        r = hf_lock_take(path, "the container that this is a copy of is", &from->place, now, &lock, err);
    if (r == 0)
        r = hf_epoch_look(from->id, &seen, err);
    if (r >= 0)
        r = hf_counter_look(from->id, &change.commits, err);
    if (r < 0)
        return r;
    epoch = seen.epoch > change.owner.epoch ? seen.epoch : change.owner.epoch;
    r = own_here(&change.owner, epoch + 1, "restored", err);
    return r < 0 ? r : copy(from, target, &change, err);
}

int hf_clone(const char *container, const char *target, const char *uuid, const char *name, int64_t now,
             struct hf_error *err)
{
    struct hf_container *from hf_auto(hf_container_done) = NULL;
    struct change change = {.kind = CLONE, .now = now, .uuid = uuid, .name = name};
    struct hf_guest guest;
    int r = look(container, now, &from, &change.owner, err);

    if (r == 0)
        r = hf_guest_get(from, &guest, err);
    if (r < 0)
        return r;
    if (strcmp(guest.uuid, uuid) == 0)
        return hf_error_refuse(err, "uuid", "UUID %s is the original's; give the clone another", uuid);
    r = own_here(&change.owner, 1, "cloned", err);
    return r < 0 ? r : copy(from, target, &change, err);
}
