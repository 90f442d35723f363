/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "banks.h"
#include "inside.h"
#include "reserve.h"

#define PIECE    (128U << 10)
#define LOG_BANK (4U << 20) /* what firmware uses of a larger bank; the rest of AAVMF's 64 MiB is padding */

/* Room is made by storing zeros and removing them: the file does not shrink, and what was removed is used again. */
int hf_reserve_fill(struct hf_container *c, uint64_t bytes, struct hf_error *err)
{
    uint8_t *zeros hf_auto(hf_cleanup_free) = (uint8_t *)calloc(1, PIECE);
    struct hf_value v = hf_blob(zeros, PIECE);
    int r = zeros ? 0 : hf_error_nomem(err);

    for (uint64_t at = 0, i = 0; at < bytes && r == 0; at += PIECE, i++)
        r = hf_row_put(c, HF_T_CHUNK, HF_RESERVE_FIRST + (int64_t)i, &v, err);
    return r;
}

static int fill(struct hf_container *c, uint64_t bytes, struct hf_error *err)
{
    int r = hf_begin(c, err);

    if (r == 0)
        r = hf_reserve_fill(c, bytes, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}

static int empty(struct hf_container *c, struct hf_error *err)
{
    int r = hf_begin(c, err);

    if (r == 0)
        r = hf_rows_delete(c, HF_T_CHUNK, HF_RESERVE_FIRST, INT64_MAX, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}

/* Every page that the bank stores may be written anew at once, by a rollback or a copy from the guest's memory, and the
 * pages that firmware may begin to use as well. */
static int reserve_log(struct hf_container *c, struct hf_error *err)
{
    uint64_t bank = 0, stored = 0, most;
    int r = hf_bank_size(c, HF_BANK_VARS, &bank, err);

    if (r == 0 || r == -HF_ENOTFOUND)
        r = hf_bank_stored(c, &stored, err);
    if (r < 0)
        return r;
    most = bank < LOG_BANK ? bank : LOG_BANK;
    if (stored > most)
        most = stored;
    return c->wal ? hf_wal_allocate(c, most + most / 4 + (64 << 10), err) : 0;
}

/* The log begins anew with the first commit after it was brought in, so this is one; it counts, and says nothing else.
 */
int hf_container_warm(struct hf_container *c, struct hf_error *err)
{
    int r = hf_begin_unowned(c, err);

    if (r < 0)
        return r;
    c->ledger[HF_LEDGER_COMMITS].dirty = true;
    r = hf_commit(c, HF_DURABLE, err);
    return r < 0 ? r : reserve_log(c, err);
}

static int reserve(struct hf_container *c, uint64_t bytes, struct hf_error *err)
{
    uint64_t used, unused;
    int r = empty(c, err);

    if (r == 0)
        r = hf_container_usage(c, &used, &unused, err);
    if (r < 0)
        return r;
    if (bytes > unused && used + (bytes - unused) > HF_CONTAINER_MAX)
        return hf_error_set(
            err, HF_ENOSPC,
            "%s: no space for %llu bytes: the file has %llu, of which %llu are free; the limit is %u: delete snapshots",
            c->place.path, (unsigned long long)bytes, (unsigned long long)used, (unsigned long long)unused,
            HF_CONTAINER_MAX);
    if (bytes > unused) {
        r = fill(c, bytes - unused, err);
        if (r == 0)
            r = hf_checkpoint(c, err);
        if (r == 0)
            r = empty(c, err);
    }
    if (r == 0)
        r = reserve_log(c, err);
    if (r == -HF_ENOSPC)
        r = hf_error_prefix(err, r, "no disk space for %llu bytes and the log of a bank: ", (unsigned long long)bytes);
    return r;
}

/* Room is not what anybody asked for: that it could not be synced is no change that is made all the same. */
int hf_container_reserve(struct hf_container *c, uint64_t bytes, struct hf_error *err)
{
    int r = reserve(c, bytes, err);

    c->unsynced = false;
    return r;
}
