/* SPDX-License-Identifier: BSD-2-Clause */
#include "rows.h"

#include <stdio.h>
#include <string.h>

#include "handle.h"
#include "inside.h"

/* "?3, ?4, ..." or "a = ?3, b = ?4, ..." */
static void list_columns(unsigned table, bool assignments, char *sql, size_t size)
{
    char names[128], *save = NULL;
    int at = 0, number = 3;

    snprintf(names, sizeof names, "%s", hf_table_columns(table));
    for (char *name = strtok_r(names, ", ", &save); name; name = strtok_r(NULL, ", ", &save), number++)
        at += snprintf(sql + at, size - (size_t)at, "%s%s%s?%d", number > 3 ? ", " : "", assignments ? name : "",
                       assignments ? " = " : "", number);
}

static void statement_text(unsigned table, enum hf_statement kind, char *sql, size_t size)
{
    const char *name = hf_table_name(table);
    char list[256];

    switch (kind) {
    case HF_S_WALK:
        snprintf(sql, size, "SELECT id, sum, %s FROM %s WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
                 hf_table_columns(table), name);
        break;
    case HF_S_SUM:
        snprintf(sql, size, "SELECT sum FROM %s WHERE id = ?1", name);
        break;
    case HF_S_INSERT:
        list_columns(table, false, list, sizeof list);
        snprintf(sql, size, "INSERT INTO %s (id, sum, %s) VALUES (?1, ?2, %s)", name, hf_table_columns(table), list);
        break;
    case HF_S_UPDATE:
        list_columns(table, true, list, sizeof list);
        snprintf(sql, size, "UPDATE %s SET sum = ?2, %s WHERE id = ?1", name, list);
        break;
    default:
        snprintf(sql, size, "DELETE FROM %s WHERE id = ?1", name);
        break;
    }
}

static int cached(struct hf_container *c, unsigned table, enum hf_statement kind, sqlite3_stmt **out,
                  struct hf_error *err)
{
    sqlite3_stmt **statement = &c->statements[table][kind];

    if (!*statement) {
        char sql[512];
        int r;

        statement_text(table, kind, sql, sizeof sql);
        r = hf_sql_prepare(c, sql, statement, err);
        if (r < 0)
            return r;
    }
    *out = *statement;
    return 0;
}

int hf_rows_open(struct hf_container *c, enum hf_table table, int64_t from, int64_t to, struct hf_rows *rows,
                 struct hf_error *err)
{
    struct hf_rows w = {.c = c, .table = table};
    int r;

    if (!c->walking[table]) {
        r = cached(c, table, HF_S_WALK, &w.statement, err);
        w.borrowed = true;
    } else {
        char sql[512];

        statement_text(table, HF_S_WALK, sql, sizeof sql);
        r = hf_sql_prepare(c, sql, &w.statement, err);
    }
    if (r < 0)
        return r;
    if (w.borrowed)
        c->walking[table] = true;
    sqlite3_bind_int64(w.statement, 1, from);
    sqlite3_bind_int64(w.statement, 2, to);
    *rows = w;
    return 0;
}

int hf_rows_next(struct hf_rows *rows, struct hf_error *err)
{
    int rc = sqlite3_step(rows->statement);

    if (rc == SQLITE_DONE)
        return 0;
    if (rc != SQLITE_ROW)
        return hf_sql_error(rows->c, rc, err, "read the container");
    rows->id = sqlite3_column_int64(rows->statement, 0);
    if (!hf_record_read(rows->c, rows->statement, rows->table, rows->id, rows->v))
        return hf_damaged(rows->c, err, "row %lld of table '%s' does not match its checksum", (long long)rows->id,
                          hf_table_name(rows->table));
    return 1;
}

void hf_rows_close(struct hf_rows *rows)
{
    if (!rows->statement)
        return;
    if (rows->borrowed) {
        sqlite3_reset(rows->statement);
        rows->c->walking[rows->table] = false;
    } else {
        sqlite3_finalize(rows->statement);
    }
    rows->statement = NULL;
}

