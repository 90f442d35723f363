/* SPDX-License-Identifier: BSD-2-Clause */
#include "write_queue_layout.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "cursor.h"

static struct batch *open_batch(const struct hf_write_queue *q)
{
    return &q->layout->batch[q->layout->open];
}

static struct batch *sealed_batch(const struct hf_write_queue *q)
{
    return &q->layout->batch[q->layout->open ^ 1];
}

static size_t page_at(const struct hf_write_queue *q, const struct batch *b, uint32_t page)
{
    size_t batch = (size_t)(b - q->layout->batch);

    return hf_write_queue_head_size(q->bank_size) + (batch * q->pages + page) * PAGE;
}

static uint8_t *page_of(const struct hf_write_queue *q, const struct batch *b, uint32_t page)
{
    return q->memory + page_at(q, b, page);
}

static uint32_t pages_of(uint64_t bank_size)
{
    return (uint32_t)((bank_size + PAGE - 1) / PAGE);
}

size_t hf_write_queue_head_size(uint64_t bank_size)
{
    (void)bank_size;
    return (sizeof(struct hf_write_queue_layout) + PAGE - 1) / PAGE * PAGE;
}

size_t hf_write_queue_memory_size(uint64_t bank_size)
{
    return hf_write_queue_head_size(bank_size) + (size_t)pages_of(bank_size) * 2 * PAGE;
}

static void bind(struct hf_write_queue *q, void *memory, uint64_t bank_size, const struct hf_write_queue_ops *ops)
{
    assert(bank_size > 0 && bank_size <= HF_WRITE_QUEUE_BANK_MAX);
    q->memory = memory;
    q->layout = memory;
    q->ops = ops;
    q->bank_size = bank_size;
    q->pages = pages_of(bank_size);
}

void hf_write_queue_init(struct hf_write_queue *q, void *memory, uint64_t bank_size,
                         const uint8_t key[HF_WRITE_QUEUE_KEY_SIZE], const struct hf_write_queue_ops *ops)
{
    bind(q, memory, bank_size, ops);
    ordered_store(&q->layout->magic, 0);
    memset(q->layout, 0, offsetof(struct hf_write_queue_layout, intent));
    q->layout->version = VERSION;
    q->layout->pages = q->pages;
    q->layout->bank_size = bank_size;
    memcpy(q->layout->key, key, HF_WRITE_QUEUE_KEY_SIZE);
    ordered_store(&q->layout->magic, MAGIC);
}

/* A page that is not there cannot be in a batch. */
static bool batch_ok(const struct hf_write_queue *q, const struct batch *b)
{
    for (uint32_t page = q->pages; page < PAGES_MAX; page++)
        if (bit(b->dirty, page))
            return false;
    return true;
}

int hf_write_queue_attach(struct hf_write_queue *q, void *memory, uint64_t bank_size,
                          const struct hf_write_queue_ops *ops, struct hf_error *err)
{
    struct hf_write_queue_layout *l = memory;

    bind(q, memory, bank_size, ops);
    if (l->magic != MAGIC)
        return hf_error_set(err, HF_ENOTFOUND, "not a queue of flash writes");
    if (l->version != VERSION)
        return hf_error_set(err, HF_EDAMAGED, "queue of flash writes: unsupported version %u; this program reads %u",
                            l->version, VERSION);
    if (l->bank_size != bank_size || l->pages != q->pages)
        return hf_error_set(err, HF_EDAMAGED, "queue of flash writes: for a bank of %llu bytes; this bank has %llu",
                            (unsigned long long)l->bank_size, (unsigned long long)bank_size);
    if (l->open > 1 || l->intent_size > HF_WRITE_QUEUE_WRITE_MAX ||
        !hf_range_ok(l->intent_offset, l->intent_size, bank_size) || !batch_ok(q, &l->batch[0]) ||
        !batch_ok(q, &l->batch[1]))
        return hf_error_set(err, HF_EDAMAGED, "queue of flash writes: inconsistent");
    for (unsigned i = 0; i < 2; i++) {
        memcpy(l->batch[i].have, l->batch[i].dirty, sizeof l->batch[i].have);
        memcpy(l->batch[i].reserved, l->batch[i].dirty, sizeof l->batch[i].reserved);
    }
    return 0;
}

