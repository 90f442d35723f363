/* SPDX-License-Identifier: BSD-2-Clause */
/* The source's commit point: promised on this side's disk, then granted, or taken back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "epochs.h"
#include "eventlog.h"
#include "handle.h"
#include "no_room.h"
#include "owner_steps.h"
#include "transfer.h"

static int check_offered(struct hf_container *c, const struct hf_owner *owner, uint32_t attempt,
                         const struct hf_digest *state, struct hf_error *err)
{
    struct hf_digest now;
    int r = hf_transfer_digest(c, &now, err);

    if (r < 0)
        return r;
    if (owner->attempt != attempt)
        return hf_owner_wrong_step(c, owner, "grant an older attempt", err);
    if (!hf_digest_equal(&now, state))
        return hf_error_refuse(err, "changed", "%s: written since it was offered; offer it again", c->place.path);
    return 0;
}

/* What the register says once it is granted. */
static int granted_entry(struct hf_container *c, uint64_t epoch, const struct hf_host *to, struct hf_epoch *entry,
                         struct hf_error *err)
{
    struct hf_epoch seen = {0};
    struct hf_guest guest;
    int r = hf_guest_get(c, &guest, err);

    if (r < 0)
        return r;
    hf_epoch_depart(&seen, epoch, to->id, to->name);
    seen.granted = true;
    memcpy(seen.uuid, guest.uuid, sizeof seen.uuid);
    *entry = seen;
    return 0;
}

int hf_owner_prepare_grant(struct hf_container *c, const struct hf_host *to, struct hf_error *err)
{
    struct hf_epoch seen;
    int r = granted_entry(c, c->epoch, to, &seen, err);

    hf_epoch_unprepare(c->id, &c->prepared);
    return r < 0 ? r : hf_epoch_prepare(c->id, &seen, &c->prepared, err);
}

struct hf_owner_pending {
    struct hf_epoch_pending *entry;
    int log; /* -1: the container keeps none, and its commit is durable */
    char path[PATH_MAX];
};

/* What the transaction's end leaves for the disk. */
static int new_pending(struct hf_container *c, uint64_t epoch, const struct hf_host *to, struct hf_owner_pending **out,
                       struct hf_error *err)
{
    struct hf_owner_pending *pending = (struct hf_owner_pending *)malloc(sizeof *pending);
    struct hf_epoch seen;
    int r = pending ? 0 : hf_error_nomem(err);

    if (r < 0)
        return r;
    pending->log = -1;
    snprintf(pending->path, sizeof pending->path, "%s", c->place.path);
    if (c->wal)
        r = hf_wal_open(c, &pending->log, err);
    if (r == 0)
        r = granted_entry(c, epoch, to, &seen, err);
    if (r == 0)
        r = hf_epoch_begin(c->id, &seen, &c->prepared, &pending->entry, err);
    if (r < 0) {
        hf_cleanup_close(&pending->log);
        free(pending);
        return r;
    }
    *out = pending;
    return 0;
}

static void drop_pending(struct hf_owner_pending *pending)
{
    if (!pending)
        return;
    hf_epoch_drop(pending->entry);
    hf_cleanup_close(&pending->log);
    free(pending);
}

int hf_owner_promise(struct hf_container *c, uint32_t attempt, const struct hf_digest *state, const struct hf_host *to,
                     int64_t now, struct hf_owner_pending **out, struct hf_error *err)
{
    struct hf_owner_pending *pending = NULL;
    struct hf_owner owner;
    int r = c->doubt || c->left_log ? hf_sync(c, err)
                                    : 0; /* what goes into the log now is synced there, and nowhere else */

    if (r == 0)
        r = hf_begin(c, err);
    if (r < 0)
        return r;
    r = hf_owner_get(c, &owner, err);
    if (r == 0)
        r = check_offered(c, &owner, attempt, state, err);
    owner.state = HF_OWNER_GRANTED;
    owner.since = now;
    snprintf(owner.reason, sizeof owner.reason, "to host '%.100s'", to->name);
    if (r == 0)
        r = hf_event_append(c, now, "granted", err, "to host '%s', attempt %u", to->name, attempt);
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    if (r == 0)
        r = new_pending(c, owner.epoch, to, &pending, err);
    if (r == 0)
        r = hf_commit(c, HF_SOON, err);
    if (r < 0) {
        hf_abort(c);
        drop_pending(pending);
        return r;
    }
    *out = pending;
    return 0;
}

/* The container says so already, to every opener on this host; after a power cut one of the two does, or both, or
 * neither: each is as it should be, because nothing was granted yet. */
int hf_owner_promise_finish(struct hf_owner_pending *pending, struct hf_error *err)
{
    int r = hf_epoch_finish(hf_take_ptr(pending->entry), err);

    if (r == 0 && pending->log >= 0 && fdatasync(pending->log) < 0)
        r = hf_error_set(err, hf_no_room_or_io(errno), "%s: cannot make the log durable: %s", pending->path,
                         strerror(errno));
    drop_pending(pending);
    return r;
}

int hf_owner_grant(struct hf_container *c, uint32_t attempt, const struct hf_digest *state, const struct hf_host *to,
                   int64_t now, struct hf_error *err)
{
    struct hf_owner_pending *pending;
    int r = hf_owner_promise(c, attempt, state, to, now, &pending, err);

    if (r < 0)
        return r;
    r = hf_owner_promise_finish(pending, err);
    if (r < 0)
        (void)hf_owner_retract(c, true, now, NULL); /* as if nothing had happened */
    return r;
}

/* An earlier try came into the log and no farther. */
static bool is_retracted(struct hf_container *c)
{
    struct hf_owner owner;

    return hf_owner_get(c, &owner, NULL) == 0 && owner.state == HF_OWNER_HELD && owner.epoch == c->epoch &&
           strcmp(owner.host_id, c->host_id) == 0;
}

int hf_owner_retract(struct hf_container *c, bool doubtful, int64_t now, struct hf_error *err)
{
    struct hf_owner owner;
    int r;

    c->doubt |= doubtful;
    if (is_retracted(c)) {
        r = hf_sync(c, err);
        if (r == 0)
            hf_owner_register_soon(c);
        return r;
    }
    r = hf_owner_begin_granted(c, "retract a promise", &owner, err);
    if (r < 0)
        return r;
    r = hf_owner_here(c, owner.epoch, now, "run", &owner, err);
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    if (r == 0)
        r = hf_event_append(c, now, "kept", err, "attempt %u was cancelled before the grant", owner.attempt);
    r = hf_owner_finish(c, r, err);
    if (r == 0)
        hf_owner_register_soon(c);
    return r;
}