int hf_row_find(struct hf_container *c, enum hf_table table, int64_t id, struct hf_rows *rows, struct hf_error *err)
{
    int r = hf_rows_open(c, table, id, id, rows, err);

    return r < 0 ? r : hf_rows_next(rows, err);
}

/* The sum of the row that is there now: 1 and the sum, or 0. */
int hf_row_sum(struct hf_container *c, enum hf_table table, int64_t id, uint8_t sum[HF_SUM_SIZE], struct hf_error *err)
{
    sqlite3_stmt *s;
    int rc, r = cached(c, table, HF_S_SUM, &s, err);

    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == HF_SUM_SIZE) {
        memcpy(sum, sqlite3_column_blob(s, 0), HF_SUM_SIZE);
        r = 1;
    } else if (rc == SQLITE_ROW) {
        r = hf_damaged(c, err, "row %lld of table '%s' has no checksum", (long long)id, hf_table_name(table));
    } else {
        r = rc == SQLITE_DONE ? 0 : hf_sql_error(c, rc, err, "read the container");
    }
    sqlite3_reset(s);
    return r;
}

int hf_row_put(struct hf_container *c, enum hf_table table, int64_t id, const struct hf_value *v, struct hf_error *err)
{
    uint8_t old[HF_SUM_SIZE], sum[HF_SUM_SIZE];
    struct hf_ledger_row *ledger;
    int there, r = hf_ledger_of(c, table, &ledger, err);
    sqlite3_stmt *s;

    if (r < 0)
        return r;
    there = hf_row_sum(c, table, id, old, err);
    if (there < 0)
        return there;
    hf_record_sum(c, table, id, v, sum);
    r = cached(c, table, there ? HF_S_UPDATE : HF_S_INSERT, &s, err);
    if (r < 0)
        return r;
    hf_record_bind(s, table, id, sum, v);
    r = hf_sql_run(c, s, err);
    if (r < 0)
        return r;
    if (there)
        hf_ledger_subtract(ledger, old, id);
    hf_ledger_add(ledger, sum, id);
    return 0;
}

int hf_row_delete(struct hf_container *c, enum hf_table table, int64_t id, struct hf_error *err)
{
    uint8_t old[HF_SUM_SIZE];
    struct hf_ledger_row *ledger;
    int there, r = hf_ledger_of(c, table, &ledger, err);
    sqlite3_stmt *s;

    if (r < 0)
        return r;
    there = hf_row_sum(c, table, id, old, err);
    if (there <= 0)
        return there;
    r = cached(c, table, HF_S_DELETE, &s, err);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    r = hf_sql_run(c, s, err);
    if (r < 0)
        return r;
    hf_ledger_subtract(ledger, old, id);
    return 1;
}

int hf_rows_delete(struct hf_container *c, enum hf_table table, int64_t from, int64_t to, struct hf_error *err)
{
    for (;;) {
        struct hf_rows rows hf_auto(hf_rows_close) = {0};
        int r = hf_rows_open(c, table, from, to, &rows, err);
        int64_t id;

        if (r < 0)
            return r;
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            return r;
        id = rows.id;
        hf_rows_close(&rows);
        r = hf_row_delete(c, table, id, err);
        if (r < 0)
            return r;
    }
}

int hf_row_next_id(struct hf_container *c, enum hf_table table, int64_t *id, struct hf_error *err)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT coalesce(max(id), 0) + 1 FROM %s", hf_table_name(table));
    return hf_sql_number(c, sql, id, err);
}

int hf_row_text(const struct hf_rows *rows, unsigned column, char *buf, size_t size, struct hf_error *err)
{
    const struct hf_value *v = &rows->v[column];

    if (v->type != HF_TEXT || v->size >= size || (v->size && memchr(v->p, 0, v->size)))
        return hf_damaged(rows->c, err, "row %lld of table '%s' has a text of %zu bytes; the limit is %zu",
                          (long long)rows->id, hf_table_name(rows->table), v->size, size - 1);
    if (v->size)
        memcpy(buf, v->p, v->size);
    buf[v->size] = '\0';
    return 0;
}
