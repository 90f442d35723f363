/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "inside.h"

#define NAMED_MAX 64

/* These tables are small: no index, whose damage would have to be noticed too. 1: rows stands on the name. */
static int find(struct hf_container *c, enum hf_table table, const char *name, struct hf_rows *rows,
                struct hf_error *err)
{
    int r = hf_rows_open(c, table, 0, INT64_MAX, rows, err);

    while (r == 0) {
        r = hf_rows_next(rows, err);
        if (r <= 0)
            return r;
        r = rows->v[0].size == strlen(name) && memcmp(rows->v[0].p, name, rows->v[0].size) == 0;
    }
    return r;
}

int hf_named_get(struct hf_container *c, enum hf_table table, const char *name, char *value, size_t size,
                 struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = find(c, table, name, &rows, err);

    if (r <= 0)
        return r;
    r = hf_row_text(&rows, 1, value, size, err);
    return r < 0 ? r : 1;
}

int hf_named_set(struct hf_container *c, enum hf_table table, const char *name, const char *value, struct hf_error *err)
{
    struct hf_value v[2] = {hf_text(name), hf_text(value)};
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = find(c, table, name, &rows, err);
    int64_t id = rows.id;

    if (r < 0)
        return r;
    hf_rows_close(&rows);
    if (r == 0)
        r = hf_row_next_id(c, table, &id, err);
    if (r >= 0 && id > NAMED_MAX * 16)
        return hf_error_refuse(err, "state", "table '%s': full; no space for '%s'", hf_table_name(table), name);
    return r < 0 ? r : hf_row_put(c, table, id, v, err);
}

int hf_named_clear(struct hf_container *c, enum hf_table table, const char *name, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = find(c, table, name, &rows, err);
    int64_t id = rows.id;

    hf_rows_close(&rows);
    if (r <= 0)
        return r;
    r = hf_row_delete(c, table, id, err);
    return r < 0 ? r : 0;
}
