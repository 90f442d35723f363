/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "contract.h"
#include "counter.h"
#include "eventlog.h"
#include "format.h"
#include "inside.h"
#include "reserve.h"
#include "roms.h"
#include "settings.h"
#include "snapshots.h"

struct checking {
    struct hf_container *c;
    void (*finding)(void *ctx, const char *line);
    void *ctx;
    struct hf_check_report report;
    struct hf_event before; /* of the log's walk */
    int unable;             /* the first error that is no finding: something could not be looked at */
    struct hf_error why;
};

static void tell(struct checking *k, const char *line)
{
    k->report.findings++;
    k->finding(k->ctx, line);
}

static void tellf(struct checking *k, const char *fmt, ...) HF_PRINTF(2, 3);
static void tellf(struct checking *k, const char *fmt, ...)
{
    char line[HF_ERROR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    hf_vformat(line, sizeof line, fmt, ap);
    va_end(ap);
    tell(k, line);
}

/* A function's own error is the finding, unless it says nothing about the container. */
static void tell_error(struct checking *k, int r, const struct hf_error *err)
{
    if (r >= 0)
        return;
    if (r != -HF_ENOMEM && r != -HF_ETIMEDOUT) {
        tell(k, err->text);
    } else if (!k->unable) {
        k->unable = r;
        k->why = *err;
    }
}

/* SQLite gives several findings in one text, below a headline. How many; told when `telling`. */
static unsigned read_lines(struct checking *k, const char *text, bool telling)
{
    unsigned count = 0;

    while (text && *text) {
        int n = (int)strcspn(text, "\n");
        bool finding = n > 0 && strncmp(text, "***", 3) != 0 && strcmp(text, "ok") != 0;

        if (finding && telling)
            tellf(k, "%s: structure: %.*s", k->c->place.path, n, text);
        count += finding;
        text += n + (text[n] == '\n');
    }
    return count;
}

static unsigned walk_structure(struct checking *k, bool telling)
{
    struct hf_error err;
    sqlite3_stmt *s = NULL;
    unsigned count = 0;
    int rc = sqlite3_prepare_v2(k->c->db, "PRAGMA integrity_check(50)", -1, &s, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        count += read_lines(k, (const char *)sqlite3_column_text(s, 0), telling);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE)
        tell_error(k, hf_sql_error(k->c, rc, &err, "check the structure"), &err);
    sqlite3_finalize(s);
    return count;
}

/* To SQLite a page that it has no memory for looks as one that is not there. What is damaged is so the second time. */
static void check_structure(struct checking *k)
{
    if (walk_structure(k, false) > 0)
        (void)walk_structure(k, true);
}

static bool is_orphan(struct checking *k, enum hf_table table, int64_t id)
{
    enum hf_table parent = table == HF_T_CHUNK ? HF_T_IMAGE : table == HF_T_KEPT ? HF_T_SNAPSHOT : HF_T_BANK;
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_error err;
    int r;

    if (table == HF_T_CHUNK && id >= HF_RESERVE_FIRST)
        return false;
    r = hf_row_find(k->c, parent, table == HF_T_CHUNK ? id >> 16 : id >> 32, &rows, &err);
    tell_error(k, r, &err);
    return r == 0;
}

static void count_row(struct checking *k, const struct hf_rows *rows)
{
    k->report.rows++;
    for (unsigned i = 0; i < HF_COLUMNS_MAX; i++)
        if (rows->v[i].type == HF_TEXT || rows->v[i].type == HF_BLOB)
            k->report.bytes += rows->v[i].size;
}

static void check_rows(struct checking *k, enum hf_table table)
{
    bool owned = table == HF_T_CHUNK || table == HF_T_KEPT || table == HF_T_PAGE;
    struct hf_error err;
    int64_t last = INT64_MIN;
    int r;

    r = hf_ledger_verify_table(k->c, table, &err);
    tell_error(k, r, &err);
    for (;;) {
        struct hf_rows rows hf_auto(hf_rows_close) = {0};

        r = hf_rows_open(k->c, table, last, INT64_MAX, &rows, &err);
        while (r == 0 && (r = hf_rows_next(&rows, &err)) > 0) {
            count_row(k, &rows);
            if (owned && is_orphan(k, table, rows.id))
                tellf(k, "%s: row %lld of table '%s' is not referenced", k->c->place.path, (long long)rows.id,
                      hf_table_name(table));
            last = rows.id;
            r = 0;
        }
        if (r == 0)
            return;
        tell_error(k, r, &err);
        if (!rows.statement || rows.id < last || rows.id == INT64_MAX)
            return; /* the table cannot be walked any further */
        last = rows.id + 1;
    }
}

static void check_images(struct checking *k)
{
    struct hf_image list[HF_IMAGES_MAX];
    struct hf_error err;
    size_t count = 0;
    int r = hf_image_list(k->c, list, &count, &err);

    tell_error(k, r, &err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        tell_error(k, hf_image_verify(k->c, &list[i].digest, &err), &err);
        k->report.images++;
    }
}

static void check_slots(struct checking *k)
{
    struct hf_rom roms[HF_ROMS_MAX];
    struct hf_slot_info info;
    struct hf_error err;
    size_t count;

    for (enum hf_slot slot = HF_SLOT_ACTIVE; slot <= HF_SLOT_FALLBACK; slot++) {
        int r = hf_slot_get(k->c, slot, &info, &err);

        if (r != -HF_ENOTFOUND)
            tell_error(k, r, &err);
        tell_error(k, hf_rom_list(k->c, slot, roms, &count, &err), &err);
    }
}

static void check_banks(struct checking *k)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_error err;
    uint64_t size = 0;
    int r = hf_bank_size(k->c, HF_BANK_CODE, &size, &err);

    if (r != -HF_ENOTFOUND)
        tell_error(k, r, &err);
    size = 0;
    r = hf_bank_size(k->c, HF_BANK_VARS, &size, &err);
    if (r != -HF_ENOTFOUND)
        tell_error(k, r, &err);
    r = hf_rows_open(k->c, HF_T_PAGE, HF_PAGE_ID(HF_BANK_VARS, size / HF_PAGE_SIZE), INT64_MAX, &rows, &err);
    if (r == 0)
        r = hf_rows_next(&rows, &err);
    tell_error(k, r, &err);
    if (r > 0)
        tellf(k, "%s: page beyond the end of bank 'vars'", k->c->place.path);
}

