/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "epochs.h"
#include "gate.h"
#include "handle.h"
#include "line.h"
#include "lock.h"
#include "opening.h"
#include "runtime.h"

#define ATTEMPTS 8 /* at a container that changes while it is looked at */
#define CROWDED  4 /* then a looker stands in line, too: while it does, no verb changes anything */

/*
 * Opening goes from looking without leaving a trace to writing, and every step trusts only what the ones before found:
 *
 *      place and header -> frozen look: schema, id, mark -> owner lock -> log fits? -> view: every table adds up
 *          -> count not below this boot's -> (LOOK ends here) -> owner and register -> write connection -> RUN: new epoch
 */

/* The file alone, without its log, which is what its mark is about. */
static int look_frozen(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    int r = hf_connect(c, HF_CONNECT_FROZEN, err);

    if (r == 0)
        r = hf_schema_verify(c, err);
    if (r == 0)
        r = hf_container_load(c, err);
    if (r < 0)
        return r;
    o->mark_known = true;
    for (unsigned id = 0; id < HF_TABLES && r == 0; id++)
        r = hf_ledger_read(c, id, &o->ledger[id], err);
    o->mark = hf_mark_of_total(o->ledger[0].total);
    if (r < 0 && c->place.log_size + c->place.journal_size > 0) {
        o->mark_known = false; /* half written when the power went; the log has all of it */
        r = 0;
    }
    return r;
}

static bool edits(const struct hf_open_request *q)
{
    return q->mode == HF_OPEN_EDIT || q->rehearses;
}

static int lock_owner(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    char path[PATH_MAX];
    struct hf_runner runner;
    int r;

    if (o->request->lock_fd >= 0) {
        c->lock_fd = o->request->lock_fd;
        return 0;
    }
    if (o->request->mode == HF_OPEN_RUN) {
        r = hf_lock_path_owner(c->id, path, err);
        if (r == 0)
            r = hf_lock_take(path, c->place.path, &c->place, o->request->now, &c->lock_fd, err);
        if (r < 0 || o->request->any_owner)
            return r;
        return hf_lock_take_beside(&c->place, o->request->now, &c->place_lock_fd, err);
    }
    r = hf_runner_look(c->id, &runner, err);
    if (r == 0 && edits(o->request) && !o->request->any_owner)
        r = hf_lock_check_beside(&c->place, err);
    if (r <= 0)
        return r;
    c->beside = runner.device == c->place.device && runner.inode == c->place.inode;
    if (!c->beside && (o->request->mode != HF_OPEN_LOOK || o->request->rehearses))
        return hf_error_set(err, HF_EOWNED, "%s: a copy; process %lld runs the container from another file",
                            c->place.path, (long long)runner.pid);
    return 0;
}

/* Through a log that nobody seems to use. Somebody may all the same: then as one of several, as soon as that is possible. */
static int connect_private(struct hf_container *c, struct hf_error *err)
{
    int r = -HF_ETIMEDOUT;

    c->patience = 100;
    for (unsigned i = 0; i < 50 && r == -HF_ETIMEDOUT; i++) {
        r = hf_connect(c, HF_CONNECT_PRIVATE, err);
        if (r == -HF_ETIMEDOUT)
            r = hf_connect(c, HF_CONNECT_SHARED, err);
    }
    c->patience = 0;
    return r;
}

static int connect_view(struct hf_container *c, enum hf_connection how, struct hf_error *err)
{
    if (how == HF_CONNECT_COPY)
        return hf_connect_private_copy(c, err);
    return how == HF_CONNECT_PRIVATE ? connect_private(c, err) : hf_connect(c, how, err);
}

/* The connection through which a looker reads, and through which everything is added up before anybody writes. */
static int open_view(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    bool log = c->place.log_size > 0 && !c->log_lost;
    enum hf_connection how = HF_CONNECT_FROZEN;
    int r;

    if (c->beside || o->request->lock_fd >= 0)
        how = HF_CONNECT_SHARED;
    else if (log)
        how = HF_CONNECT_PRIVATE;
    if (how == HF_CONNECT_FROZEN && c->place.journal_size > 0) {
        /* A write was interrupted and is undone at the next opening: for a looker, in a copy. */
        how = o->request->mode == HF_OPEN_LOOK ? HF_CONNECT_COPY : HF_CONNECT_WRITE;
    }
    if (how == HF_CONNECT_FROZEN)
        return 0;
    r = hf_disconnect(c, err);
    if (r == 0)
        r = connect_view(c, how, err);
    return r < 0 ? r : hf_schema_verify(c, err);
}

static int verify_view(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    struct hf_owner owner;
    int r = hf_sql_exec(c, "BEGIN", err, "begin reading");

    if (r == 0)
        r = hf_ledger_verify(c, err);
    if (r == 0)
        r = hf_opening_check_view(o, err);
    if (r == 0)
        r = hf_opening_check_count(o, err);
    if (r == 0)
        r = hf_owner_get(c, &owner, err);
    if (r == 0)
        c->epoch = owner.epoch;
    hf_abort(c);
    return r;
}

