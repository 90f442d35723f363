/* SPDX-License-Identifier: BSD-2-Clause */
/* A record of a state that was received: a row to be put or deleted. */
#include <string.h>

#include "images.h"
#include "inside.h"
#include "rows.h"
#include "transfer_rows.h"

int hf_transfer_invalid(const struct hf_cursor *in, const char *what, struct hf_error *err)
{
    return hf_error_set(err, HF_EPROTO, "received container state: invalid at byte %zu: %s", in->at, what);
}

static bool read_value(struct hf_cursor *in, char type, struct hf_value *v)
{
    uint8_t kind = hf_cursor_u8(in);
    uint32_t size;

    switch (kind) {
    case HF_NULL:
        *v = hf_null();
        return type < 'a';
    case HF_INT:
        *v = hf_int((int64_t)hf_cursor_be64(in));
        return (type | 32) == 'i';
    case HF_TEXT:
    case HF_BLOB:
        size = hf_cursor_be32(in);
        *v = (struct hf_value){.type = (enum hf_type)kind, .p = hf_cursor_take(in, size), .size = size};
        return (type | 32) == (kind == HF_TEXT ? 't' : 'b');
    default:
        return false;
    }
}

/* The digest that an image's row names; false when there is no such row, or it is not one. */
static bool digest_of_row(struct hf_container *c, int64_t id, struct hf_digest *digest)
{
    struct hf_image image;

    if (hf_image_by_id(c, id, &image, NULL) < 0)
        return false;
    *digest = image.digest;
    return true;
}

static int drop_chunks(struct hf_container *c, int64_t image, struct hf_error *err)
{
    return image > 0 && image <= INT32_MAX
               ? hf_rows_delete(c, HF_T_CHUNK, HF_CHUNK_ID(image, 0), HF_CHUNK_ID(image, 0xffff), err)
               : 0;
}

/* The row's own constraints are SQLite's to hold; a row that breaks them is the peer's fault. */
static int put_row(struct hf_container *c, unsigned table, int64_t id, const struct hf_value *v, struct hf_error *err)
{
    struct hf_digest was;
    int r = 0;

    if (table == HF_T_IMAGE && digest_of_row(c, id, &was) &&
        (v[0].size != sizeof was.b || memcmp(v[0].p, was.b, sizeof was.b) != 0))
        r = drop_chunks(c, id, err);
    if (r == 0)
        r = hf_row_put(c, (enum hf_table)table, id, v, err);
    if (r < 0 && (sqlite3_errcode(c->db) & 0xff) == SQLITE_CONSTRAINT)
        r = hf_error_set(err, HF_EPROTO, "received container state: invalid row %lld of table '%s'", (long long)id,
                         hf_table_name(table));
    return r;
}

static int delete_row(struct hf_container *c, unsigned table, int64_t id, struct hf_error *err)
{
    int r = table == HF_T_IMAGE ? drop_chunks(c, id, err) : 0;

    if (r == 0)
        r = hf_row_delete(c, (enum hf_table)table, id, err);
    return r < 0 ? r : 0;
}

int hf_transfer_record_apply(struct hf_container *c, struct hf_cursor *in, unsigned *touched, struct hf_error *err)
{
    struct hf_value v[HF_COLUMNS_MAX];
    struct hf_transfer_record record;
    const char *types;
    int64_t id;

    hf_cursor_copy(in, &record, sizeof record);
    id = (int64_t)hf_be64_get(record.id);
    if (in->bad || (record.what != HF_TRANSFER_PUT && record.what != HF_TRANSFER_DELETE) ||
        !hf_transfer_travels(record.table))
        return hf_transfer_invalid(in, "no row starts here", err);
    *touched |= 1U << record.table;
    if (record.what == HF_TRANSFER_DELETE)
        return delete_row(c, record.table, id, err);
    types = hf_table_types(record.table);
    for (size_t i = 0; types[i]; i++)
        if (!read_value(in, types[i], &v[i]) || in->bad)
            return hf_transfer_invalid(in, "a column of the wrong type, or truncated", err);
    return put_row(c, record.table, id, v, err);
}
