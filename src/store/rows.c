/* SPDX-License-Identifier: BSD-2-Clause */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <holdfast/endian.h>

#include "handle.h"

/* Types of the columns after `sum`: i integer, t text, b blob; upper case may be NULL. */
static const struct {
    const char *name;
    const char *columns;
    const char *types;
} tables[HF_TABLES] = {
    [0] = {"ledger", "name, rows, total", "tib"},
    [HF_T_CONTAINER] = {"container", "uid, created, key_id", "tiT"},
    [HF_T_GUEST] = {"guest", "uuid, name, arch, machine", "tttt"},
    [HF_T_OWNER] = {"owner", "state, epoch, host_id, host_name, since, reason", "iittit"},
    [HF_T_SETTING] = {"setting", "name, value", "tt"},
    [HF_T_STATE] = {"state", "name, value", "tt"},
    [HF_T_IMAGE] = {"image", "digest, kind, size, stored, added, name", "biiiit"},
    [HF_T_CHUNK] = {"chunk", "bytes", "b"},
    [HF_T_SNAPSHOT] = {"snapshot", "taken, reason, code, size, vars", "itIiB"},
    [HF_T_KEPT] = {"kept", "bytes", "b"},
    [HF_T_SLOT] = {"slot", "code, vars, snapshot, since, label, origin", "iIIitt"},
    [HF_T_ROM] = {"rom", "image, name", "it"},
    [HF_T_BANK] = {"bank", "kind, size", "ti"},
    [HF_T_PAGE] = {"page", "bytes", "b"},
    [HF_T_CONTRACT] = {"contract", "domain, bytes", "tb"},
    [HF_T_EVENT] = {"event", "first, last, count, kind, text, before, hash", "iiittbb"},
};

const char *hf_table_name(enum hf_table table)
{
    return tables[table].name;
}

struct hf_value hf_text(const char *text)
{
    return (struct hf_value){.type = HF_TEXT, .p = text, .size = strlen(text)};
}

struct hf_value hf_blob(const void *bytes, size_t size)
{
    return (struct hf_value){.type = HF_BLOB, .p = bytes, .size = size};
}

static void must(int ok)
{
    if (!ok)
        abort(); /* libcrypto without SHA-256, or no memory for its context */
}

/* name NUL | id | per column: type, length or number, bytes; numbers are 8 bytes little-endian. */
static void sum_row(struct hf_container *c, unsigned table, int64_t id, const struct hf_value *v,
                    uint8_t sum[HF_SUM_SIZE])
{
    size_t columns = strlen(tables[table].types);
    uint8_t digest[EVP_MAX_MD_SIZE];
    hf_le64 word = hf_le64_of((uint64_t)id);
    EVP_MD_CTX *evp = (EVP_MD_CTX *)c->digester;

    if (!evp)
        c->digester = evp = EVP_MD_CTX_new();
    must(evp && EVP_DigestInit_ex(evp, EVP_sha256(), NULL));
    must(EVP_DigestUpdate(evp, tables[table].name, strlen(tables[table].name) + 1));
    must(EVP_DigestUpdate(evp, &word, sizeof word));
    for (size_t i = 0; i < columns; i++) {
        uint8_t type = (uint8_t)v[i].type;
        bool bytes = v[i].type == HF_TEXT || v[i].type == HF_BLOB;

        word = hf_le64_of(bytes ? v[i].size : (uint64_t)v[i].n);
        must(EVP_DigestUpdate(evp, &type, 1) && EVP_DigestUpdate(evp, &word, sizeof word));
        if (bytes && v[i].size > 0)
            must(EVP_DigestUpdate(evp, v[i].p, v[i].size));
    }
    must(EVP_DigestFinal_ex(evp, digest, NULL));
    memcpy(sum, digest, HF_SUM_SIZE);
}

static int prepare(struct hf_container *c, const char *sql, sqlite3_stmt **statement, struct hf_error *err)
{
    int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);

    return rc == SQLITE_OK ? 0 : hf_sql_error(c, rc, err, "prepare a statement");
}

/* "?3, ?4, ..." or "a = ?3, b = ?4, ..." */
static void list_columns(unsigned table, bool assignments, char *sql, size_t size)
{
    char names[128], *save = NULL;
    int at = 0, number = 3;

    snprintf(names, sizeof names, "%s", tables[table].columns);
    for (char *name = strtok_r(names, ", ", &save); name; name = strtok_r(NULL, ", ", &save), number++)
        at += snprintf(sql + at, size - (size_t)at, "%s%s%s?%d", number > 3 ? ", " : "", assignments ? name : "",
                       assignments ? " = " : "", number);
}

