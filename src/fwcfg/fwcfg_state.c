/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State as bytes, little endian:
 *
 *     head   64 bytes: magic, versions, sizes, registers, CRC-32 of everything with this field zero
 *     rows   one of `row_size` bytes per file, in directory order, then per item without name that travels
 *     bytes  the contents of the rows that travel, in the same order, unpadded
 *
 * A reader steps by head_size and row_size, so that both can grow; min_reader rises when an old reader must not load.
 */
#include "fwcfg_internal.h"

#include "crc32.h"

#define STATE_MAGIC   "HFFWCFG"
#define STATE_VERSION 1

struct state_head {
    char magic[8];
    hf_le32 version, min_reader;
    hf_le32 head_size, row_size, n_rows;
    hf_le32 crc;
    hf_le64 total;
    hf_le32 slots;
    hf_le16 selected;
    uint8_t dma, order;
    hf_le32 offset;
    uint8_t reserved[4];
    hf_le64 latch;
};
_Static_assert(sizeof(struct state_head) == 64, "the head of a state is 64 bytes");
_Static_assert(offsetof(struct state_head, crc) == 28, "the CRC follows the sizes");

struct state_row {
    char name[HF_FWCFG_NAME_SIZE];
    hf_le16 key;
    hf_le16 travels;
    hf_le32 size;
};
_Static_assert(sizeof(struct state_row) == 64, "a row of a state is 64 bytes");

static bool saved(const struct hf_fwcfg *d, const struct entry *e)
{
    return (e >= d->files && e < d->files + d->slots) || e->flags & HF_FWCFG_TRAVELS;
}

static struct entry *nth(const struct hf_fwcfg *d, unsigned i)
{
    return i < d->n_files ? &d->files[i] : &d->keyed[i - d->n_files];
}

size_t hf_fwcfg_state_size(const struct hf_fwcfg *d)
{
    size_t n = sizeof(struct state_head);

    for (unsigned i = 0; i < d->n_files + d->n_keyed; i++) {
        const struct entry *e = nth(d, i);

        n += saved(d, e) ? sizeof(struct state_row) : 0;
        n += e->flags & HF_FWCFG_TRAVELS ? e->size : 0;
    }
    return n;
}

/* Rows from `row` on, contents from `content` on; returns the number of rows. */
static unsigned save_items(const struct hf_fwcfg *d, uint8_t *row)
{
    unsigned n = 0;
    uint8_t *content;

    for (unsigned i = 0; i < d->n_files + d->n_keyed; i++)
        n += saved(d, nth(d, i));
    content = row + n * sizeof(struct state_row);
    for (unsigned i = 0; i < d->n_files + d->n_keyed; i++) {
        const struct entry *e = nth(d, i);
        bool travels = (e->flags & HF_FWCFG_TRAVELS) != 0;
        struct state_row r = {.key = hf_le16_of(e->key), .travels = hf_le16_of(travels), .size = hf_le32_of(e->size)};

        if (!saved(d, e))
            continue;
        memcpy(r.name, e->name, sizeof r.name);
        memcpy(row, &r, sizeof r);
        row += sizeof r;
        if (travels && e->size != 0) {
            memcpy(content, e->data, e->size);
            content += e->size;
        }
    }
    return n;
}

int hf_fwcfg_save(const struct hf_fwcfg *d, void *bytes, size_t size, size_t *ret_size, struct hf_error *err)
{
    size_t total = hf_fwcfg_state_size(d);
    struct state_head h = {.magic = STATE_MAGIC,
                           .version = hf_le32_of(STATE_VERSION),
                           .min_reader = hf_le32_of(1),
                           .head_size = hf_le32_of(sizeof h),
                           .row_size = hf_le32_of(sizeof(struct state_row)),
                           .total = hf_le64_of(total),
                           .slots = hf_le32_of(d->slots),
                           .selected = hf_le16_of(d->selected),
                           .dma = d->config.dma,
                           .order = (uint8_t)d->config.order,
                           .offset = hf_le32_of(d->offset),
                           .latch = hf_le64_of(d->latch)};

    if (!d->sealed)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg state: the device is not sealed; seal it first");
    if (size < total)
        return hf_error_set(err, HF_ENOMEM, "fw_cfg state: buffer too small: %zu bytes; %zu are needed", size, total);
    h.n_rows = hf_le32_of(save_items(d, (uint8_t *)bytes + sizeof h));
    memcpy(bytes, &h, sizeof h);
    h.crc = hf_le32_of(hf_crc32(0, bytes, total));
    memcpy(bytes, &h, sizeof h);
    *ret_size = total;
    return 0;
}

static int check_head(const struct hf_fwcfg *d, const struct state_head *h, const uint8_t *bytes, size_t size,
                      struct hf_error *err)
{
    static const uint8_t no_crc[4];
    size_t at = offsetof(struct state_head, crc);
    uint32_t crc;

