/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "handle.h"

#define FRAME_SIZE (4096U + 24)
#define ROLLBACK   "ROLLBACK"

static int prepare(struct hf_container *c, sqlite3_stmt **statement, const char *sql, const char *doing,
                   struct hf_error *err)
{
    int rc = *statement ? SQLITE_OK : sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);

    return rc == SQLITE_OK ? 0 : hf_sql_error(c, rc, err, doing);
}

static int run(struct hf_container *c, sqlite3_stmt **statement, const char *sql, const char *doing,
               struct hf_error *err)
{
    int r = prepare(c, statement, sql, doing, err), rc;

    if (r < 0)
        return r;
    rc = sqlite3_step(*statement);
    if (rc != SQLITE_DONE)
        r = hf_sql_error(c, rc, err, doing);
    sqlite3_reset(*statement);
    return r;
}

bool hf_in_transaction(const struct hf_container *c)
{
    return c->db && !sqlite3_get_autocommit(c->db);
}

void hf_abort(struct hf_container *c)
{
    hf_ledger_forget(c);
    c->claiming = false;
    if (hf_in_transaction(c))
        (void)run(c, &c->rollback, ROLLBACK, "end a transaction", NULL);
}

static int begin_raw(struct hf_container *c, struct hf_error *err)
{
    int r;

    if (hf_in_transaction(c))
        return hf_error_set(err, HF_EUSAGE, "%s: a transaction is open already", c->place.path);
    hf_ledger_forget(c);
    c->unsynced = false;
    /* What ends it must not need memory then. */
    r = prepare(c, &c->rollback, ROLLBACK, "begin a transaction", err);
    if (r == 0)
        r = run(c, &c->begin, "BEGIN IMMEDIATE", "begin a transaction", err);
    if (r < 0)
        return r;
    r = hf_ledger_read(c, HF_LEDGER_COMMITS, &c->ledger[HF_LEDGER_COMMITS], err);
    if (r < 0)
        hf_abort(c);
    return r;
}

/* L6, inside the transaction: the container is still this host's, at the epoch this handle was opened with. */
static int check_owner(struct hf_container *c, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_owner_get(c, &owner, err);

    if (r < 0)
        return r;
    if (owner.epoch != c->epoch)
        return hf_error_refuse(err, "epoch",
                               "%s: changed meanwhile: host '%s', epoch %llu (%s), instead of the epoch %llu at which "
                               "it was opened; open it again",
                               c->place.path, owner.host_name, (unsigned long long)owner.epoch, owner.reason,
                               (unsigned long long)c->epoch);
    if (owner.state == HF_OWNER_GRANTED)
        return hf_owner_say_granted(c, owner.reason, err);
    if (owner.state != HF_OWNER_HELD || strcmp(owner.host_id, c->host_id) != 0)
        return hf_error_set(err, HF_EOWNED, "%s: %s by host '%s' since epoch %llu", c->place.path,
                            hf_owner_state_text(owner.state), owner.host_name, (unsigned long long)owner.epoch);
    return 0;
}

static uint64_t mark_now(const struct hf_container *c)
{
    return hf_mark_of_total(c->ledger[HF_LEDGER_COMMITS].total);
}

static int begin_look(struct hf_container *c, struct hf_error *err)
{
    int64_t one;
    int r = hf_sql_exec(c, "BEGIN", err, "begin reading");

    /* The moment is fixed by the first read. */
    return r < 0 ? r : hf_sql_number(c, "SELECT count(*) FROM ledger", &one, err);
}

static int begin_checked(struct hf_container *c, bool owned, struct hf_error *err)
{
    int r = begin_raw(c, err);

    if (r == 0 && owned)
        r = check_owner(c, err);
    if (r < 0)
        hf_abort(c);
    return r;
}

static int bring_in(struct hf_container *c, bool owned, bool all, struct hf_error *err);

