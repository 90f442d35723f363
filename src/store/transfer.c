/* SPDX-License-Identifier: BSD-2-Clause */
/* The source's half: rows to bytes. */
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>

#include "inside.h"
#include "ledger.h"
#include "transfer_rows.h"

struct hf_sent_row {
    int64_t id;
    uint8_t table;
    bool there; /* found again in the present state */
    uint8_t sum[HF_SUM_SIZE];
};

bool hf_transfer_travels(unsigned table)
{
    return table > 0 && table < HF_TABLES && table != HF_T_OWNER && table != HF_T_CHUNK;
}

/* The ledger adds up every row's sum and id: what two containers' ledgers agree on, their rows do. */
int hf_transfer_digest(struct hf_container *c, struct hf_digest *digest, struct hf_error *err)
{
    struct hf_digester *d = hf_digest_begin();
    int r = d ? 0 : hf_error_nomem(err);

    for (unsigned table = 1; table < HF_TABLES && r == 0; table++) {
        struct hf_ledger_row row = c->ledger[table];
        hf_be64 rows;

        if (!hf_transfer_travels(table))
            continue;
        if (!row.loaded)
            r = hf_ledger_read(c, table, &row, err);
        rows = hf_be64_of((uint64_t)row.rows);
        hf_digest_add(d, &rows, sizeof rows);
        hf_digest_add(d, row.total, sizeof row.total);
    }
    if (d) {
        struct hf_digest all = hf_digest_end(d);

        if (r == 0)
            *digest = all;
    }
    return r;
}

void hf_transfer_sent_done(struct hf_transfer_sent *sent)
{
    free(sent->rows);
    *sent = (struct hf_transfer_sent){0};
}

/* Bytes that grow. */
struct writer {
    uint8_t *bytes;
    size_t size, room;
};

static int put(struct writer *w, const void *bytes, size_t size, struct hf_error *err)
{
    if (size > w->room - w->size) {
        size_t room = (w->size + size) * 2 + 4096;
        uint8_t *grown = (uint8_t *)realloc(w->bytes, room);

        if (!grown)
            return hf_error_set(err, HF_ENOMEM, "container state of %zu bytes: out of memory", room);
        w->bytes = grown;
        w->room = room;
    }
    if (size > 0)
        memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
    return 0;
}

static int put_head(struct writer *w, uint8_t what, unsigned table, int64_t id, struct hf_error *err)
{
    const struct hf_transfer_record record = {.what = what, .table = (uint8_t)table, .id = hf_be64_of((uint64_t)id)};

    return put(w, &record, sizeof record, err);
}

static int put_value(struct writer *w, const struct hf_value *v, struct hf_error *err)
{
    uint8_t type = (uint8_t)v->type;
    hf_be64 number = hf_be64_of((uint64_t)v->n);
    hf_be32 size = hf_be32_of((uint32_t)v->size);
    int r = put(w, &type, 1, err);

    if (r < 0 || v->type == HF_NULL)
        return r;
    if (v->type == HF_INT)
        return put(w, &number, sizeof number, err);
    r = put(w, &size, sizeof size, err);
    return r < 0 ? r : put(w, v->p, v->size, err);
}

static int put_row(struct hf_container *c, struct writer *w, unsigned table, int64_t id, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_row_find(c, (enum hf_table)table, id, &rows, err);

    if (r == 0)
        return hf_damaged(c, err, "row %lld of table '%s' cannot be found by its id", (long long)id,
                          hf_table_name(table));
    if (r > 0)
        r = put_head(w, HF_TRANSFER_PUT, table, id, err);
    for (size_t i = 0; r == 0 && hf_table_types(table)[i]; i++)
        r = put_value(w, &rows.v[i], err);
    return r;
}

/* The rows of `before` are in order of table and id. */
static struct hf_sent_row *find_sent(const struct hf_transfer_sent *before, size_t *at, unsigned table, int64_t id)
{
    while (*at < before->count &&
           (before->rows[*at].table < table || (before->rows[*at].table == table && before->rows[*at].id < id)))
        ++*at;
    if (*at < before->count && before->rows[*at].table == table && before->rows[*at].id == id)
        return &before->rows[*at];
    return NULL;
}

static int note_row(struct hf_transfer_sent *after, size_t *room, unsigned table, int64_t id, const void *sum,
                    struct hf_error *err)
{
    struct hf_sent_row *row;

    if (after->count == *room) {
        struct hf_sent_row *grown = (struct hf_sent_row *)reallocarray(after->rows, *room * 2 + 256, sizeof *grown);

        if (!grown)
            return hf_error_set(err, HF_ENOMEM, "%zu rows: out of memory", *room * 2);
        after->rows = grown;
        *room = *room * 2 + 256;
    }
    row = &after->rows[after->count++];
    *row = (struct hf_sent_row){.table = (uint8_t)table, .id = id};
    memcpy(row->sum, sum, HF_SUM_SIZE);
    return 0;
}

/* One state against another. */
struct difference {
    struct hf_container *c;
    struct hf_transfer_sent *before, after;
    bool same; /* nothing changed, as the digest says */
    size_t at, room;
    struct writer out;
};

