/* SPDX-License-Identifier: BSD-2-Clause */
#include "banks.h"

#include <stdio.h>
#include <string.h>

#include "inside.h"

const char *hf_bank_text(enum hf_bank bank)
{
    return bank == HF_BANK_CODE ? "code" : bank == HF_BANK_VARS ? "vars" : "unknown";
}

int hf_may_change(struct hf_container *c, struct hf_error *err)
{
    if (c->mode == HF_OPEN_LOOK)
        return hf_error_set(err, HF_EUSAGE, "%s: opened read-only", c->place.path);
    if (!hf_in_transaction(c))
        return hf_error_set(err, HF_EUSAGE, "%s: change outside a transaction", c->place.path);
    return 0;
}

int hf_bank_size(struct hf_container *c, enum hf_bank bank, uint64_t *size, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_row_find(c, HF_T_BANK, bank, &rows, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: bank '%s' not found", c->place.path, hf_bank_text(bank));
    if (r < 0)
        return r;
    if (rows.v[0].size != 5 || memcmp(rows.v[0].p, "flash", 5) != 0 || rows.v[1].n <= 0 ||
        rows.v[1].n > HF_BANK_SIZE_MAX || rows.v[1].n % HF_PAGE_SIZE)
        return hf_damaged(c, err, "bank '%s' of %lld bytes", hf_bank_text(bank), (long long)rows.v[1].n);
    *size = (uint64_t)rows.v[1].n;
    return 0;
}

int hf_bank_resize(struct hf_container *c, enum hf_bank bank, uint64_t size, struct hf_error *err)
{
    const struct hf_value v[] = {hf_text("flash"), hf_int((int64_t)size)};
    int r = hf_may_change(c, err);

    if (r < 0)
        return r;
    if (size % HF_PAGE_SIZE || size > HF_BANK_SIZE_MAX)
        return hf_error_refuse(err, "size", "bank: invalid size of %llu bytes; use a multiple of %d up to %u",
                               (unsigned long long)size, HF_PAGE_SIZE, HF_BANK_SIZE_MAX);
    if (bank == HF_BANK_VARS)
        r = hf_pages_drop(c, HF_T_PAGE, bank, (uint32_t)(size / HF_PAGE_SIZE), err);
    if (r < 0)
        return r;
    r = size == 0 ? hf_row_delete(c, HF_T_BANK, bank, err) : hf_row_put(c, HF_T_BANK, bank, v, err);
    return r < 0 ? r : 0;
}

static int check_range(struct hf_container *c, enum hf_bank bank, uint64_t offset, uint64_t size, uint64_t *bank_size,
                       struct hf_error *err)
{
    int r = hf_bank_size(c, bank, bank_size, err);

    if (r == 0 && (offset > *bank_size || size > *bank_size - offset))
        r = hf_error_set(err, HF_EUSAGE, "bytes %llu to %llu are outside bank '%s' of %llu", (unsigned long long)offset,
                         (unsigned long long)(offset + size), hf_bank_text(bank), (unsigned long long)*bank_size);
    return r;
}

/* The image behind the code bank; 0 when nothing is active: then the bank reads as erased. */
static int active_image(struct hf_container *c, int64_t *id, uint64_t *size, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_image image;
    int r = hf_row_find(c, HF_T_SLOT, HF_SLOT_ACTIVE, &rows, err);

    *id = 0;
    *size = 0;
    if (r <= 0)
        return r;
    *id = rows.v[0].n;
    r = hf_image_by_id(c, *id, &image, err);
    if (r == 0)
        *size = image.size;
    return r;
}

static int read_code(struct hf_container *c, uint64_t offset, uint8_t *buf, size_t size, struct hf_error *err)
{
    uint64_t image_size;
    size_t n = 0;
    int64_t id;
    int r = active_image(c, &id, &image_size, err);

    if (r < 0)
        return r;
    if (offset < image_size)
        n = image_size - offset < size ? (size_t)(image_size - offset) : size;
    if (n > 0)
        r = hf_image_read_by_id(c, id, image_size, offset, buf, n, err);
    memset(buf + n, 0xff, size - n);
    return r;
}

int hf_bank_read(struct hf_container *c, enum hf_bank bank, uint64_t offset, void *buf, size_t size,
                 struct hf_error *err)
{
    uint64_t bank_size;
    int r = check_range(c, bank, offset, size, &bank_size, err);

    if (r < 0)
        return r;
    if (bank == HF_BANK_CODE)
        return read_code(c, offset, (uint8_t *)buf, size, err);
    return hf_pages_read(c, HF_T_PAGE, bank, offset, buf, size, err);
}

static int write_page(struct hf_container *c, uint32_t number, size_t at, const uint8_t *bytes, size_t size,
                      struct hf_error *err)
{
    uint8_t page[HF_PAGE_SIZE];
    int r;

    if (size == HF_PAGE_SIZE)
        return hf_page_store(c, HF_T_PAGE, HF_BANK_VARS, number, bytes, err);
    r = hf_pages_read(c, HF_T_PAGE, HF_BANK_VARS, (uint64_t)number * HF_PAGE_SIZE, page, sizeof page, err);
    if (r < 0)
        return r;
    memcpy(page + at, bytes, size);
    return hf_page_store(c, HF_T_PAGE, HF_BANK_VARS, number, page, err);
}

int hf_bank_write(struct hf_container *c, enum hf_bank bank, uint64_t offset, const void *buf, size_t size,
                  size_t *changed, struct hf_error *err)
{
    const uint8_t *from = (const uint8_t *)buf;
    uint64_t bank_size;
    size_t pages = 0;
    int r = hf_may_change(c, err);

    if (r == 0 && bank != HF_BANK_VARS)
        r = hf_error_set(err, HF_EUSAGE, "bank '%s': read-only; change firmware with 'holdfast stage'",
                         hf_bank_text(bank));
    if (r == 0)
        r = check_range(c, bank, offset, size, &bank_size, err);
    while (r == 0 && size > 0) {
        size_t at = (size_t)(offset % HF_PAGE_SIZE), n = HF_PAGE_SIZE - at < size ? HF_PAGE_SIZE - at : size;

        r = write_page(c, (uint32_t)(offset / HF_PAGE_SIZE), at, from, n, err);
        if (r > 0) {
            pages++;
            r = 0;
        }
        from += n;
        offset += n;
        size -= n;
    }
    if (r == 0 && changed)
        *changed = pages;
    return r;
}

int hf_bank_replace(struct hf_container *c, enum hf_bank bank, const void *bytes, uint64_t size, struct hf_error *err)
{
    uint64_t rounded = (size + HF_PAGE_SIZE - 1) / HF_PAGE_SIZE * HF_PAGE_SIZE;
    uint8_t rest[HF_PAGE_SIZE];
    int r;

    if (size == 0 || size > HF_BANK_SIZE_MAX)
        return hf_error_refuse(err, "size", "bank: invalid size of %llu bytes; use 1 to %u", (unsigned long long)size,
                               HF_BANK_SIZE_MAX);
    r = hf_bank_resize(c, bank, rounded, err);
    if (r == 0)
        r = hf_bank_write(c, bank, 0, bytes, (size_t)size, NULL, err);
    memset(rest, 0xff, sizeof rest);
    if (r == 0 && rounded > size)
        r = hf_bank_write(c, bank, size, rest, (size_t)(rounded - size), NULL, err);
    return r;
}

static int code_digest(struct hf_container *c, uint64_t size, struct hf_digest *digest, struct hf_error *err)
{
    uint8_t *buf hf_auto(hf_cleanup_free) = (uint8_t *)malloc(HF_IMAGE_CHUNK_SIZE);
    struct hf_digester *d = buf ? hf_digest_begin() : NULL;
    struct hf_digest result;
    int r = 0;

    if (!d)
        return hf_error_nomem(err);
    for (uint64_t at = 0; at < size && r == 0; at += HF_IMAGE_CHUNK_SIZE) {
        size_t n = size - at < HF_IMAGE_CHUNK_SIZE ? (size_t)(size - at) : HF_IMAGE_CHUNK_SIZE;

        r = read_code(c, at, buf, n, err);
        if (r == 0)
            hf_digest_add(d, buf, n);
    }
    result = hf_digest_end(d);
    if (r == 0)
        *digest = result;
    return r;
}

int hf_bank_digest(struct hf_container *c, enum hf_bank bank, struct hf_digest *digest, struct hf_error *err)
{
    uint64_t size;
    int r = hf_bank_size(c, bank, &size, err);

    if (r < 0)
        return r;
    if (bank == HF_BANK_CODE)
        return code_digest(c, size, digest, err);
    return hf_pages_digest(c, HF_T_PAGE, bank, size, digest, err);
}

/* Of stored pages from `first` on: how many follow one another; 0 with *next = the next stored one. */
static int run_of_pages(struct hf_container *c, uint32_t first, uint32_t end, uint32_t *run, uint32_t *next,
                        struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rows_open(c, HF_T_PAGE, HF_PAGE_ID(HF_BANK_VARS, first), HF_PAGE_ID(HF_BANK_VARS, end), &rows, err);

    *run = 0;
    *next = end;
    while (r == 0 && (r = hf_rows_next(&rows, err)) > 0) {
        uint32_t number = (uint32_t)rows.id;

        if (number != first + *run) {
            if (*run == 0)
                *next = number;
            return 0;
        }
        ++*run;
        r = 0;
    }
    return r;
}

int hf_bank_extent(struct hf_container *c, enum hf_bank bank, uint64_t offset, uint64_t *length, bool *erased,
                   struct hf_error *err)
{
    uint64_t size, image_size;
    uint32_t run, next;
    int64_t id;
    int r = check_range(c, bank, offset, 0, &size, err);

    if (r < 0)
        return r;
    if (bank == HF_BANK_CODE) {
        r = active_image(c, &id, &image_size, err);
        if (r < 0)
            return r;
        *erased = offset >= image_size;
        *length = (*erased || image_size > size ? size : image_size) - offset;
        return 0;
    }
    r = run_of_pages(c, (uint32_t)(offset / HF_PAGE_SIZE), (uint32_t)(size / HF_PAGE_SIZE), &run, &next, err);
    if (r < 0)
        return r;
    *erased = run == 0;
    *length = (run ? (offset / HF_PAGE_SIZE + run) : next) * (uint64_t)HF_PAGE_SIZE - offset;
    return 0;
}

#define ROW_EXTRA 64 /* a row's id, sum and sizes, and its share of the tree */

int hf_bank_stored(struct hf_container *c, uint64_t *bytes, struct hf_error *err)
{
    char sql[128];
    int64_t n;
    int r;

    (void)snprintf(sql, sizeof sql, "SELECT total(length(bytes) + %d) FROM page WHERE id BETWEEN %lld AND %lld",
                   ROW_EXTRA, (long long)HF_PAGE_ID(HF_BANK_VARS, 0), (long long)HF_PAGE_ID(HF_BANK_VARS, 0xffffffff));
    r = hf_sql_number(c, sql, &n, err);
    if (r == 0)
        *bytes = (uint64_t)n;
    return r;
}
