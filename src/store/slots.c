/* SPDX-License-Identifier: BSD-2-Clause */
#include "slots.h"

#include <string.h>

#include "inside.h"
#include "snapshots.h"

const char *hf_slot_text(enum hf_slot slot)
{
    static const char *const texts[] = {"unknown", "active", "staged", "fallback"};

    return (unsigned)slot < HF_ARRAY_SIZE(texts) ? texts[slot] : texts[0];
}

static int resolve(struct hf_container *c, const struct hf_rows *rows, struct hf_slot_info *s, struct hf_error *err)
{
    struct hf_image image;
    int r = hf_image_by_id(c, rows->v[0].n, &image, err);

    if (r < 0)
        return r;
    if (image.kind != HF_IMAGE_CODE)
        return hf_damaged(c, err, "slot %lld runs an image of kind %s", (long long)rows->id,
                          hf_image_kind_text(image.kind));
    s->code = image.digest;
    s->has_vars = rows->v[1].type == HF_INT;
    if (!s->has_vars)
        return 0;
    r = hf_image_by_id(c, rows->v[1].n, &image, err);
    if (r == 0)
        s->vars = image.digest;
    return r;
}

int hf_slot_get(struct hf_container *c, enum hf_slot slot, struct hf_slot_info *info, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_slot_info s = {0};
    int r = hf_row_find(c, HF_T_SLOT, slot, &rows, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: no firmware is %s", c->place.path, hf_slot_text(slot));
    if (r > 0)
        r = hf_row_text(&rows, 4, s.label, sizeof s.label, err);
    if (r == 0)
        r = hf_row_text(&rows, 5, s.origin, sizeof s.origin, err);
    if (r < 0)
        return r;
    s.snapshot = rows.v[2].type == HF_INT ? rows.v[2].n : 0;
    s.since = rows.v[3].n;
    r = resolve(c, &rows, &s, err);
    if (r == 0)
        *info = s;
    return r;
}

static int need_image(struct hf_container *c, const struct hf_digest *digest, enum hf_image_kind kind, int64_t *id,
                      struct hf_error *err)
{
    struct hf_image image;
    int r = hf_image_get(c, digest, &image, err);

    if (r == 0 && image.kind != kind)
        r = hf_error_set(err, HF_EUSAGE, "image '%s': kind %s instead of %s", image.name,
                         hf_image_kind_text(image.kind), hf_image_kind_text(kind));
    if (r < 0)
        return r;
    r = hf_image_id(c, digest, id, err);
    return r < 0 ? r : 0;
}

int hf_slot_set(struct hf_container *c, enum hf_slot slot, const struct hf_slot_info *info, struct hf_error *err)
{
    struct hf_snapshot snapshot;
    int64_t code, vars = 0;
    int r = hf_may_change(c, err);

    if (r == 0)
        r = need_image(c, &info->code, HF_IMAGE_CODE, &code, err);
    if (r == 0 && info->has_vars)
        r = need_image(c, &info->vars, HF_IMAGE_VARS, &vars, err);
    if (r == 0 && info->snapshot != 0)
        r = hf_snapshot_get(c, info->snapshot, &snapshot, err);
    if (r < 0)
        return r;
    const struct hf_value v[] = {
        hf_int(code),
        info->has_vars ? hf_int(vars) : hf_null(),
        info->snapshot ? hf_int(info->snapshot) : hf_null(),
        hf_int(info->since),
        hf_text(info->label),
        hf_text(info->origin),
    };
    return hf_row_put(c, HF_T_SLOT, slot, v, err);
}

int hf_slot_clear(struct hf_container *c, enum hf_slot slot, struct hf_error *err)
{
    int r = hf_may_change(c, err);

    if (r == 0)
        r = hf_row_delete(c, HF_T_SLOT, slot, err);
    return r < 0 ? r : 0;
}
