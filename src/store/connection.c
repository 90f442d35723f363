/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "format.h"
#include "handle.h"
#include "no_room.h"
#include "schema.h"

#define BUSY_MILLISECONDS 10000
#define URI_SIZE          (3 * PATH_MAX + 64)

static enum hf_code code_of(int rc, int system_errno)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return HF_EDAMAGED;
    case SQLITE_FULL:
        return HF_ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return HF_ETIMEDOUT;
    case SQLITE_NOMEM:
        return HF_ENOMEM;
    case SQLITE_IOERR:
        return hf_no_room_or_io(system_errno);
    default:
        return HF_EIO;
    }
}

int hf_damaged(struct hf_container *c, struct hf_error *err, const char *fmt, ...)
{
    char text[HF_ERROR_TEXT_MAX];
    va_list ap;

    if (c->frozen && hf_place_changed(&c->place))
        return hf_error_set(err, HF_ETIMEDOUT, "%s: changed while it was read; try again", c->place.path);
    va_start(ap, fmt);
    hf_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    return hf_error_set(err, HF_EDAMAGED, "%s: damaged: %s", c->place.path, text);
}

/* SQLite quotes the file in its messages, line breaks and all. */
static void first_line(const char *words, char *line, size_t size)
{
    size_t n = 0;

    for (; words[n] && words[n] != '\n' && n + 1 < size; n++)
        line[n] = (unsigned char)words[n] < 0x20 || (unsigned char)words[n] >= 0x7f ? '?' : words[n];
    line[n] = '\0';
}

int hf_sql_error(struct hf_container *c, int rc, struct hf_error *err, const char *doing)
{
    int number = c->db ? sqlite3_system_errno(c->db) : 0;
    enum hf_code code = code_of(rc, number);
    char words[160];

    /* Not every call of SQLite's leaves its words behind. */
    first_line(c->db && (sqlite3_errcode(c->db) & 0xff) == (rc & 0xff) ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc),
               words, sizeof words);
    if (code == HF_EDAMAGED)
        return hf_damaged(c, err, "cannot %s: %s", doing, words);
    if (code == HF_ETIMEDOUT)
        return hf_error_set(err, HF_ETIMEDOUT, "%s: cannot %s: locked by another process for %d s; try again",
                            c->place.path, doing, BUSY_MILLISECONDS / 1000);
    if ((rc & 0xff) == SQLITE_FULL)
        return hf_error_set(err, HF_ENOSPC, "%s: cannot %s: the disk or the container's limit of %u bytes is full",
                            c->place.path, doing, HF_CONTAINER_MAX);
    if ((rc & 0xff) == SQLITE_READONLY)
        return hf_error_refuse(err, "permissions", "%s: cannot %s: %s", c->place.path, doing, words);
    return hf_error_set(err, code, "%s: cannot %s: %s%s%s", c->place.path, doing, words, number ? ": " : "",
                        number ? strerror(number) : "");
}

int hf_sql_exec(struct hf_container *c, const char *sql, struct hf_error *err, const char *doing)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : hf_sql_error(c, rc, err, doing);
}

int hf_sql_prepare(struct hf_container *c, const char *sql, sqlite3_stmt **statement, struct hf_error *err)
{
    int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);

    if (rc == SQLITE_ERROR) { /* the statement is ours and right: the tables are not what it was written for */
        char words[160];

        first_line(sqlite3_errmsg(c->db), words, sizeof words);
        return hf_damaged(c, err, "its tables are not those of a container: %s", words);
    }
    return rc == SQLITE_OK ? 0 : hf_sql_error(c, rc, err, "prepare a statement");
}

int hf_sql_run(struct hf_container *c, sqlite3_stmt *s, struct hf_error *err)
{
    int rc = sqlite3_step(s);
    int r = rc == SQLITE_DONE ? 0 : hf_sql_error(c, rc, err, "write to the container");

    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return r;
}

int hf_sql_number(struct hf_container *c, const char *sql, int64_t *n, struct hf_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL), r = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *n = sqlite3_column_int64(s, 0);
    else
        r = hf_sql_error(c, rc, err, "read a number");
    sqlite3_finalize(s);
    return r;
}