/* Also sees to it that the file says that its log matters, before anything that matters goes into the log. */
static int begin_marked(struct hf_container *c, bool owned, struct hf_error *err)
{
    int r = begin_checked(c, owned, err);

    if (r < 0 || !c->wal || (c->marked && hf_mark_is_open(mark_now(c))))
        return r;
    hf_abort(c);
    c->marked = false;
    r = bring_in(c, owned, false, err);
    return r < 0 ? r : begin_checked(c, owned, err);
}

int hf_begin_unowned(struct hf_container *c, struct hf_error *err)
{
    return begin_marked(c, false, err);
}

int hf_begin(struct hf_container *c, struct hf_error *err)
{
    if (c->mode == HF_OPEN_LOOK)
        return begin_look(c, err);
    if (c->incoming)
        return hf_error_refuse(err, "incoming", "%s: being received, not owned yet", c->place.path);
    return begin_marked(c, true, err);
}

static bool anything_changed(const struct hf_container *c)
{
    for (unsigned i = 0; i < HF_TABLES; i++)
        if (c->ledger[i].dirty)
            return true;
    return false;
}

static int commit_now(struct hf_container *c, struct hf_error *err)
{
    struct hf_ledger_row *commits = &c->ledger[HF_LEDGER_COMMITS];
    uint64_t count;
    int r;

    commits->rows++;
    commits->dirty = true;
    count = (uint64_t)commits->rows;
    r = hf_ledger_flush(c, err);
    if (r == 0)
        r = run(c, &c->commit, "COMMIT", "commit", err);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    hf_ledger_forget(c);
    c->claiming = false;
    hf_counter_raise(&c->counter, count);
    return 0;
}

/* The commit of a claim is in the log. Once it is durable, no other host runs the guest. */
static int settle_claim(struct hf_container *c, struct hf_error *err)
{
    int r;

    c->epoch = c->claim_epoch;
    c->incoming = false;
    r = hf_sync(c, err);
    if (r < 0)
        r = hf_sync(c, err); /* the other way */
    if (r == 0)
        c->unregistered = true;
    return r;
}

int hf_commit(struct hf_container *c, enum hf_durability durability, struct hf_error *err)
{
    bool claiming = c->claiming;
    int r;

    if (!hf_in_transaction(c))
        return hf_error_set(err, HF_EUSAGE, "%s: no transaction is open", c->place.path);
    if (!anything_changed(c)) {
        hf_abort(c);
        return durability == HF_DURABLE ? hf_sync(c, err) : 0;
    }
    r = commit_now(c, err);
    if (r < 0)
        return r;
    if (claiming)
        r = settle_claim(c, err);
    else if (durability == HF_DURABLE)
        r = hf_sync(c, err);
    c->unsynced = r < 0;
    if (r == 0 && c->unregistered && !c->note_later)
        hf_owner_register_soon(c);
    /* Durable already; that the log grows on is no failure of this commit. */
    if (r == 0 && c->marked && hf_log_bytes(c) > HF_LOG_HARD)
        (void)hf_checkpoint(c, NULL);
    return r;
}

bool hf_commit_is_made(const struct hf_container *c)
{
    return c->unsynced;
}

uint64_t hf_log_bytes(const struct hf_container *c)
{
    return c->wal ? c->log_frames * FRAME_SIZE : 0;
}

/*
 * Before a checkpoint, the database is told the salt of the log it is about to be written from. The commit that does so
 * may itself begin the log anew, with another salt: then once more.
 */
static int note_mark(struct hf_container *c, bool owned, struct hf_error *err)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t mark;
        int r = begin_checked(c, owned, err);

        if (r < 0)
            return r;
        r = hf_wal_mark(c, &mark, err);
        if (r < 0 || (mark != 0 && mark_now(c) == mark)) {
            hf_abort(c);
            return r;
        }
        hf_mark_to_total(mark, c->ledger[HF_LEDGER_COMMITS].total);
        r = commit_now(c, err);
        if (r < 0)
            return r;
    }
    return hf_error_set(err, HF_EIO, "%s: cannot mark the log as present: SQLite removed the log", c->place.path);
}

