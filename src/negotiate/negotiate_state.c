/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was agreed, as bytes, little endian: a head of 32 bytes, then one row of `row_size` bytes per *locked* domain.
 * Open domains are not written: the destination declares its own. A reader steps by head_size and row_size; min_reader
 * rises when an old reader must not load.
 */
#include "negotiate_internal.h"

#include "crc32.h"
#include "cursor.h"

#define STATE_MAGIC   "HFNG"
#define STATE_VERSION 1

struct state_head {
    uint8_t magic[4];
    hf_le32 version, min_reader;
    hf_le32 head_size, row_size, n_rows;
    hf_le32 crc; /* CRC-32 of everything with this field zero */
    uint8_t reserved[4];
};
_Static_assert(sizeof(struct state_head) == 32, "the head of a state is 32 bytes");

struct state_row {
    char name[HF_NEGOTIATE_NAME_SIZE];
    hf_le32 version;
    uint8_t reserved[28];
    struct hf_bits agreed;
};
_Static_assert(sizeof(struct state_row) == 96, "a row of a state is 96 bytes");

size_t hf_negotiate_state_size(const struct hf_negotiate *n)
{
    size_t size = sizeof(struct state_head);

    for (size_t i = 0; i < n->n_domains; i++)
        size += hf_negotiate_is_locked(n, i) ? sizeof(struct state_row) : 0;
    return size;
}

int hf_negotiate_save(const struct hf_negotiate *n, void *bytes, size_t size, size_t *ret_size, struct hf_error *err)
{
    size_t total = hf_negotiate_state_size(n);
    struct state_head h = {.version = hf_le32_of(STATE_VERSION),
                           .min_reader = hf_le32_of(1),
                           .head_size = hf_le32_of(sizeof h),
                           .row_size = hf_le32_of(sizeof(struct state_row)),
                           .n_rows = hf_le32_of((uint32_t)((total - sizeof h) / sizeof(struct state_row)))};
    uint8_t *at = (uint8_t *)bytes + sizeof h;

    if (size < total)
        return hf_error_set(err, HF_ENOMEM, "negotiation state: buffer too small: %zu bytes; %zu are needed", size,
                            total);
    for (size_t i = 0; i < n->n_domains; i++) {
        struct state_row r = {.version = n->rows[i].version, .agreed = n->rows[i].agreed};

        if (!hf_negotiate_is_locked(n, i))
            continue;
        memcpy(r.name, n->rows[i].name, sizeof r.name);
        memcpy(at, &r, sizeof r);
        at += sizeof r;
    }
    memcpy(h.magic, STATE_MAGIC, sizeof h.magic);
    memcpy(bytes, &h, sizeof h);
    h.crc = hf_le32_of(hf_crc32(0, bytes, total));
    memcpy(bytes, &h, sizeof h);
    *ret_size = total;
    return 0;
}

static int check_head(const struct state_head *h, const uint8_t *bytes, size_t size, struct hf_error *err)
{
    static const uint8_t no_crc[4];
    size_t at = offsetof(struct state_head, crc);
    uint64_t row_size = hf_le32_get(h->row_size), total;
    uint32_t crc;

    if (size < sizeof *h || memcmp(h->magic, STATE_MAGIC, sizeof h->magic) != 0)
        return hf_error_set(err, HF_EDAMAGED, "negotiation state: no valid header in %zu bytes", size);
    if (hf_le32_get(h->min_reader) > STATE_VERSION)
        return hf_error_set(err, HF_EVERSION,
                            "negotiation state: unsupported version %u: it needs a reader of version %u; this is %u",
                            hf_le32_get(h->version), hf_le32_get(h->min_reader), (unsigned)STATE_VERSION);
    total = hf_le32_get(h->head_size) + row_size * hf_le32_get(h->n_rows);
    if (hf_le32_get(h->head_size) < sizeof *h || row_size < sizeof(struct state_row) || total != size)
        return hf_error_set(err, HF_EDAMAGED,
                            "negotiation state: invalid size: a header of %u and %u rows of %llu are not %zu bytes",
                            hf_le32_get(h->head_size), hf_le32_get(h->n_rows), (unsigned long long)row_size, size);
    crc = hf_crc32(hf_crc32(hf_crc32(0, bytes, at), no_crc, 4), bytes + at + 4, size - at - 4);
    if (crc != hf_le32_get(h->crc))
        return hf_error_set(err, HF_EDAMAGED, "negotiation state: CRC-32 is %08x; its header says %08x", crc,
                            hf_le32_get(h->crc));
    return 0;
}

