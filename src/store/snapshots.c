/* SPDX-License-Identifier: BSD-2-Clause */
#include "snapshots.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "inside.h"
#include "settings.h"
#include "state.h"

static int is_pinned(struct hf_container *c, int64_t id, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rows_open(c, HF_T_SLOT, 0, INT64_MAX, &rows, err);

    while (r == 0 && (r = hf_rows_next(&rows, err)) > 0) {
        if (rows.v[2].type == HF_INT && rows.v[2].n == id)
            return 1;
        r = 0;
    }
    return r;
}

static int read_snapshot(const struct hf_rows *rows, struct hf_snapshot *snapshot, struct hf_error *err)
{
    const struct hf_value *v = rows->v;
    struct hf_snapshot s = {.id = rows->id, .taken = v[0].n, .size = (uint64_t)v[3].n};
    struct hf_image image;
    int r = hf_row_text(rows, 1, s.reason, sizeof s.reason, err);

    if (r < 0)
        return r;
    if (s.id <= 0 || s.id > INT32_MAX || v[3].n < 0 || v[3].n > HF_BANK_SIZE_MAX || v[3].n % HF_PAGE_SIZE ||
        (v[4].type == HF_BLOB && v[4].size != HF_DIGEST_SIZE) || (v[4].type == HF_BLOB) != (v[3].n > 0))
        return hf_damaged(rows->c, err, "snapshot %lld of %lld bytes", (long long)s.id, (long long)v[3].n);
    s.has_vars = v[4].type == HF_BLOB;
    if (s.has_vars)
        memcpy(s.vars.b, v[4].p, HF_DIGEST_SIZE);
    s.has_code = v[2].type == HF_INT;
    if (s.has_code) {
        r = hf_image_by_id(rows->c, v[2].n, &image, err);
        if (r < 0)
            return r;
        s.code = image.digest;
    }
    r = is_pinned(rows->c, s.id, err);
    if (r < 0)
        return r;
    s.pinned = r > 0;
    *snapshot = s;
    return 0;
}