const uint8_t *hf_write_queue_key(const struct hf_write_queue *q)
{
    return q->layout->key;
}

uint64_t hf_write_queue_mark(const struct hf_write_queue *q)
{
    return q->layout->mark;
}

void hf_write_queue_set_mark(struct hf_write_queue *q, uint64_t mark)
{
    ordered_store(&q->layout->mark, mark);
}

int64_t hf_write_queue_behind(const struct hf_write_queue *q)
{
    return q->layout->behind;
}

void hf_write_queue_set_behind(struct hf_write_queue *q, int64_t since)
{
    ordered_store(&q->layout->behind, since);
}

const uint8_t *hf_write_queue_page(const struct hf_write_queue *q, uint32_t page)
{
    if (bit(open_batch(q)->have, page))
        return page_of(q, open_batch(q), page);
    if (bit(sealed_batch(q)->have, page))
        return page_of(q, sealed_batch(q), page);
    return NULL;
}

/* The part of a write that falls into one page. */
struct piece {
    uint32_t page;
    uint32_t at; /* first byte within the page */
    uint32_t size;
    size_t done; /* bytes of the write before this piece */
};

static bool next_piece(uint64_t offset, size_t size, struct piece *p)
{
    uint64_t at;

    p->done += p->size;
    if (p->done >= size)
        return false;
    at = offset + p->done;
    p->page = (uint32_t)(at / PAGE);
    p->at = (uint32_t)(at % PAGE);
    p->size = PAGE - p->at;
    if (p->size > size - p->done)
        p->size = (uint32_t)(size - p->done);
    return true;
}

/* Makes the page's place in the open batch hold the guest's view of it, without making it part of the batch. */
static int prepare_page(struct hf_write_queue *q, uint32_t page, const uint8_t *view, struct hf_error *err)
{
    struct batch *b = open_batch(q);
    size_t at = page_at(q, b, page);
    int r;

    if (bit(b->have, page))
        return 0;
    if (!bit(b->reserved, page) && q->ops->reserve) {
        r = q->ops->reserve(q->ops->opaque, at, PAGE, err);
        if (r < 0)
            return r;
    }
    set_bit(b->reserved, page);
    memcpy(q->memory + at, view, PAGE);
    set_bit(b->have, page);
    return 0;
}

/* Finds the pages that the write changes and prepares them; bit i of *changed is the i-th page touched. */
static int prepare(struct hf_write_queue *q, uint64_t offset, const uint8_t *bytes, size_t size, uint64_t *changed,
                   struct hf_error *err)
{
    uint32_t first = (uint32_t)(offset / PAGE);
    struct piece p = {0};
    uint64_t found = 0;

    _Static_assert(HF_WRITE_QUEUE_WRITE_MAX / PAGE + 1 <= 64, "one bit per page");
    while (next_piece(offset, size, &p)) {
        const uint8_t *view = hf_write_queue_page(q, p.page);
        int r = 0;

        if (!view) {
            r = q->ops->load(q->ops->opaque, p.page, q->scratch, err);
            view = q->scratch;
        }
        if (r < 0)
            return r;
        if (!memcmp(view + p.at, bytes + p.done, p.size))
            continue;
        found |= UINT64_C(1) << (p.page - first);
        r = prepare_page(q, p.page, view, err);
        if (r < 0)
            return r;
    }
    *changed = found;
    return 0;
}

static void apply(struct hf_write_queue *q, uint64_t offset, const uint8_t *bytes, size_t size, uint64_t changed)
{
    uint32_t first = (uint32_t)(offset / PAGE);
    struct batch *b = open_batch(q);
    struct piece p = {0};

    while (next_piece(offset, size, &p)) {
        if (!(changed >> (p.page - first) & 1))
            continue;
        memcpy(page_of(q, b, p.page) + p.at, bytes + p.done, p.size);
        set_bit(b->dirty, p.page);
    }
}