static void check_snapshots(struct checking *k)
{
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    struct hf_digest digest;
    struct hf_error err;
    size_t count = 0;
    int r = hf_snapshot_list(k->c, list, &count, &err);

    tell_error(k, r, &err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!list[i].has_vars)
            continue;
        r = hf_pages_digest(k->c, HF_T_KEPT, list[i].id, list[i].size, &digest, &err);
        tell_error(k, r, &err);
        if (r == 0 && !hf_digest_equal(&digest, &list[i].vars))
            tellf(k, "%s: the variables of snapshot %lld do not match their digest", k->c->place.path,
                  (long long)list[i].id);
    }
}

static int check_event(void *ctx, const struct hf_event *event)
{
    struct checking *k = (struct checking *)ctx;
    struct hf_digest hash = hf_event_hash(event);

    if (k->before.seq != 0 && (event->seq != k->before.seq + 1 || !hf_digest_equal(&event->before, &k->before.hash)))
        tellf(k, "%s: event %lld does not follow event %lld", k->c->place.path, (long long)event->seq,
              (long long)k->before.seq);
    if (!hf_digest_equal(&hash, &event->hash))
        tellf(k, "%s: event %lld does not match its hash", k->c->place.path, (long long)event->seq);
    k->before = *event;
    return 0;
}

static int no_check(void *ctx, const struct hf_contract *contract)
{
    return 0;
}

static void check_meaning(struct checking *k, bool all)
{
    char value[HF_SETTING_VALUE_SIZE];
    struct hf_guest guest;
    struct hf_owner owner;
    struct hf_error err;

    tell_error(k, hf_guest_get(k->c, &guest, &err), &err);
    tell_error(k, hf_owner_get(k->c, &owner, &err), &err);
    for (const struct hf_setting *s = hf_settings(); s->key; s++)
        tell_error(k, hf_setting_get(k->c, s->key, value, &err), &err);
    tell_error(k, hf_contract_list(k->c, no_check, NULL, &err), &err);
    tell_error(k, hf_event_list(k->c, 0, check_event, k, &err), &err);
    check_slots(k);
    check_banks(k);
    if (!all)
        return;
    check_images(k);
    check_snapshots(k);
}

static void check_all(struct checking *k)
{
    check_structure(k);
    for (unsigned table = 1; table < HF_TABLES; table++)
        check_rows(k, (enum hf_table)table);
    check_meaning(k, true);
}

