/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "banks.h"
#include "inside.h"

/* A page that repeats one byte is stored as that byte (banks padded to 64 MiB with zeros are common), or not at all
 * when it is erased. */
static bool is_uniform(const uint8_t *bytes)
{
    return memcmp(bytes, bytes + 1, HF_PAGE_SIZE - 1) == 0;
}

/* The stored form's whole page, in `scratch` when it was short. NULL: neither of the two sizes. */
static const uint8_t *whole_page(const struct hf_value *stored, uint8_t scratch[HF_PAGE_SIZE])
{
    if (stored->size == HF_PAGE_SIZE)
        return (const uint8_t *)stored->p;
    if (stored->size != 1)
        return NULL;
    memset(scratch, *(const uint8_t *)stored->p, HF_PAGE_SIZE);
    return scratch;
}

/* The part of page `number` that lies in [offset, offset + size) goes to buf. */
static void place_page(const uint8_t *page, uint64_t number, uint64_t offset, uint8_t *buf, size_t size)
{
    uint64_t at = number * HF_PAGE_SIZE, end = at + HF_PAGE_SIZE;
    uint64_t from = at > offset ? at : offset, to = end < offset + size ? end : offset + size;

    memcpy(buf + (from - offset), page + (from - at), (size_t)(to - from));
}

int hf_pages_read(struct hf_container *c, enum hf_table table, int64_t owner, uint64_t offset, void *buf, size_t size,
                  struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    uint64_t first = offset / HF_PAGE_SIZE, last;
    uint8_t scratch[HF_PAGE_SIZE];
    int r;

    if (size == 0)
        return 0;
    last = (offset + size - 1) / HF_PAGE_SIZE;
    r = hf_rows_open(c, table, HF_PAGE_ID(owner, first), HF_PAGE_ID(owner, last), &rows, err);
    if (r < 0)
        return r;
    memset(buf, 0xff, size);
    while ((r = hf_rows_next(&rows, err)) > 0) {
        const uint8_t *page = whole_page(&rows.v[0], scratch);

        if (!page)
            return hf_damaged(c, err, "page %lld of table '%s' has %zu bytes", (long long)(rows.id & 0xffffffff),
                              hf_table_name(table), rows.v[0].size);
        place_page(page, (uint64_t)rows.id & 0xffffffff, offset, (uint8_t *)buf, size);
    }
    return r;
}

int hf_page_store(struct hf_container *c, enum hf_table table, int64_t owner, uint32_t number, const uint8_t *bytes,
                  struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int64_t id = HF_PAGE_ID(owner, number);
    bool uniform = is_uniform(bytes);
    struct hf_value v = hf_blob(bytes, uniform ? 1 : HF_PAGE_SIZE);
    int r = hf_row_find(c, table, id, &rows, err);
    bool there = r > 0, equal = there && rows.v[0].size == v.size && memcmp(rows.v[0].p, bytes, v.size) == 0;

    if (r < 0)
        return r;
    hf_rows_close(&rows);
    if (uniform && bytes[0] == 0xff)
        return there ? hf_row_delete(c, table, id, err) : 0;
    if (equal)
        return 0;
    r = hf_row_put(c, table, id, &v, err);
    return r < 0 ? r : 1;
}

int hf_pages_drop(struct hf_container *c, enum hf_table table, int64_t owner, uint32_t first, struct hf_error *err)
{
    return hf_rows_delete(c, table, HF_PAGE_ID(owner, first), HF_PAGE_ID(owner, 0xffffffff), err);
}

int hf_pages_copy(struct hf_container *c, enum hf_table from_table, int64_t from, enum hf_table to_table, int64_t to,
                  struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_pages_drop(c, to_table, to, 0, err);

    if (r == 0)
        r = hf_rows_open(c, from_table, HF_PAGE_ID(from, 0), HF_PAGE_ID(from, 0xffffffff), &rows, err);
    while (r == 0) {
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            return r;
        r = hf_row_put(c, to_table, HF_PAGE_ID(to, rows.id & 0xffffffff), rows.v, err);
    }
    return r;
}

int hf_pages_digest(struct hf_container *c, enum hf_table table, int64_t owner, uint64_t size, struct hf_digest *digest,
                    struct hf_error *err)
{
    struct hf_digester *d = hf_digest_begin();
    uint8_t buf[16 * HF_PAGE_SIZE];
    struct hf_digest result;
    int r = 0;

    if (!d)
        return hf_error_nomem(err);
    for (uint64_t at = 0; at < size && r == 0; at += sizeof buf) {
        size_t n = size - at < sizeof buf ? (size_t)(size - at) : sizeof buf;

        r = hf_pages_read(c, table, owner, at, buf, n, err);
        if (r == 0)
            hf_digest_add(d, buf, n);
    }
    result = hf_digest_end(d);
    if (r == 0)
        *digest = result;
    return r;
}