/* file:PATH?QUERY with everything but the plainest characters written as %XX. */
static void make_uri(const char *path, const char *query, char *uri)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    char *at = uri + sprintf(uri, "file:");

    for (const char *p = path; *p; p++)
        if (strchr(plain, *p))
            *at++ = *p;
        else
            at += sprintf(at, "%%%02X", (unsigned char)*p);
    strcpy(at, query);
}

static void set_limits(sqlite3 *db)
{
    static const struct {
        int id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 1 << 20},
        {SQLITE_LIMIT_SQL_LENGTH, 8192},
        {SQLITE_LIMIT_COLUMN, 32},
        {SQLITE_LIMIT_EXPR_DEPTH, 32},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 16},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_COMPOUND_SELECT, 2},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64},
    };

    for (size_t i = 0; i < HF_ARRAY_SIZE(limits); i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
}

static int harden(struct hf_container *c, enum hf_connection how)
{
    bool write = how == HF_CONNECT_WRITE || how == HF_CONNECT_BUILD;
    /* A file that was being written when the power went may be shorter than its first page says; its log has the rest.
     * SQLite looks at such a file only when it is told that it may be damaged. */
    bool partial = how == HF_CONNECT_FROZEN && c->place.log_size + c->place.journal_size > 0;
    const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, !partial},
        {SQLITE_DBCONFIG_WRITABLE_SCHEMA, partial},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, write},
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}, /* hf_settle decides: a log may go only when the mark has gone */
    };

    for (size_t i = 0; i < HF_ARRAY_SIZE(options); i++) {
        int rc = sqlite3_db_config(c->db, options[i].option, options[i].value, (int *)NULL);

        if (rc != SQLITE_OK)
            return rc;
    }
    set_limits(c->db);
    sqlite3_extended_result_codes(c->db, 1);
    return sqlite3_busy_timeout(c->db, c->patience ? c->patience : BUSY_MILLISECONDS);
}

static int count_frames(void *ctx, sqlite3 *db, const char *name, int frames)
{
    ((struct hf_container *)ctx)->log_frames = (uint64_t)frames;
    return SQLITE_OK;
}

/* Write-ahead log on local file systems, rollback journal elsewhere; the file's header says which one it was last. */
static int choose_journal(struct hf_container *c, struct hf_error *err)
{
    int r;

    c->wal = c->place.local;
    if (c->wal) {
        r = hf_sql_exec(c, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0", err,
                        "switch the log on");
        sqlite3_wal_hook(c->db, count_frames, c);
        return r;
    }
    /* Leaving the log needs nobody else; the index of one that was left must not touch shared memory. */
    return hf_sql_exec(c,
                       "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL;"
                       "PRAGMA synchronous = EXTRA; SELECT count(*) FROM sqlite_schema",
                       err, "switch the journal on");
}