/* What is left to who cannot ask the other host any more. */
#define IF_GONE "if that host is lost, take this copy with 'holdfast owner --take --because TEXT'"

static int check_state(struct hf_container *c, const struct hf_owner *owner, const struct hf_open_request *request,
                       struct hf_error *err)
{
    unsigned long long epoch = owner->epoch;

    switch (owner->state) {
    case HF_OWNER_BACKUP:
        return hf_error_refuse(err, "backup", "%s: a backup; use 'holdfast restore' to make a container from it",
                               c->place.path);
    case HF_OWNER_DEPARTED:
        return hf_error_refuse(err, "departed",
                               "%s: moved to host '%s' at epoch %llu; move it back from there, or " IF_GONE
                               ", as it was when it left",
                               c->place.path, owner->host_name, epoch);
    case HF_OWNER_INCOMING:
        if (request->incoming || request->lock_fd >= 0)
            return 0;
        return hf_error_refuse(
            err, "incoming",
            "%s: being received from host '%s', not owned yet; continue with 'holdfast migrate' there, or " IF_GONE
            ", as it was sent",
            c->place.path, owner->host_name);
    case HF_OWNER_REVOKED:
        return hf_error_refuse(err, "incoming",
                               "%s: reception from host '%s' was withdrawn by it; receive it again, or " IF_GONE
                               ", as it was sent",
                               c->place.path, owner->host_name);
    case HF_OWNER_GRANTED:
        return request->giving && strcmp(owner->host_id, c->host_id) == 0 ? 0
                                                                          : hf_owner_say_granted(c, owner->reason, err);
    default:
        break;
    }
    if (request->incoming)
        return hf_error_refuse(err, "incoming", "%s: not being received", c->place.path);
    if (strcmp(owner->host_id, c->host_id) != 0)
        return hf_error_set(
            err, HF_EOWNED,
            "%s: owned by host '%s'%s at epoch %llu; if it will never run there again, take it with 'holdfast owner "
            "--take --because TEXT'",
            c->place.path, owner->host_name,
            strcmp(owner->host_name, c->host_name) == 0 ? " (as another user, or before it was reinstalled)" : "",
            epoch);
    return 0;
}

static int check_register(struct hf_container *c, const struct hf_owner *owner, const struct hf_open_request *request,
                          struct hf_error *err)
{
    struct hf_epoch seen;
    int r = hf_epoch_look(c->id, &seen, err);

    if (r <= 0 || (owner->state == HF_OWNER_INCOMING && seen.epoch <= owner->epoch))
        return r < 0 ? r : 0;
    if (seen.granted && seen.epoch == owner->epoch)
        return request->giving ? 0 : hf_owner_say_granted(c, seen.host_name, err);
    if (seen.departed && seen.epoch >= owner->epoch)
        return hf_error_refuse(
            err, "departed", "%s: this copy is at epoch %llu; the container moved to host '%s' at epoch %llu",
            c->place.path, (unsigned long long)owner->epoch, seen.host_name, (unsigned long long)seen.epoch);
    if (seen.epoch > owner->epoch)
        return hf_error_refuse(err, "epoch",
                               "%s: stale copy at epoch %llu; this host has seen epoch %llu. If this copy is the right "
                               "one, take it with 'holdfast owner --take --because TEXT'",
                               c->place.path, (unsigned long long)owner->epoch, (unsigned long long)seen.epoch);
    return 0;
}

static int check_ownership(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    struct hf_owner owner;
    int r = hf_host_identity(c->host_id, c->host_name, err);

    if (r == 0)
        r = hf_owner_get(c, &owner, err);
    if (r == 0)
        c->incoming = owner.state == HF_OWNER_INCOMING;
    if (r < 0 || o->request->any_owner)
        return r;
    r = check_state(c, &owner, o->request, err);
    return r < 0 ? r : check_register(c, &owner, o->request, err);
}

static int lock_uuid(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    struct hf_guest guest;
    char path[PATH_MAX], what[128];
    int r;

    if (o->request->mode != HF_OPEN_RUN || o->request->lock_fd >= 0)
        return 0;
    r = hf_guest_get(c, &guest, err);
    if (r == 0)
        r = hf_lock_path_uuid(guest.uuid, path, err);
    if (r < 0)
        return r;
    snprintf(what, sizeof what, "UUID %s (of another container)", guest.uuid);
    return hf_lock_take(path, what, &c->place, o->request->now, &c->uuid_lock_fd, err);
}

static int find_fault(struct hf_container *c, bool *fault, struct hf_error *err)
{
    sqlite3_stmt *s = NULL;
    const char *text = NULL;
    int rc = sqlite3_prepare_v2(c->db, "PRAGMA quick_check(1)", -1, &s, NULL), r = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        text = (const char *)sqlite3_column_text(s, 0);
    if (text)
        *fault = strcmp(text, "ok") != 0;
    else
        r = hf_sql_error(c, rc == SQLITE_ROW ? SQLITE_NOMEM : rc, err, "check the structure");
    sqlite3_finalize(s);
    return r;
}

