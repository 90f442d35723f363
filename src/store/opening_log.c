/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "epochs.h"
#include "opening.h"

int hf_opening_check_log(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    int r = hf_wal_look(c->place.path, &o->log_mark, err);

    if (r < 0 || c->beside || !o->mark_known || o->request->lock_fd >= 0)
        return r;
    if (o->request->accept_loss) {
        c->log_lost = !hf_mark_fits(o->mark, o->log_mark) && (hf_mark_is_open(o->mark) || c->place.log_size > 0);
        return 0;
    }
    if (!hf_mark_is_open(o->mark) || hf_mark_fits(o->mark, o->log_mark))
        return 0;
    o->apart = true;
    return hf_damaged(c, err,
                      "it was not closed, and its log %s-wal %s: restore that log, or accept the loss of its changes "
                      "(holdfast check --accept-loss)",
                      c->place.path, c->place.log_size == 0 ? "is missing" : "belongs to another file or time");
}

/* A closed file has no log, or the one that just went into it, or a new one in which nothing happened but the mark. */
static int check_closed(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    struct hf_ledger_row row;

    if (hf_mark_is_open(o->mark) || hf_mark_fits(o->mark, o->log_mark))
        return 0;
    for (unsigned id = 1; id < HF_TABLES; id++) {
        int r = hf_ledger_read(c, id, &row, err);

        if (r < 0)
            return r;
        o->apart = row.rows != o->ledger[id].rows || memcmp(row.total, o->ledger[id].total, HF_SUM_SIZE) != 0;
        if (o->apart)
            return hf_damaged(c, err,
                              "it was closed, but a foreign log with changes of table '%s' is beside it: remove %s-wal "
                              "if the file is newer",
                              hf_table_name((enum hf_table)id), c->place.path);
    }
    return 0;
}

int hf_opening_check_view(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    uint64_t commits;
    int r;

    if (!o->mark_known || c->place.log_size == 0 || o->log_mark == 0 || c->log_lost || c->beside ||
        o->request->lock_fd >= 0)
        return 0;
    r = hf_container_commits(c, &commits, err);
    if (r == 0 && (int64_t)commits < o->ledger[0].rows)
        r = hf_damaged(
            c, err,
            "with its log it has %llu commits, without it %lld: the log is older than the file, or truncated: move "
            "%s-wal away, and if it is then reported missing, accept the loss (holdfast check --accept-loss)",
            (unsigned long long)commits, (long long)o->ledger[0].rows, c->place.path);
    return r < 0 ? r : check_closed(o, err);
}

int hf_opening_check_count(struct hf_opening *o, struct hf_error *err)
{
    struct hf_container *c = o->c;
    struct hf_owner owner;
    struct hf_epoch epoch;
    uint64_t seen = o->seen, count;
    int r = hf_container_commits(c, &count, err);

    if (r == 0)
        r = hf_owner_get(c, &owner, err);
    if (r < 0 || o->request->accept_loss || c->beside || o->request->lock_fd >= 0 || count >= seen)
        return r;
    /* A copy that is known to be one may well be older; whether it may write is the register's to say. */
    if (owner.state == HF_OWNER_BACKUP ||
        (hf_epoch_look(c->id, &epoch, NULL) > 0 && epoch.epoch + epoch.departed > owner.epoch))
        return 0;
    return hf_damaged(c, err,
                      "it has %llu commits, and %llu were made since this host booted: its log is truncated, or this "
                      "is an older copy: accept the loss with holdfast check --accept-loss",
                      (unsigned long long)count, (unsigned long long)seen);
}
