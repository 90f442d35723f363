/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/varstore.h>

#include <string.h>

#include "cursor.h"
#include "var_record.h"
#include "varstore_header.h"

/* One walk over the records. `base` is where offset 0 of the volume is: the bank, or its spare area. */
struct scan {
    const uint8_t *base;
    size_t bank_at; /* of base, for messages */
    size_t at, end;
    size_t torn_end; /* how far the last header, when it has no state yet, says that name and data go; else 0 */
    bool authenticated, salvage;
    hf_varstore_lost lost;
    void *opaque;
    struct hf_varstore *store;
    struct hf_error *err;
};

size_t hf_varstore_max(size_t bank_size)
{
    size_t most = bank_size < 0x40000 ? bank_size : 0x40000; /* no layout has more for variables */

    return most / (sizeof(struct hf_plain_record) + 4);
}

bool hf_var_same_key(const struct hf_var *a, const struct hf_var *b)
{
    return a->name_size == b->name_size && hf_guid_equal(&a->guid, &b->guid) &&
           memcmp(a->name, b->name, a->name_size) == 0;
}

bool hf_var_equal(const struct hf_var *a, const struct hf_var *b)
{
    return hf_var_same_key(a, b) && a->attributes == b->attributes && a->data_size == b->data_size &&
           memcmp(a->data, b->data, a->data_size) == 0 && a->count == b->count && a->key_index == b->key_index &&
           memcmp(a->time, b->time, sizeof a->time) == 0;
}

bool hf_var_authenticated(const struct hf_var *var)
{
    return var->attributes & (HF_VAR_AUTHENTICATED | HF_VAR_TIME_AUTHENTICATED | HF_VAR_ENHANCED);
}

size_t hf_var_footprint(const struct hf_var *var, bool authenticated)
{
    return hf_record_align(hf_record_header_size(authenticated) + (size_t)var->name_size + var->data_size);
}

static uint32_t bucket_of(const struct hf_guid *guid, const uint8_t *name, uint32_t name_size)
{
    uint32_t h = 2166136261u;

    for (unsigned i = 0; i < 4; i++)
        h = (h ^ guid->b[i]) * 16777619u;
    for (uint32_t i = 0; i < name_size; i += 2)
        h = (h ^ name[i]) * 16777619u;
    return (h ^ h >> 16) % HF_VARSTORE_BUCKETS;
}

/* Index + 1, or 0. */
static uint32_t lookup(const struct hf_varstore *store, const struct hf_guid *guid, const uint8_t *name,
                       uint32_t name_size)
{
    const struct hf_var key = {.guid = *guid, .name = name, .name_size = name_size};
    uint32_t i = store->bucket[bucket_of(guid, name, name_size)];

    while (i && !hf_var_same_key(&store->vars[i - 1], &key))
        i = store->vars[i - 1].next;
    return i;
}

const struct hf_var *hf_varstore_find(const struct hf_varstore *store, const struct hf_guid *guid, const uint8_t *name,
                                      uint32_t name_size)
{
    uint32_t i = lookup(store, guid, name, name_size);

    return i ? &store->vars[i - 1] : NULL;
}

/* Strict: an error. Salvage: a report, and the walk goes on. */
static int damaged(struct scan *s, size_t at, size_t length, const char *why)
{
    if (s->salvage) {
        if (s->lost)
            s->lost(s->opaque, s->bank_at + at, length, why);
        return 0;
    }
    return hf_error_set(s->err, HF_EDAMAGED,
                        "variable store: at 0x%zx: %s; `vars list --salvage` shows what can still be read",
                        s->bank_at + at, why);
}

static void read_record(const struct scan *s, struct hf_var *v)
{
    const uint8_t *p = s->base + s->at;
    size_t header = hf_record_header_size(s->authenticated);

    *v = (struct hf_var){.at = (uint32_t)(s->bank_at + s->at)};
    if (s->authenticated) {
        struct hf_auth_record r;

        memcpy(&r, p, sizeof r);
        v->state = r.state;
        v->attributes = hf_le32_get(r.attributes);
        v->count = hf_le64_get(r.count);
        memcpy(v->time, r.time, sizeof v->time);
        v->key_index = hf_le32_get(r.key_index);
        v->name_size = hf_le32_get(r.name_size);
        v->data_size = hf_le32_get(r.data_size);
        v->guid = r.guid;
    } else {
        struct hf_plain_record r;

        memcpy(&r, p, sizeof r);
        v->state = r.state;
        v->attributes = hf_le32_get(r.attributes);
        v->name_size = hf_le32_get(r.name_size);
        v->data_size = hf_le32_get(r.data_size);
        v->guid = r.guid;
    }
    v->name = p + header;
}