/* To SQLite a page that it has no memory for looks as one that is not there. What is damaged is so the second time. */
static int quick_check(struct hf_container *c, struct hf_error *err)
{
    bool fault = false;
    int r = find_fault(c, &fault, err);

    if (r == 0 && fault)
        r = find_fault(c, &fault, err);
    return r == 0 && fault ? hf_damaged(c, err, "SQLite finds its structure damaged; see 'holdfast check'") : r;
}

/* Nothing is written by this yet; the first transaction is the caller's, or the new epoch's. */
static int open_write(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    bool shared = c->beside || o->request->lock_fd >= 0;
    int r = shared ? 0 : quick_check(c, err);

    if (r == 0 && o->request->lock_fd < 0 && access(c->place.path, W_OK) < 0) /* SQLite would say something else */
        r = hf_error_set(err, HF_EIO, "%s: cannot be written: %s", c->place.path, strerror(errno));
    if (r == 0)
        r = hf_disconnect(c, err);
    if (r == 0)
        r = hf_gate_enter(c->id, &c->gate, err);
    if (r == 0)
        r = hf_counter_open(c->id, &c->counter, err);
    if (r == 0)
        r = hf_connect(c, HF_CONNECT_WRITE, err);
    if (r < 0)
        return r;
    c->left_log = c->place.log_size > 0 && !c->log_lost && !c->beside;
    c->marked = shared || (o->mark_known && hf_mark_is_open(o->mark) && !c->log_lost);
    return hf_schema_verify(c, err);
}

/* An operator's verb, which is over soon. Not what may keep the container open for as long as another host takes. */
static bool is_verb(const struct hf_open_request *q)
{
    return q->mode == HF_OPEN_EDIT && q->lock_fd < 0 && !q->incoming && !q->giving && !q->any_owner;
}

static int stand_in_line(struct hf_opening *o, struct hf_error *err)
{
    int r;

    if (o->line >= 0)
        return 0;
    r = hf_line_enter(o->c->id, o->c->place.path, &o->line, err);
    if (r < 0 && r != -HF_ETIMEDOUT && o->request->mode == HF_OPEN_LOOK)
        return 0; /* looking needs no directory that can be written */
    o->waited = r > 0;
    return r > 0 ? hf_error_set(err, HF_ETIMEDOUT, "%s: changed while it was opened; try again", o->c->place.path) : r;
}

static int open_once(struct hf_opening *o, const char *path, struct hf_error *err)
{
    struct hf_container *c = o->c;
    int r = hf_place_find(path, &c->place, err);

    if (r == 0)
        r = hf_place_open(&c->place, err);
    if (r < 0)
        return r;
    r = look_frozen(o, err);
    if (r == 0 && (is_verb(o->request) || o->crowded))
        r = stand_in_line(o, err);
    if (r == 0)
        r = lock_owner(o, err);
    if (r == 0)
        r = hf_opening_check_log(o, err);
    if (r == 0)
        r = open_view(o, err);
    if (r == 0)
        r = hf_counter_look(c->id, &o->seen, err);
    if (r == 0)
        r = verify_view(o, err);
    if (r == -HF_EDAMAGED && o->request->survey && c->db)
        r = 0;
    c->mode = o->request->mode;
    if (r < 0 || (c->mode == HF_OPEN_LOOK && !o->request->rehearses))
        return r;
    r = check_ownership(o, err);
    if (c->mode == HF_OPEN_LOOK)
        return r;
    if (r == 0)
        r = lock_uuid(o, err);
    return r < 0 ? r : open_write(o, err);
}

int hf_open(const char *path, const struct hf_open_request *request, struct hf_container **out, struct hf_error *err)
{
    int line hf_auto(hf_line_leave) = -1;

    for (unsigned attempt = 1;; attempt++) {
        struct hf_opening o = {.c = hf_container_alloc(err),
                               .request = request,
                               .line = line,
                               .crowded = request->quiet || attempt > CROWDED};
        bool moving;
        int r;

        if (!o.c)
            return -HF_ENOMEM;
        r = open_once(&o, path, err);
        if (r == 0 && request->mode == HF_OPEN_RUN && request->lock_fd < 0 && !request->any_owner &&
            !request->incoming && !request->giving)
            r = hf_owner_advance(o.c, request->now, err);
        line = o.line;
        if (r == 0) {
            if (is_verb(request) || request->quiet)
                o.c->line = hf_take_fd(line);
            *out = o.c;
            return 0;
        }
        /* A runner that begins or ends while we look can make any of it look wrong once. */
        moving = (r == -HF_EDAMAGED || r == -HF_ETIMEDOUT || r == -HF_EIO) && o.c->place.fd >= 0 &&
                 (hf_place_changed(&o.c->place) || (o.apart && attempt < 4));
        if (request->lock_fd >= 0 && moving && attempt < ATTEMPTS)
            o.c->lock_fd = -1;
        hf_container_free(o.c);
        if (o.waited)
            continue;
        if (!moving || attempt == ATTEMPTS)
            return r;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}
