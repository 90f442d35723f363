/* SPDX-License-Identifier: BSD-2-Clause */
#include "roms.h"

#include <string.h>

#include "inside.h"

/* Row ids are slot << 8 | number. */
#define FIRST(slot) ((int64_t)(slot) << 8)
#define LAST(slot)  (FIRST(slot) | 0xff)

/* It becomes a file's name in the directory that QEMU loads ROMs from, and the row may be a stranger's. */
static bool is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strnlen(name, HF_ROM_NAME_SIZE);

    return n > 0 && n < HF_ROM_NAME_SIZE && strspn(name, plain) == n && name[0] != '.';
}

static int read_rom(const struct hf_rows *rows, struct hf_rom *rom, struct hf_error *err)
{
    struct hf_image image;
    struct hf_rom found;
    int r = hf_row_text(rows, 1, found.name, sizeof found.name, err);

    if (r == 0 && !is_plain(found.name))
        r = hf_damaged(rows->c, err, "ROM name '%s' is not a plain file name", found.name);
    if (r == 0)
        r = hf_image_by_id(rows->c, rows->v[0].n, &image, err);
    if (r < 0)
        return r;
    found.image = image.digest;
    *rom = found;
    return 0;
}

int hf_rom_list(struct hf_container *c, enum hf_slot slot, struct hf_rom list[HF_ROMS_MAX], size_t *count,
                struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    size_t n = 0;
    int r = hf_rows_open(c, HF_T_ROM, FIRST(slot), LAST(slot), &rows, err);

    while (r == 0) {
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            break;
        if (n == HF_ROMS_MAX)
            return hf_damaged(c, err, "too many ROMs: more than %d in slot %s", HF_ROMS_MAX, hf_slot_text(slot));
        r = read_rom(&rows, &list[n++], err);
    }
    if (r == 0)
        *count = n;
    return r;
}

/* The id that `name` has in the slot, or the first free one. */
static int place_for(struct hf_container *c, enum hf_slot slot, const char *name, int64_t *id, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int64_t unused = FIRST(slot);
    int r = hf_rows_open(c, HF_T_ROM, FIRST(slot), LAST(slot), &rows, err);

    while (r == 0 && (r = hf_rows_next(&rows, err)) > 0) {
        if (rows.v[1].size == strlen(name) && memcmp(rows.v[1].p, name, rows.v[1].size) == 0) {
            *id = rows.id;
            return 0;
        }
        if (rows.id == unused)
            unused++;
        r = 0;
    }
    if (r == 0 && unused >= FIRST(slot) + HF_ROMS_MAX)
        r = hf_error_refuse(err, "roms", "%s: slot %s: too many ROMs; the limit is %d", c->place.path,
                            hf_slot_text(slot), HF_ROMS_MAX);
    *id = unused;
    return r;
}

int hf_rom_set(struct hf_container *c, enum hf_slot slot, const struct hf_rom *rom, struct hf_error *err)
{
    struct hf_image image;
    int64_t id, image_id;
    int r = hf_may_change(c, err);

    if (r == 0 && !is_plain(rom->name))
        r = hf_error_set(err, HF_EUSAGE, "ROM name '%.64s' is not a plain file name of at most %d characters",
                         rom->name, HF_ROM_NAME_SIZE - 1);
    if (r == 0)
        r = hf_image_get(c, &rom->image, &image, err);
    if (r == 0)
        r = hf_image_id(c, &rom->image, &image_id, err);
    if (r < 0)
        return r;
    r = place_for(c, slot, rom->name, &id, err);
    if (r < 0)
        return r;
    const struct hf_value v[] = {hf_int(image_id), hf_text(rom->name)};
    return hf_row_put(c, HF_T_ROM, id, v, err);
}

int hf_rom_clear(struct hf_container *c, enum hf_slot slot, struct hf_error *err)
{
    int r = hf_may_change(c, err);

    return r < 0 ? r : hf_rows_delete(c, HF_T_ROM, FIRST(slot), LAST(slot), err);
}

int hf_rom_copy(struct hf_container *c, enum hf_slot from, enum hf_slot to, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rom_clear(c, to, err);

    if (r == 0)
        r = hf_rows_open(c, HF_T_ROM, FIRST(from), LAST(from), &rows, err);
    while (r == 0 && (r = hf_rows_next(&rows, err)) > 0)
        r = hf_row_put(c, HF_T_ROM, FIRST(to) | (rows.id & 0xff), rows.v, err);
    return r;
}