static int checkpoint(struct hf_container *c, int kind, struct hf_error *err)
{
    int frames = 0, moved = 0, rc = sqlite3_wal_checkpoint_v2(c->db, NULL, kind, &frames, &moved);

    if (rc != SQLITE_OK)
        return hf_sql_error(c, rc, err, "bring the log into the file");
    if (moved >= frames)
        c->log_frames = 0;
    return moved >= frames ? 0 : 1;
}

/* `all`: readers that are in the way are waited for. So they are where the log is not to be trusted. */
static int bring_in(struct hf_container *c, bool owned, bool all, struct hf_error *err)
{
    bool must = all || !c->marked || c->doubt;
    int r = note_mark(c, owned, err);

    if (r < 0)
        return r;
    r = checkpoint(c, must ? SQLITE_CHECKPOINT_FULL : SQLITE_CHECKPOINT_PASSIVE, err);
    if (r > 0 && must)
        return hf_error_set(err, HF_ETIMEDOUT, "%s: cannot empty the log: other processes are reading", c->place.path);
    if (r >= 0)
        c->marked = true;
    if (r == 0)
        c->doubt = c->left_log = false;
    return r < 0 ? r : 0;
}

/* What somebody else left in the log is only suspected: neither who is in the way nor a full disk is a reason to fail. */
static bool may_be_left(int r)
{
    return r == 0 || r == -HF_ETIMEDOUT || r == -HF_EREFUSED || r == -HF_EOWNED || r == -HF_ENOSPC;
}

/* A second sync of the same file may succeed without having written what the first one could not: the whole content goes
 * to the other file instead. */
int hf_sync(struct hf_container *c, struct hf_error *err)
{
    int r;

    if (c->mode == HF_OPEN_LOOK || !c->wal)
        return 0;
    if (c->doubt || c->left_log) {
        r = bring_in(c, !c->incoming, false, err);
        if (c->doubt || (r == 0 && !c->left_log) || !may_be_left(r))
            return r;
    }
    r = hf_wal_sync(c, err);
    if (r < 0)
        c->doubt = true;
    return r;
}

int hf_sync_anew(struct hf_container *c, struct hf_error *err)
{
    c->doubt = true;
    return hf_sync(c, err);
}

int hf_checkpoint(struct hf_container *c, struct hf_error *err)
{
    if (!c->wal || c->mode == HF_OPEN_LOOK || c->incoming)
        return 0;
    return bring_in(c, true, c->left_log, err);
}

int hf_settle(struct hf_container *c, struct hf_error *err)
{
    struct hf_owner owner;
    int r = begin_raw(c, err);

    if (r < 0)
        return r;
    r = hf_owner_get(c, &owner, err);
    if (r < 0 || owner.epoch != c->epoch) {
        hf_abort(c);
        return r;
    }
    if (hf_mark_is_open(mark_now(c))) {
        hf_mark_to_total(mark_now(c) | HF_MARK_CLOSED, c->ledger[HF_LEDGER_COMMITS].total);
        r = commit_now(c, err);
    } else {
        hf_abort(c);
    }
    if (r == 0)
        r = checkpoint(c, SQLITE_CHECKPOINT_TRUNCATE, err);
    if (r == 0)
        (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL); /* the last one removes it */
    /* Somebody else still reads or writes: the last one to leave does it. */
    return r == -HF_ETIMEDOUT || r > 0 ? 0 : r;
}

int hf_container_commits(struct hf_container *c, uint64_t *count, struct hf_error *err)
{
    struct hf_ledger_row row;
    int r = hf_ledger_read(c, HF_LEDGER_COMMITS, &row, err);

    if (r == 0)
        *count = (uint64_t)row.rows;
    return r;
}