int hf_write_queue_write(struct hf_write_queue *q, uint64_t offset, const void *bytes, size_t size,
                         struct hf_error *err)
{
    struct hf_write_queue_layout *l = q->layout;
    uint64_t changed;
    int r;

    assert(size > 0 && size <= HF_WRITE_QUEUE_WRITE_MAX && hf_range_ok(offset, size, q->bank_size));
    r = prepare(q, offset, bytes, size, &changed, err);
    if (r < 0)
        return r;
    if (!changed)
        return 0;
    memcpy(l->intent, bytes, size);
    ordered_store(&l->intent_offset, offset);
    ordered_store(&l->intent_size, (uint32_t)size);
    apply(q, offset, l->intent, size, changed);
    ordered_store(&l->intent_size, 0);
    return 1;
}

int hf_write_queue_recover(struct hf_write_queue *q, struct hf_error *err)
{
    struct hf_write_queue_layout *l = q->layout;
    size_t size = l->intent_size;
    uint64_t changed;
    int r;

    if (!size)
        return 0;
    /* A page of the open batch may hold half of the write: the comparison in prepare() finds the other half. */
    r = prepare(q, l->intent_offset, l->intent, size, &changed, err);
    if (r < 0)
        return r;
    apply(q, l->intent_offset, l->intent, size, changed);
    ordered_store(&l->intent_size, 0);
    return 0;
}

bool hf_write_queue_seal(struct hf_write_queue *q)
{
    if (!empty(sealed_batch(q)->dirty))
        return true;
    if (empty(open_batch(q)->dirty))
        return false;
    ordered_store(&q->layout->open, q->layout->open ^ 1);
    /* The batch that opens holds clean copies of what it committed; those that the sealed one changed are old. */
    for (unsigned i = 0; i < WORDS; i++)
        open_batch(q)->have[i] &= ~sealed_batch(q)->have[i];
    return true;
}

bool hf_write_queue_has_sealed(const struct hf_write_queue *q)
{
    return !empty(sealed_batch(q)->dirty);
}

bool hf_write_queue_has_open(const struct hf_write_queue *q)
{
    return !empty(open_batch(q)->dirty);
}

const uint8_t *hf_write_queue_sealed(const struct hf_write_queue *q, uint32_t *page)
{
    const struct batch *b = sealed_batch(q);

    for (uint32_t i = *page; i < q->pages; i++) {
        if (!b->dirty[i / 64]) {
            i |= 63;
            continue;
        }
        if (bit(b->dirty, i)) {
            *page = i;
            return page_of(q, b, i);
        }
    }
    return NULL;
}

void hf_write_queue_committed(struct hf_write_queue *q)
{
    struct batch *b = sealed_batch(q);

    for (unsigned i = 0; i < WORDS; i++)
        ordered_store(&b->dirty[i], 0);
}

uint32_t hf_write_queue_waiting(const struct hf_write_queue *q)
{
    return count(q->layout->batch[0].dirty) + count(q->layout->batch[1].dirty);
}

uint32_t hf_write_queue_reserved(const struct hf_write_queue *q)
{
    return count(q->layout->batch[0].reserved) + count(q->layout->batch[1].reserved);
}

bool hf_write_queue_trim(struct hf_write_queue *q, size_t *offset, size_t *size)
{
    for (unsigned i = 0; i < 2; i++) {
        struct batch *b = &q->layout->batch[i];

        if (!empty(b->dirty) || empty(b->reserved))
            continue;
        memset(b->have, 0, sizeof b->have);
        memset(b->reserved, 0, sizeof b->reserved);
        *offset = page_at(q, b, 0);
        *size = (size_t)q->pages * PAGE;
        return true;
    }
    return false;
}