/* NULL when the name is one: whole characters, one NUL, at the end. */
static const char *bad_name(const struct hf_var *v)
{
    if (v->name_size < 4 || v->name_size % 2)
        return "a name of invalid length";
    for (uint32_t i = 0; i < v->name_size; i += 2) {
        bool nul = v->name[i] == 0 && v->name[i + 1] == 0;

        if (nul != (i == v->name_size - 2))
            return "a name whose NUL is not where its size says";
    }
    return NULL;
}

static bool known_state(uint8_t state)
{
    return state == HF_STATE_BLANK || (state | 0x43) == 0x7F; /* 0x7F and 0x3F, with either deletion bit */
}

static bool alive(uint8_t state)
{
    return (state | 1) == HF_STATE_ADDED;
}

static int append(struct scan *s, const struct hf_var *v)
{
    struct hf_varstore *store = s->store;
    uint32_t *bucket = &store->bucket[bucket_of(&v->guid, v->name, v->name_size)];

    if (store->count == store->capacity)
        return hf_error_set(s->err, HF_ENOMEM, "variable store: too many variables; there is memory for %zu",
                            store->capacity);
    store->vars[store->count] = *v;
    store->vars[store->count].next = *bucket;
    *bucket = (uint32_t)++store->count;
    return 0;
}

/* A variable being replaced (0x3E) counts only until its successor is added (0x3F), wherever that lies. */
static int keep(struct scan *s, const struct hf_var *v)
{
    uint32_t i = lookup(s->store, &v->guid, v->name, v->name_size);
    struct hf_var *other;

    if (i == 0)
        return append(s, v);
    other = &s->store->vars[i - 1];
    if (v->state == HF_STATE_ADDED && other->state == HF_STATE_ADDED)
        return damaged(s, s->at, hf_var_footprint(v, s->authenticated), "duplicate variable");
    if (other->state != HF_STATE_ADDED) {
        uint32_t next = other->next;

        *other = *v;
        other->next = next;
    }
    return 0;
}

static bool record_here(const struct scan *s)
{
    return s->end - s->at >= hf_record_header_size(s->authenticated) &&
           (s->base[s->at] | s->base[s->at + 1] << 8) == HF_RECORD_START;
}

/* Offset of the last byte that is not erased, plus one; `from` when all are. */
static size_t last_written(const struct scan *s, size_t from)
{
    static const uint8_t erased[64] = {[0 ... 63] = 0xFF};
    size_t end = s->end;

    while (end - from >= sizeof erased && memcmp(s->base + end - sizeof erased, erased, sizeof erased) == 0)
        end -= sizeof erased;
    while (end > from && s->base[end - 1] == 0xFF)
        end--;
    return end;
}

/* Salvage goes on at the next thing from `next` on that looks like a header; what lies before it is lost. */
static int skip_damage(struct scan *s, size_t start, size_t next, const char *why)
{
    size_t written = last_written(s, start);

    for (s->at = hf_record_align(next); s->at < written && !record_here(s);)
        s->at += 4;
    if (s->at >= written)
        s->at = written;
    return damaged(s, start, s->at - start, why);
}

/* Where name and data would end of which the header has no state yet: edk2 of 2025 writes them before it gives the
 * header its first one, ADDED; before, HEADER came between. Cut there, firmware cleans the store up at its next start.
 */
static size_t end_of_torn(const struct scan *s, const struct hf_var *v)
{
    size_t left = s->end - s->at - hf_record_header_size(s->authenticated);

    if (v->state != HF_STATE_BLANK || v->name_size > left || v->data_size > left - v->name_size)
        return 0;
    return s->end - left + v->name_size + v->data_size;
}