static void statement_text(unsigned table, enum hf_statement kind, char *sql, size_t size)
{
    const char *name = tables[table].name;
    char list[256];

    switch (kind) {
    case HF_S_WALK:
        snprintf(sql, size, "SELECT id, sum, %s FROM %s WHERE id BETWEEN ?1 AND ?2 ORDER BY id", tables[table].columns,
                 name);
        break;
    case HF_S_SUM:
        snprintf(sql, size, "SELECT sum FROM %s WHERE id = ?1", name);
        break;
    case HF_S_INSERT:
        list_columns(table, false, list, sizeof list);
        snprintf(sql, size, "INSERT INTO %s (id, sum, %s) VALUES (?1, ?2, %s)", name, tables[table].columns, list);
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
        r = prepare(c, sql, statement, err);
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
        r = prepare(c, sql, &w.statement, err);
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

static bool read_value(sqlite3_stmt *s, int column, char type, struct hf_value *v)
{
    int got = sqlite3_column_type(s, column);
    bool nullable = type < 'a';

    if (got == SQLITE_NULL) {
        *v = hf_null();
        return nullable;
    }
    if (got == SQLITE_INTEGER) {
        *v = hf_int(sqlite3_column_int64(s, column));
        return (type | 32) == 'i';
    }
    if (got != SQLITE_TEXT && got != SQLITE_BLOB)
        return false;
    v->type = got == SQLITE_TEXT ? HF_TEXT : HF_BLOB;
    v->n = 0;
    v->p = sqlite3_column_blob(s, column);
    v->size = (size_t)sqlite3_column_bytes(s, column);
    return (type | 32) == (got == SQLITE_TEXT ? 't' : 'b');
}

static bool read_row(struct hf_container *c, sqlite3_stmt *s, unsigned table, int64_t id, struct hf_value *v)
{
    const char *types = tables[table].types;
    uint8_t sum[HF_SUM_SIZE];

    if (sqlite3_column_type(s, 1) != SQLITE_BLOB || sqlite3_column_bytes(s, 1) != HF_SUM_SIZE)
        return false;
    for (int i = 0; types[i]; i++)
        if (!read_value(s, i + 2, types[i], &v[i]))
            return false;
    sum_row(c, table, id, v, sum);
    return memcmp(sum, sqlite3_column_blob(s, 1), HF_SUM_SIZE) == 0;
}

int hf_rows_next(struct hf_rows *rows, struct hf_error *err)
{
    int rc = sqlite3_step(rows->statement);

    if (rc == SQLITE_DONE)
        return 0;
    if (rc != SQLITE_ROW)
        return hf_sql_error(rows->c, rc, err, "read the container");
    rows->id = sqlite3_column_int64(rows->statement, 0);
    if (!read_row(rows->c, rows->statement, rows->table, rows->id, rows->v))
        return hf_damaged(rows->c, err, "row %lld of table '%s' does not match its checksum", (long long)rows->id,
                          tables[rows->table].name);
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

static void bind_value(sqlite3_stmt *s, int at, const struct hf_value *v)
{
    switch (v->type) {
    case HF_INT:
        sqlite3_bind_int64(s, at, v->n);
        break;
    case HF_TEXT:
        sqlite3_bind_text64(s, at, (const char *)v->p, v->size, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case HF_BLOB:
        sqlite3_bind_blob64(s, at, v->size ? v->p : "", v->size, SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_null(s, at);
        break;
    }
}

static int run(struct hf_container *c, sqlite3_stmt *s, struct hf_error *err)
{
    int rc = sqlite3_step(s);
    int r = rc == SQLITE_DONE ? 0 : hf_sql_error(c, rc, err, "write to the container");

    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return r;
}

/* total += sign * (sum ^ id), modulo 2^128, little-endian. The id counts too: a row is found by it, so one whose id alone
 * was changed must not add up to the same. */
static void tally(uint8_t total[HF_SUM_SIZE], const uint8_t *sum, int64_t id, bool minus)
{
    hf_le64 word = hf_le64_of((uint64_t)id);
    unsigned carry = minus ? 1 : 0;

    for (unsigned i = 0; i < HF_SUM_SIZE; i++) {
        uint8_t weight = (uint8_t)(i < sizeof word.b ? sum[i] ^ word.b[i] : sum[i]);

        carry += (unsigned)total[i] + (uint8_t)(minus ? ~weight : weight);
        total[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static int ledger_of(struct hf_container *c, enum hf_table table, struct hf_ledger_row **row, struct hf_error *err)
{
    struct hf_ledger_row *l = &c->ledger[table];

    if (!l->loaded) {
        int r = hf_ledger_read(c, table, l, err);

        if (r < 0)
            return r;
    }
    *row = l;
    return 0;
}

/* The sum of the row that is there now: 1 and the sum, or 0. */
static int stored_sum(struct hf_container *c, enum hf_table table, int64_t id, uint8_t sum[HF_SUM_SIZE],
                      struct hf_error *err)
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
        r = hf_damaged(c, err, "row %lld of table '%s' has no checksum", (long long)id, tables[table].name);
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
    int there, r = ledger_of(c, table, &ledger, err);
    sqlite3_stmt *s;

    if (r < 0)
        return r;
    there = stored_sum(c, table, id, old, err);
    if (there < 0)
        return there;
    sum_row(c, table, id, v, sum);
    r = cached(c, table, there ? HF_S_UPDATE : HF_S_INSERT, &s, err);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_blob(s, 2, sum, HF_SUM_SIZE, SQLITE_STATIC);
    for (int i = 0; tables[table].types[i]; i++)
        bind_value(s, i + 3, &v[i]);
    r = run(c, s, err);
    if (r < 0)
        return r;
    if (there)
        tally(ledger->total, old, id, true);
    else
        ledger->rows++;
    tally(ledger->total, sum, id, false);
    ledger->dirty = true;
    return 0;
}

int hf_row_delete(struct hf_container *c, enum hf_table table, int64_t id, struct hf_error *err)
{
    uint8_t old[HF_SUM_SIZE];
    struct hf_ledger_row *ledger;
    int there, r = ledger_of(c, table, &ledger, err);
    sqlite3_stmt *s;

    if (r < 0)
        return r;
    there = stored_sum(c, table, id, old, err);
    if (there <= 0)
        return there;
    r = cached(c, table, HF_S_DELETE, &s, err);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    r = run(c, s, err);
    if (r < 0)
        return r;
    tally(ledger->total, old, id, true);
    ledger->rows--;
    ledger->dirty = true;
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

    snprintf(sql, sizeof sql, "SELECT coalesce(max(id), 0) + 1 FROM %s", tables[table].name);
    return hf_sql_number(c, sql, id, err);
}

int hf_row_text(const struct hf_rows *rows, unsigned column, char *buf, size_t size, struct hf_error *err)
{
    const struct hf_value *v = &rows->v[column];

    if (v->type != HF_TEXT || v->size >= size || (v->size && memchr(v->p, 0, v->size)))
        return hf_damaged(rows->c, err, "row %lld of table '%s' has a text of %zu bytes where %zu fit",
                          (long long)rows->id, tables[rows->table].name, v->size, size - 1);
    if (v->size)
        memcpy(buf, v->p, v->size);
    buf[v->size] = '\0';
    return 0;
}

int hf_ledger_read(struct hf_container *c, unsigned id, struct hf_ledger_row *row, struct hf_error *err)
{
    struct hf_value v[3];
    int rc, r = 0;

    if (!c->ledger_get) {
        r = prepare(c, "SELECT id, sum, name, rows, total FROM ledger WHERE id = ?1", &c->ledger_get, err);
        if (r < 0)
            return r;
    }
    sqlite3_bind_int64(c->ledger_get, 1, id);
    rc = sqlite3_step(c->ledger_get);
    if (rc == SQLITE_ROW) {
        if (read_row(c, c->ledger_get, 0, id, v) && v[2].size == HF_SUM_SIZE) {
            *row = (struct hf_ledger_row){.loaded = true, .rows = v[1].n};
            memcpy(row->total, v[2].p, HF_SUM_SIZE);
        } else {
            r = hf_damaged(c, err, "row %u of table 'ledger' does not match its checksum", id);
        }
    } else if (rc == SQLITE_DONE) {
        r = hf_damaged(c, err, "row %u of table 'ledger' is missing", id);
    } else {
        r = hf_sql_error(c, rc, err, "read the ledger");
    }
    sqlite3_reset(c->ledger_get);
    return r;
}

static int ledger_write(struct hf_container *c, unsigned id, const struct hf_ledger_row *row, struct hf_error *err)
{
    struct hf_value v[3] = {hf_text(id ? tables[id].name : "commits"), hf_int(row->rows),
                            hf_blob(row->total, HF_SUM_SIZE)};
    uint8_t sum[HF_SUM_SIZE];

    if (!c->ledger_set) {
        int r = prepare(c, "INSERT INTO ledger (id, sum, name, rows, total) VALUES (?1, ?2, ?3, ?4, ?5)"
                           " ON CONFLICT (id) DO UPDATE SET sum = ?2, rows = ?4, total = ?5", &c->ledger_set, err);

        if (r < 0)
            return r;
    }
    sum_row(c, 0, id, v, sum);
    sqlite3_bind_int64(c->ledger_set, 1, id);
    sqlite3_bind_blob(c->ledger_set, 2, sum, HF_SUM_SIZE, SQLITE_STATIC);
    for (int i = 0; i < 3; i++)
        bind_value(c->ledger_set, i + 3, &v[i]);
    return run(c, c->ledger_set, err);
}

int hf_ledger_flush(struct hf_container *c, struct hf_error *err)
{
    for (unsigned id = 0; id < HF_TABLES; id++) {
        int r = c->ledger[id].dirty ? ledger_write(c, id, &c->ledger[id], err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

int hf_ledger_init(struct hf_container *c, struct hf_error *err)
{
    struct hf_ledger_row none = {0};

    for (unsigned id = 0; id < HF_TABLES; id++) {
        int r = ledger_write(c, id, &none, err);

        if (r < 0)
            return r;
    }
    return 0;
}

void hf_ledger_forget(struct hf_container *c)
{
    memset(c->ledger, 0, sizeof c->ledger);
}

/* One row of a verification: in order, with a sum, found under its own id with the same sum. */
static int verify_row(struct hf_container *c, enum hf_table table, int64_t id, const void *sum, struct hf_error *err)
{
    uint8_t found[HF_SUM_SIZE];
    int r = stored_sum(c, table, id, found, err);

    if (r < 0)
        return r;
    if (r == 0 || memcmp(found, sum, HF_SUM_SIZE) != 0)
        return hf_damaged(c, err, "row %lld of table '%s' is there, but cannot be found by its id", (long long)id,
                          tables[table].name);
    return 0;
}

static int verify_rows(struct hf_container *c, enum hf_table table, sqlite3_stmt *walk, struct hf_ledger_row *seen,
                       struct hf_error *err)
{
    int64_t last = INT64_MIN;
    int rc;

    while ((rc = sqlite3_step(walk)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(walk, 0);
        const void *sum = sqlite3_column_blob(walk, 1);
        int r;

        if (sqlite3_column_bytes(walk, 1) != HF_SUM_SIZE || (seen->rows > 0 && id <= last))
            return hf_damaged(c, err, "row %lld of table '%s' is out of order or has no checksum", (long long)id,
                              tables[table].name);
        r = verify_row(c, table, id, sum, err);
        if (r < 0)
            return r;
        last = id;
        seen->rows++;
        tally(seen->total, (const uint8_t *)sum, id, false);
    }
    return rc == SQLITE_DONE ? 0 : hf_sql_error(c, rc, err, "read the container");
}

int hf_ledger_verify_table(struct hf_container *c, enum hf_table table, struct hf_error *err)
{
    struct hf_ledger_row want, seen = {0};
    sqlite3_stmt *walk = NULL;
    char sql[64];
    int r = hf_ledger_read(c, table, &want, err);

    if (r < 0)
        return r;
    snprintf(sql, sizeof sql, "SELECT id, sum FROM %s ORDER BY id", tables[table].name);
    r = prepare(c, sql, &walk, err);
    if (r < 0)
        return r;
    r = verify_rows(c, table, walk, &seen, err);
    sqlite3_finalize(walk);
    if (r < 0)
        return r;
    if (seen.rows != want.rows || memcmp(seen.total, want.total, HF_SUM_SIZE) != 0)
        return hf_damaged(c, err, "table '%s' holds %lld rows that do not add up to the %lld of the ledger",
                          tables[table].name, (long long)seen.rows, (long long)want.rows);
    return 0;
}

int hf_ledger_verify(struct hf_container *c, struct hf_error *err)
{
    for (unsigned table = 1; table < HF_TABLES; table++) {
        int r = hf_ledger_verify_table(c, (enum hf_table)table, err);

        if (r < 0)
            return r;
    }
    return 0;
}