void hf_check_handle(struct hf_container *c, bool all, void (*finding)(void *ctx, const char *line), void *ctx)
{
    struct checking k = {.c = c, .finding = finding, .ctx = ctx};

    if (all)
        check_all(&k);
    else
        check_meaning(&k, false);
    if (k.unable)
        tell(&k, k.why.text); /* the caller uses only what is sound */
}

static int open_for_check(struct checking *k, const char *path, struct hf_error *err)
{
    const struct hf_open_request survey = {
        .mode = HF_OPEN_LOOK, .lock_fd = -1, .accept_loss = true, .survey = true, .quiet = true};
    int r = hf_container_open_quiet(path, 0, &k->c, err);

    if (r == 0)
        return 0;
    tell_error(k, r, err);
    return r == -HF_EDAMAGED && hf_open(path, &survey, &k->c, NULL) == 0 ? 0 : r;
}

int hf_check(const char *path, void (*finding)(void *ctx, const char *line), void *ctx, struct hf_check_report *report,
             struct hf_error *err)
{
    struct checking k = {.finding = finding, .ctx = ctx};
    int r = open_for_check(&k, path, err);

    if (r < 0)
        return r;
    r = hf_begin(k.c, err);
    if (r == 0) {
        check_all(&k);
        *report = k.report;
        r = k.unable;
        if (r < 0 && err)
            *err = k.why;
    }
    hf_container_done(&k.c);
    return r;
}

/* The log that does not belong to the file is kept beside it. */
static int put_aside(struct hf_container *c, int64_t now, struct hf_error *err)
{
    char from[PATH_MAX], to[PATH_MAX + 32];

    hf_place_beside(&c->place, "-wal", from);
    snprintf(to, sizeof to, "%s.lost-%lld", from, (long long)now);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
        return hf_error_set(err, HF_EIO, "cannot keep %s as %s: %s", from, to, strerror(errno));
    return hf_place_sync_dir(&c->place, err);
}

/* Sound without what is lost? And is there a log to be put aside? */
static int survey_loss(const char *path, int64_t now, struct hf_error *err)
{
    const struct hf_open_request request = {.mode = HF_OPEN_LOOK, .now = now, .lock_fd = -1, .accept_loss = true};
    struct hf_container *c hf_auto(hf_container_done) = NULL;
    int r = hf_container_open(path, HF_OPEN_LOOK, now, &c, err);

    if (r == 0)
        return hf_error_refuse(err, "nothing-lost", "%s: nothing is lost; --accept-loss is not needed", path);
    if (r != -HF_EDAMAGED)
        return r;
    r = hf_open(path, &request, &c, err);
    return r < 0 || !c->log_lost || c->place.log_size == 0 ? r : put_aside(c, now, err);
}

static int note_loss(struct hf_container *c, int64_t now, struct hf_error *err)
{
    struct hf_ledger_row *commits = &c->ledger[HF_LEDGER_COMMITS];
    uint64_t seen = 0;
    int r = hf_counter_look(c->id, &seen, err);

    if (r == 0)
        r = hf_begin_unowned(c, err);
    if (r < 0)
        return r;
    r = hf_event_append(c, now, "loss-accepted", err,
                        "continues from commit %lld; %llu were made since the host booted", (long long)commits->rows,
                        (unsigned long long)seen);
    if (commits->rows < (int64_t)seen)
        commits->rows = (int64_t)seen;
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}

/* Also a copy that is being received, or was given away and not heard of: nothing goes on with it while it is damaged, and
 * whose it is stays as it is. */
static int open_lossy(const char *path, int64_t now, struct hf_container **c, struct hf_error *err)
{
    struct hf_open_request request = {.mode = HF_OPEN_EDIT, .now = now, .lock_fd = -1, .accept_loss = true};
    struct hf_error own = {.code = HF_OK};
    int r = hf_open(path, &request, c, &own);

    if (r < 0 && (hf_error_is_rule(&own, "incoming") || hf_error_is_rule(&own, "granted"))) {
        request.any_owner = true;
        return hf_open(path, &request, c, err);
    }
    if (r < 0 && err)
        *err = own;
    return r;
}

int hf_check_accept_loss(const char *path, int64_t now, struct hf_error *err)
{
    struct hf_container *c;
    int r = survey_loss(path, now, err);

    if (r == 0)
        r = open_lossy(path, now, &c, err);
    if (r < 0)
        return r;
    r = note_loss(c, now, err);
    if (r < 0) {
        hf_container_done(&c);
        return r;
    }
    return hf_container_close(c, err);
}