static int settle_in(struct hf_container *c, enum hf_connection how, struct hf_error *err)
{
    char sql[160];
    int r = 0;

    /* Before anything that reads: then the log's index is kept in memory and no file is made for it. */
    if (how == HF_CONNECT_PRIVATE)
        r = hf_sql_exec(c, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON", err, "open");
    if (r == 0)
        r = hf_sql_exec(c,
                        "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -1024;"
                        "PRAGMA temp_store = MEMORY",
                        err, "open");
    if (r == 0 && how == HF_CONNECT_BUILD)
        r = hf_sql_exec(c, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL",
                        err, "open");
    if (r == 0 && how == HF_CONNECT_WRITE)
        r = choose_journal(c, err);
    if (r == 0 && (how == HF_CONNECT_WRITE || how == HF_CONNECT_BUILD)) {
        snprintf(sql, sizeof sql, "PRAGMA max_page_count = %u", HF_CONTAINER_MAX / 4096);
        r = hf_sql_exec(c, sql, err, "open");
    }
    return r;
}

int hf_connect(struct hf_container *c, enum hf_connection how, struct hf_error *err)
{
    static const struct {
        int flags;
        const char *query;
    } ways[] = {
        [HF_CONNECT_FROZEN] = {SQLITE_OPEN_READONLY, "?immutable=1"},
        [HF_CONNECT_PRIVATE] = {SQLITE_OPEN_READWRITE, ""},
        [HF_CONNECT_SHARED] = {SQLITE_OPEN_READONLY, ""},
        [HF_CONNECT_COPY] = {SQLITE_OPEN_READWRITE, ""},
        [HF_CONNECT_WRITE] = {SQLITE_OPEN_READWRITE, ""},
        [HF_CONNECT_BUILD] = {SQLITE_OPEN_READWRITE, ""},
    };
    char uri[URI_SIZE];
    int rc, r;

    make_uri(c->place.path, ways[how].query, uri);
    rc = sqlite3_open_v2(uri, &c->db,
                         ways[how].flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX |
                             SQLITE_OPEN_PRIVATECACHE,
                         NULL);
    if (rc == SQLITE_OK)
        rc = harden(c, how);
    r = rc == SQLITE_OK ? settle_in(c, how, err) : hf_sql_error(c, rc, err, "open");
    c->frozen = how == HF_CONNECT_FROZEN;
    if (r < 0)
        (void)hf_disconnect(c, NULL);
    else
        (void)sqlite3_busy_timeout(c->db, BUSY_MILLISECONDS);
    return r;
}

int hf_disconnect(struct hf_container *c, struct hf_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc;

    if (!c->db)
        return 0;
    while ((s = sqlite3_next_stmt(c->db, NULL)))
        sqlite3_finalize(s);
    memset(c->statements, 0, sizeof c->statements);
    memset(c->walking, 0, sizeof c->walking);
    c->begin = c->commit = c->rollback = c->ledger_get = c->ledger_set = NULL;
    hf_ledger_forget(c);
    rc = sqlite3_close(c->db);
    c->db = NULL;
    return rc == SQLITE_OK ? 0 : hf_error_set(err, HF_EIO, "%s: cannot close: %s", c->place.path, sqlite3_errstr(rc));
}

static const char *is_kind(const char *type)
{
    static const char *const kinds[] = {"table", "index", "view", "trigger"};

    for (size_t i = 0; type && i < HF_ARRAY_SIZE(kinds); i++)
        if (strcmp(type, kinds[i]) == 0)
            return kinds[i];
    return "object";
}

static int verify_statement(struct hf_container *c, sqlite3_stmt *s, unsigned at, struct hf_error *err)
{
    const char *type = (const char *)sqlite3_column_text(s, 0), *sql = (const char *)sqlite3_column_text(s, 2);
    const char *given = (const char *)sqlite3_column_text(s, 1);
    char name[64];

    first_line(given ? given : "", name, sizeof name);

    if (!hf_schema[at])
        return hf_error_refuse(err, "foreign", "%s: not a container: unknown %s '%s'", c->place.path, is_kind(type),
                               name);
    if (!type || !sql || strcmp(type, "table") != 0 || strcmp(sql, hf_schema[at]) != 0 ||
        sqlite3_column_bytes(s, 2) != (int)strlen(hf_schema[at]))
        return hf_error_refuse(err, "foreign", "%s: not a container: %s '%s' differs from schema.sql", c->place.path,
                               is_kind(type), name);
    return 0;
}

int hf_schema_verify(struct hf_container *c, struct hf_error *err)
{
    sqlite3_stmt *s = NULL;
    unsigned at = 0;
    int r = 0, rc = sqlite3_prepare_v2(c->db, "SELECT type, name, sql FROM sqlite_schema ORDER BY rowid", -1, &s, NULL);

    while (r == 0 && rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        r = verify_statement(c, s, at++, err);
    if (rc == SQLITE_OK)
        rc = sqlite3_reset(s);
    sqlite3_finalize(s);
    if (r == 0 && rc != SQLITE_OK)
        r = hf_sql_error(c, rc, err, "read the schema");
    if (r == 0 && hf_schema[at])
        r = hf_error_refuse(err, "foreign", "%s: not a container: it has only %u of the tables", c->place.path, at);
    return r;
}
