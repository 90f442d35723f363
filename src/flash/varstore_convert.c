/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/varstore.h>

#include <string.h>

#include "var_record.h"
#include "varstore_header.h"

const struct hf_var *hf_varstore_missing(const struct hf_varstore *a, const struct hf_varstore *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct hf_var *v = &a->vars[i], *other = hf_varstore_find(b, &v->guid, v->name, v->name_size);

        if (!other || !hf_var_equal(v, other))
            return v;
    }
    return NULL;
}

int hf_varstore_convert(const struct hf_varstore *from, enum hf_layout layout, void *out, size_t out_size,
                        struct hf_var *to_vars, size_t capacity, struct hf_varstore *to, struct hf_error *err)
{
    size_t first = sizeof(struct hf_volume_header) + sizeof(struct hf_store_header), need = 0, room;
    uint8_t *p = (uint8_t *)out + first;
    int r;

    r = hf_varstore_format(out, out_size, layout, err);
    if (r < 0)
        return r;
    room = hf_layout_info(layout)->vars_size - first;
    for (size_t i = 0; i < from->count; i++)
        need += hf_var_footprint(&from->vars[i], /* authenticated= */ true);
    if (need > room)
        return hf_error_set(err, HF_ENOSPC,
                            "%zu variables need %zu bytes and the %s layout has %zu: %zu too many; remove variables "
                            "first (dbx is often the largest)",
                            from->count, need, hf_layout_name(layout), room, need - room);
    for (size_t i = 0; i < from->count; i++)
        p += hf_record_write(p, &from->vars[i], /* authenticated= */ true);
    r = hf_varstore_open(out, out_size, HF_VARSTORE_STRICT, to_vars, capacity, NULL, NULL, to, err);
    if (r < 0)
        return hf_error_prefix(err, r, "the converted store cannot be read back: ");
    if (to->count != from->count || hf_varstore_missing(from, to) || hf_varstore_missing(to, from))
        return hf_error_set(err, HF_EDAMAGED, "the converted store differs in its variables; it was discarded");
    return 0;
}