/* Takes the record at s->at; moves past it. */
static int take_record(struct scan *s)
{
    size_t header = hf_record_header_size(s->authenticated), start = s->at;
    const char *why = NULL;
    struct hf_var v;

    read_record(s, &v);
    if (v.state == HF_STATE_BLANK || v.attributes == 0xFFFFFFFF || v.name_size == 0xFFFFFFFF ||
        v.data_size == 0xFFFFFFFF) {
        /* Firmware takes such a header for one without name and data. */
        s->store->torn = true;
        s->torn_end = end_of_torn(s, &v);
        s->at = hf_record_align(start + header);
        if (s->at > s->end)
            s->at = s->end;
        return alive(v.state) ? damaged(s, start, header, "a variable without sizes") : 0;
    }
    s->torn_end = 0; /* of a header that is not the last: nothing that follows this record belongs to it */
    if (!known_state(v.state))
        why = "a variable in an invalid state";
    else if (v.name_size > s->end - start - header || v.data_size > s->end - start - header - v.name_size)
        why = "a variable that runs past the end of the store";
    else if (alive(v.state))
        why = v.data_size == 0 ? "a variable without data" : bad_name(&v);
    if (why)
        return skip_damage(s, start, start + 4, why);
    v.data = v.name + v.name_size;
    s->at = hf_record_align(start + header + v.name_size + v.data_size);
    if (s->at > s->end)
        s->at = s->end;
    if (v.state == HF_STATE_HEADER)
        s->store->torn = true;
    return alive(v.state) ? keep(s, &v) : 0;
}

/* Behind the last record everything should be erased, but for the beginning of a header. */
static int check_tail(struct scan *s)
{
    size_t written = last_written(s, s->at), from = s->at;

    if (written == from)
        return 0;
    s->store->torn = true;
    if (written - from <= hf_record_header_size(s->authenticated) || written <= s->torn_end)
        return 0; /* the power went while a header was written, or what belongs to it */
    return skip_damage(s, from, from, "bytes after the last variable");
}

static int scan_records(struct scan *s)
{
    for (;;) {
        size_t before;
        int r;

        while (record_here(s)) {
            r = take_record(s);
            if (r < 0)
                return r;
        }
        before = s->at;
        r = check_tail(s);
        if (r < 0 || s->at == before || !record_here(s))
            return r;
    }
}

static void measure(struct hf_varstore *store, const struct scan *s, size_t first)
{
    store->room = s->end - first;
    store->used = (store->torn ? last_written(s, s->at) : s->at) - first;
    store->live = 0;
    for (size_t i = 0; i < store->count; i++)
        store->live += hf_var_footprint(&store->vars[i], store->authenticated);
}

static int open_blank(const struct hf_flash_image *image, struct hf_varstore *store)
{
    store->layout = image->layout;
    store->blank = true;
    store->authenticated = true;
    store->room =
        hf_layout_info(image->layout)->vars_size - sizeof(struct hf_volume_header) - sizeof(struct hf_store_header);
    return 0;
}

int hf_varstore_open(const void *bank, size_t size, enum hf_varstore_mode mode, struct hf_var *vars, size_t capacity,
                     hf_varstore_lost lost, void *opaque, struct hf_varstore *store, struct hf_error *err)
{
    struct scan s = {.base = (const uint8_t *)bank,
                     .salvage = mode == HF_VARSTORE_SALVAGE,
                     .lost = lost,
                     .opaque = opaque,
                     .store = store,
                     .err = err};
    const struct hf_layout_info *info;
    struct hf_varstore_header h;
    struct hf_flash_image image;
    int r;

    memset(store, 0, sizeof *store);
    store->bank = s.base;
    store->size = size;
    store->vars = vars;
    store->capacity = capacity;
    r = hf_varstore_header_read(s.base, size, &h);
    if (r < 0 && h.layout == HF_LAYOUT_UNKNOWN) {
        hf_flash_identify(bank, size, NULL, 0, &image);
        if (image.blank)
            return open_blank(&image, store);
    }
    if (r < 0 && (!s.salvage || h.end == 0))
        return hf_error_set(err, HF_EDAMAGED, "variable store: %s", h.problem);
    if (r < 0)
        (void)damaged(&s, 0, h.first, h.problem);
    info = hf_layout_info(h.layout);
    if (h.ftw.pending && (h.ftw.target != 0 || h.ftw.length < info->vars_size)) {
        r = damaged(&s, info->spare_at, h.ftw.length, "an interrupted write of part of the variable region");
        if (r < 0)
            return r;
    } else if (h.ftw.pending) {
        store->pending = true;
        s.bank_at = info->spare_at;
        s.base += info->spare_at;
    }
    store->layout = h.layout;
    store->authenticated = s.authenticated = h.authenticated;
    s.at = h.first;
    s.end = h.end;
    r = scan_records(&s);
    if (r < 0)
        return r;
    measure(store, &s, h.first);
    return 0;
}