int hf_snapshot_get(struct hf_container *c, int64_t id, struct hf_snapshot *snapshot, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_row_find(c, HF_T_SNAPSHOT, id, &rows, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: snapshot %lld not found", c->place.path, (long long)id);
    return r < 0 ? r : read_snapshot(&rows, snapshot, err);
}

int hf_snapshot_list(struct hf_container *c, struct hf_snapshot list[HF_SNAPSHOTS_MAX], size_t *count,
                     struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    size_t n = 0;
    int r = hf_rows_open(c, HF_T_SNAPSHOT, 0, INT64_MAX, &rows, err);

    while (r == 0) {
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            break;
        if (n == HF_SNAPSHOTS_MAX)
            return hf_damaged(c, err, "too many snapshots; the limit is %d", HF_SNAPSHOTS_MAX);
        r = read_snapshot(&rows, &list[n++], err);
    }
    if (r == 0)
        *count = n;
    return r;
}

static int drop(struct hf_container *c, int64_t id, struct hf_error *err)
{
    int r = hf_pages_drop(c, HF_T_KEPT, id, 0, err);

    if (r == 0)
        r = hf_row_delete(c, HF_T_SNAPSHOT, id, err);
    return r < 0 ? r : 0;
}

int hf_snapshot_delete(struct hf_container *c, int64_t id, struct hf_error *err)
{
    struct hf_snapshot s;
    int r = hf_may_change(c, err);

    if (r == 0)
        r = hf_snapshot_get(c, id, &s, err);
    if (r == 0 && s.pinned)
        r = hf_error_refuse(err, "snapshots", "%s: snapshot %lld is in use: a rollback needs its variables",
                            c->place.path, (long long)id);
    return r < 0 ? r : drop(c, id, err);
}

/* Room for one more: the oldest that no slot needs go. */
static int make_room(struct hf_container *c, struct hf_error *err)
{
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    int64_t keep = 0;
    size_t listed = 0, count;
    int r = hf_snapshot_list(c, list, &listed, err);

    if (r == 0)
        r = hf_setting_number(c, "snapshots", &keep, err);
    count = listed;
    for (size_t i = 0; r == 0 && i < listed && count >= (size_t)keep; i++) {
        if (list[i].pinned)
            continue;
        r = drop(c, list[i].id, err);
        count--;
    }
    if (r == 0 && count >= HF_SNAPSHOTS_MAX)
        r = hf_error_refuse(err, "snapshots", "%s: all %zu snapshots are in use by slots; none can be deleted",
                            c->place.path, count);
    return r;
}

static int put_row(struct hf_container *c, int64_t id, const char *reason, int64_t now, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_value code = hf_null(), vars = hf_null();
    struct hf_digest digest;
    char text[HF_SNAPSHOT_REASON_SIZE];
    uint64_t size = 0;
    int r = hf_row_find(c, HF_T_SLOT, HF_SLOT_ACTIVE, &rows, err);

    if (r > 0)
        code = hf_int(rows.v[0].n);
    hf_rows_close(&rows);
    if (r >= 0)
        r = hf_bank_size(c, HF_BANK_VARS, &size, err);
    if (r == 0) {
        r = hf_bank_digest(c, HF_BANK_VARS, &digest, err);
        vars = hf_blob(digest.b, HF_DIGEST_SIZE);
    } else if (r == -HF_ENOTFOUND) {
        r = 0;
    }
    if (r < 0)
        return r;
    snprintf(text, sizeof text, "%s", reason);
    const struct hf_value v[] = {hf_int(now), hf_text(text), code, hf_int((int64_t)size), vars};
    return hf_row_put(c, HF_T_SNAPSHOT, id, v, err);
}

int hf_snapshot_take(struct hf_container *c, const char *reason, int64_t now, int64_t *id, struct hf_error *err)
{
    int64_t last;
    int r = hf_may_change(c, err);

    if (r == 0)
        r = make_room(c, err);
    if (r == 0)
        r = hf_state_number(c, "snapshot.last", 0, &last, err);
    if (r == 0)
        r = hf_state_set_number(c, "snapshot.last", last + 1, err);
    if (r == 0)
        r = put_row(c, last + 1, reason, now, err);
    if (r == 0)
        r = hf_pages_copy(c, HF_T_PAGE, HF_BANK_VARS, HF_T_KEPT, last + 1, err);
    if (r == 0)
        *id = last + 1;
    return r;
}

int hf_snapshot_read(struct hf_container *c, int64_t id, uint64_t offset, void *buf, size_t size, struct hf_error *err)
{
    struct hf_snapshot s;
    int r = hf_snapshot_get(c, id, &s, err);

    if (r == 0 && (offset > s.size || size > s.size - offset))
        r = hf_error_set(err, HF_EUSAGE, "bytes %llu to %llu are outside snapshot %lld of %llu",
                         (unsigned long long)offset, (unsigned long long)(offset + size), (long long)id,
                         (unsigned long long)s.size);
    return r < 0 ? r : hf_pages_read(c, HF_T_KEPT, id, offset, buf, size, err);
}

int hf_snapshot_restore(struct hf_container *c, int64_t id, struct hf_error *err)
{
    struct hf_digest digest;
    struct hf_snapshot s;
    int r = hf_may_change(c, err);

    if (r == 0)
        r = hf_snapshot_get(c, id, &s, err);
    if (r == 0)
        r = hf_bank_resize(c, HF_BANK_VARS, s.size, err);
    if (r == 0)
        r = hf_pages_copy(c, HF_T_KEPT, id, HF_T_PAGE, HF_BANK_VARS, err);
    if (r < 0 || !s.has_vars)
        return r;
    r = hf_bank_digest(c, HF_BANK_VARS, &digest, err);
    if (r == 0 && !hf_digest_equal(&digest, &s.vars))
        r = hf_damaged(c, err, "the variables of snapshot %lld do not match their digest", (long long)id);
    return r;
}