static int compare_row(struct difference *d, unsigned table, int64_t id, const void *sum, struct hf_error *err)
{
    struct hf_sent_row *was = find_sent(d->before, &d->at, table, id);
    int r = note_row(&d->after, &d->room, table, id, sum, err);

    if (was)
        was->there = true;
    if (r < 0 || (was && memcmp(was->sum, sum, HF_SUM_SIZE) == 0))
        return r;
    return put_row(d->c, &d->out, table, id, err);
}

static int compare_table(struct difference *d, unsigned table, struct hf_error *err)
{
    sqlite3_stmt *walk = NULL;
    char sql[64];
    int rc, r = 0;

    snprintf(sql, sizeof sql, "SELECT id, sum FROM %s ORDER BY id", hf_table_name(table));
    rc = sqlite3_prepare_v2(d->c->db, sql, -1, &walk, NULL);
    if (rc != SQLITE_OK)
        return hf_sql_error(d->c, rc, err, "read the rows");
    while (r == 0 && (rc = sqlite3_step(walk)) == SQLITE_ROW) {
        if (sqlite3_column_bytes(walk, 1) != HF_SUM_SIZE)
            r = hf_damaged(d->c, err, "a row of table '%s' has no checksum", hf_table_name(table));
        else
            r = compare_row(d, table, sqlite3_column_int64(walk, 0), sqlite3_column_blob(walk, 1), err);
    }
    if (r == 0 && rc != SQLITE_DONE)
        r = hf_sql_error(d->c, rc, err, "read the rows");
    sqlite3_finalize(walk);
    return r;
}

/* Backwards: what refers to a row goes before it. */
static int put_vanished(struct difference *d, struct hf_error *err)
{
    int r = 0;

    for (size_t i = d->before->count; i-- > 0 && r == 0;)
        if (!d->before->rows[i].there)
            r = put_head(&d->out, HF_TRANSFER_DELETE, d->before->rows[i].table, d->before->rows[i].id, err);
    return r;
}

static int compare(struct difference *d, struct hf_error *err)
{
    struct hf_transfer_header header = {.kind = d->before->rows ? HF_TRANSFER_CHANGES : HF_TRANSFER_WHOLE};
    int r;

    for (size_t i = 0; i < d->before->count; i++)
        d->before->rows[i].there = false;
    header.base = d->before->digest;
    r = put(&d->out, &header, sizeof header, err);
    if (r == 0)
        r = hf_transfer_digest(d->c, &d->after.digest, err);
    d->same = r == 0 && d->before->rows && hf_digest_equal(&d->after.digest, &d->before->digest);
    if (d->same)
        return 0; /* a guest may be paused, and a bank have many rows */
    for (unsigned table = 1; table < HF_TABLES && r == 0; table++)
        if (hf_transfer_travels(table))
            r = compare_table(d, table, err);
    return r < 0 ? r : put_vanished(d, err);
}

int hf_transfer_write(struct hf_container *c, struct hf_transfer_sent *sent, uint8_t **bytes, size_t *size,
                      struct hf_error *err)
{
    struct difference d = {.c = c, .before = sent};
    int r;

    if (hf_in_transaction(c))
        return hf_error_set(err, HF_EUSAGE, "%s: a transaction is open", c->place.path);
    r = hf_sql_exec(c, "BEGIN", err, "begin reading");
    if (r < 0)
        return r;
    r = compare(&d, err);
    hf_abort(c);
    if (r == 0 && d.out.size > HF_TRANSFER_MAX)
        r = hf_error_set(err, HF_ENOSPC, "%s: state too large: its rows have %zu bytes; the limit is %u", c->place.path,
                         d.out.size, HF_TRANSFER_MAX);
    if (r < 0) {
        free(d.out.bytes);
        hf_transfer_sent_done(&d.after);
        return r;
    }
    if (!d.same) {
        hf_transfer_sent_done(sent);
        *sent = d.after;
    }
    *bytes = d.out.bytes;
    *size = d.out.size;
    return 0;
}

bool hf_transfer_is_none(const void *bytes, size_t size, const struct hf_digest *state)
{
    struct hf_transfer_header header;

    if (size != sizeof header)
        return false;
    memcpy(&header, bytes, sizeof header);
    return header.kind == HF_TRANSFER_CHANGES && hf_digest_equal(&header.base, state);
}

int hf_transfer_chunk(struct hf_container *c, const struct hf_digest *image, uint32_t number, uint8_t **bytes,
                      size_t *size, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    uint8_t *copy;
    int64_t id;
    int r = hf_image_id(c, image, &id, err);

    if (r > 0)
        r = hf_row_find(c, HF_T_CHUNK, HF_CHUNK_ID(id, number), &rows, err);
    if (r == 0)
        return hf_damaged(c, err, "chunk %u of an image is missing", number);
    if (r < 0)
        return r;
    copy = (uint8_t *)malloc(rows.v[0].size);
    if (!copy)
        return hf_error_nomem(err);
    memcpy(copy, rows.v[0].p, rows.v[0].size);
    *bytes = copy;
    *size = rows.v[0].size;
    return 0;
}