    if (size < sizeof *h || memcmp(h->magic, STATE_MAGIC, sizeof h->magic) != 0)
        return hf_error_set(err, HF_EDAMAGED, "fw_cfg state: no valid header in %zu bytes", size);
    if (hf_le32_get(h->min_reader) > STATE_VERSION)
        return hf_error_set(err, HF_EVERSION,
                            "fw_cfg state: unsupported version %u: it needs a reader of version %u; this is %u",
                            hf_le32_get(h->version), hf_le32_get(h->min_reader), (unsigned)STATE_VERSION);
    if (hf_le64_get(h->total) != size)
        return hf_error_set(err, HF_EDAMAGED, "fw_cfg state: %zu bytes; its header says %llu", size,
                            (unsigned long long)hf_le64_get(h->total));
    crc = hf_crc32(hf_crc32(hf_crc32(0, bytes, at), no_crc, 4), bytes + at + 4, size - at - 4);
    if (crc != hf_le32_get(h->crc))
        return hf_error_set(err, HF_EDAMAGED, "fw_cfg state: CRC-32 is %08x; its header says %08x", crc,
                            hf_le32_get(h->crc));
    if (hf_le32_get(h->head_size) < sizeof *h || hf_le32_get(h->row_size) < sizeof(struct state_row))
        return hf_error_set(err, HF_EDAMAGED, "fw_cfg state: header of %u or rows of %u bytes are too short",
                            hf_le32_get(h->head_size), hf_le32_get(h->row_size));
    if (hf_le32_get(h->slots) != d->slots)
        return hf_error_refuse(err, "slots",
                               "fw_cfg state: the machine had %u slots, this one has %u; give both the same number",
                               hf_le32_get(h->slots), d->slots);
    if ((h->dma != 0) != d->config.dma)
        return hf_error_refuse(err, "dma", "fw_cfg state: the machine had %s, this one has %s; give both the same",
                               h->dma ? "DMA" : "no DMA", d->config.dma ? "DMA" : "no DMA");
    return 0;
}

/* The item here that a row of the state is about, or an error that says why there is none. A file with a fixed selector
 * may be missing (*ret is NULL): no other key moves with it, and what reads it finds nothing, as on a host without it. */
static int match_row(const struct hf_fwcfg *d, const struct state_row *r, struct entry **ret, struct hf_error *err)
{
    uint16_t key = hf_le16_get(r->key);
    uint32_t size = hf_le32_get(r->size);
    const char *name = r->name[0] != '\0' ? r->name : "(item)";
    struct entry *e;

    if (r->name[sizeof r->name - 1] != '\0')
        return hf_error_set(err, HF_EDAMAGED, "fw_cfg state: key 0x%x: its name has no NUL", key);
    e = r->name[0] != '\0' ? hf_fwcfg_named(d, r->name) : hf_fwcfg_entry(d, key);
    if (!e && r->name[0] != '\0' && key < HF_FWCFG_FILE_FIRST) {
        *ret = NULL;
        return 0;
    }
    if (!e)
        return hf_error_refuse(err, "directory",
                               "fw_cfg state: the guest may know '%s' by key 0x%x; this machine has no such item", name,
                               key);
    if (e->key != key)
        return hf_error_refuse(err, "directory",
                               "fw_cfg state: the guest may know '%s' by key 0x%x; here its key is 0x%x, because this "
                               "machine's files differ",
                               name, key, e->key);
    if (hf_le16_get(r->travels) && e->flags & HF_FWCFG_TRAVELS && size > e->capacity)
        return hf_error_refuse(err, "size", "fw_cfg state: '%s' has %u bytes; its capacity on this machine is %u", name,
                               size, e->capacity);
    *ret = e;
    return 0;
}

/* Walks rows and contents; with `apply` false it checks, with true it cannot fail any more. */
static int walk(struct hf_fwcfg *d, const struct state_head *h, const uint8_t *bytes, size_t size, bool apply,
                struct hf_error *err)
{
    uint32_t row_size = hf_le32_get(h->row_size), n = hf_le32_get(h->n_rows);
    struct hf_cursor rows = hf_cursor_of(bytes, size), contents = rows;

    hf_cursor_seek(&rows, hf_le32_get(h->head_size));
    hf_cursor_seek(&contents, hf_le32_get(h->head_size) + (uint64_t)n * row_size);
    for (uint32_t i = 0; i < n && !contents.bad; i++) {
        struct hf_cursor one = hf_cursor_sub(&rows, row_size);
        const uint8_t *content = NULL;
        struct state_row r;
        struct entry *e = NULL;
        int res;

        hf_cursor_copy(&one, &r, sizeof r);
        if (one.bad)
            break;
        res = match_row(d, &r, &e, err);
        if (res < 0)
            return res;
        if (hf_le16_get(r.travels))
            content = hf_cursor_take(&contents, hf_le32_get(r.size));
        if (apply && content && e && e->flags & HF_FWCFG_TRAVELS)
            hf_fwcfg_set_bytes(d, e, content, hf_le32_get(r.size));
    }
    if (contents.bad || rows.bad || hf_cursor_left(&contents) != 0)
        return hf_error_set(err, HF_EDAMAGED,
                            "fw_cfg state: invalid size: %u rows and their contents are not %zu bytes", n, size);
    return 0;
}

int hf_fwcfg_load(struct hf_fwcfg *d, const void *bytes, size_t size, struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct state_head h;
    int r;

    if (!d->sealed)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: seal the device before loading a state into it");
    hf_cursor_copy(&c, &h, sizeof h);
    r = check_head(d, &h, (const uint8_t *)bytes, size, err);
    if (r < 0)
        return r;
    r = walk(d, &h, (const uint8_t *)bytes, size, /* apply= */ false, err);
    if (r < 0)
        return r;
    (void)walk(d, &h, (const uint8_t *)bytes, size, /* apply= */ true, NULL);
    d->selected = hf_le16_get(h.selected);
    d->offset = hf_le32_get(h.offset);
    d->latch = hf_le64_get(h.latch);
    return 0;
}
