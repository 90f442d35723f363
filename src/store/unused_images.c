/* SPDX-License-Identifier: BSD-2-Clause */
#include "images.h"

#include "inside.h"

/* Whether any slot, ROM or snapshot names this image. */
static int is_used(struct hf_container *c, int64_t id, struct hf_error *err)
{
    static const struct {
        enum hf_table table;
        uint8_t columns[2], count;
    } users[] = {{HF_T_SLOT, {0, 1}, 2}, {HF_T_ROM, {0}, 1}, {HF_T_SNAPSHOT, {2}, 1}};

    for (size_t i = 0; i < HF_ARRAY_SIZE(users); i++) {
        struct hf_rows rows hf_auto(hf_rows_close) = {0};
        int r = hf_rows_open(c, users[i].table, 0, INT64_MAX, &rows, err);

        while (r == 0 && (r = hf_rows_next(&rows, err)) > 0) {
            for (unsigned k = 0; k < users[i].count; k++)
                if (rows.v[users[i].columns[k]].type == HF_INT && rows.v[users[i].columns[k]].n == id)
                    return 1;
            r = 0;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int next_image(struct hf_container *c, int64_t after, int64_t *id, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rows_open(c, HF_T_IMAGE, after + 1, INT64_MAX, &rows, err);

    if (r == 0)
        r = hf_rows_next(&rows, err);
    if (r > 0)
        *id = rows.id;
    return r;
}

int hf_image_collect(struct hf_container *c, size_t *removed, struct hf_error *err)
{
    size_t n = 0;
    int64_t id = 0;
    int r = hf_may_change(c, err);

    if (r < 0)
        return r;
    while ((r = next_image(c, id, &id, err)) > 0) {
        r = is_used(c, id, err);
        if (r < 0)
            return r;
        if (r > 0)
            continue;
        r = hf_rows_delete(c, HF_T_CHUNK, HF_CHUNK_ID(id, 0), HF_CHUNK_ID(id, 0xffff), err);
        if (r == 0)
            r = hf_row_delete(c, HF_T_IMAGE, id, err);
        if (r < 0)
            return r;
        n++;
    }
    if (r == 0)
        *removed = n;
    return r;
}