/* May this host keep the promise that a row holds? *ret_i is n->n_domains for an empty promise of an unknown domain. */
static int check_row(const struct hf_negotiate *n, const struct state_row *r, size_t *ret_i, struct hf_error *err)
{
    static const struct hf_bits none;
    bool empty = hf_bits_equal(&r->agreed, &none);
    const struct hf_negotiate_domain *d;
    const struct hf_negotiate_rule *broken;
    uint32_t bit;
    size_t i;

    if (r->name[0] == '\0' || r->name[sizeof r->name - 1] != '\0')
        return hf_error_set(err, HF_EDAMAGED, "negotiation state: a row has no domain name");
    i = *ret_i = hf_negotiate_index(n, r->name);
    if (i == n->n_domains)
        return empty ? 0
                     : hf_error_refuse(err, "contract",
                                       "domain '%s': agreed with the guest; this host does not support it", r->name);
    d = &n->domains[i];
    if (hf_le32_get(r->version) != d->version && !empty)
        return hf_error_refuse(err, "contract", "domain '%s': agreed in version %u; this host supports version %u",
                               r->name, hf_le32_get(r->version), d->version);
    bit = hf_bits_missing(&r->agreed, &d->supported);
    if (bit != HF_NEGOTIATE_NO_BIT)
        return hf_error_refuse(err, "contract",
                               "domain '%s': bit %u was agreed with the guest; this host does not support it", r->name,
                               bit);
    broken = hf_negotiate_broken_rule(&r->agreed, d->rules, d->n_rules);
    if (broken)
        return hf_error_refuse(err, "contract", "domain '%s': bit %u was agreed; on this host it needs bit %u", r->name,
                               broken->bit, broken->needs);
    return 0;
}

/* Checks every row against `n`; puts what was agreed into `to` unless that is NULL. */
static int walk(const struct hf_negotiate *n, const uint8_t *bytes, size_t size, struct hf_negotiate *to,
                struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct state_head h;
    int r;

    hf_cursor_copy(&c, &h, sizeof h);
    r = check_head(&h, bytes, size, err);
    hf_cursor_seek(&c, hf_le32_get(h.head_size));
    for (uint32_t i = 0; r == 0 && i < hf_le32_get(h.n_rows); i++) {
        struct hf_cursor one = hf_cursor_sub(&c, hf_le32_get(h.row_size));
        struct state_row row;
        size_t at = n->n_domains;

        hf_cursor_copy(&one, &row, sizeof row);
        r = check_row(n, &row, &at, err);
        if (r == 0 && to && at < n->n_domains)
            hf_negotiate_lock(to, at, &row.agreed);
    }
    return r;
}

int hf_negotiate_would_load(const struct hf_negotiate *n, const void *bytes, size_t size, struct hf_error *err)
{
    return walk(n, (const uint8_t *)bytes, size, NULL, err);
}

int hf_negotiate_load(struct hf_negotiate *n, const void *bytes, size_t size, struct hf_error *err)
{
    int r = hf_negotiate_would_load(n, bytes, size, err);

    if (r < 0)
        return r;
    hf_negotiate_reset(n);
    return walk(n, (const uint8_t *)bytes, size, n, err);
}
