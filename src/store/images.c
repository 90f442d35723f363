/* SPDX-License-Identifier: BSD-2-Clause */
#include "images.h"

#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "eventlog.h"
#include "inside.h"

const char *hf_image_kind_text(enum hf_image_kind kind)
{
    static const char *const texts[] = {"unknown", "code", "vars", "rom"};

    return (unsigned)kind < HF_ARRAY_SIZE(texts) ? texts[kind] : texts[0];
}

static int read_image(const struct hf_rows *rows, struct hf_image *image, struct hf_error *err)
{
    const struct hf_value *v = rows->v;
    struct hf_image i = {.size = (uint64_t)v[2].n, .stored = (uint64_t)v[3].n, .added = v[4].n};
    int r;

    if (v[0].size != HF_DIGEST_SIZE || v[1].n < HF_IMAGE_CODE || v[1].n > HF_IMAGE_ROM || v[2].n < 1 ||
        v[2].n > HF_IMAGE_SIZE_MAX || v[3].n < 0 || rows->id < 1 || rows->id > INT32_MAX)
        return hf_damaged(rows->c, err, "image %lld: digest of %zu bytes, kind %lld, size %lld", (long long)rows->id,
                          v[0].size, (long long)v[1].n, (long long)v[2].n);
    i.kind = (enum hf_image_kind)v[1].n;
    memcpy(i.digest.b, v[0].p, HF_DIGEST_SIZE);
    r = hf_row_text(rows, 5, i.name, sizeof i.name, err);
    if (r == 0)
        *image = i;
    return r;
}

int hf_image_by_id(struct hf_container *c, int64_t id, struct hf_image *image, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_row_find(c, HF_T_IMAGE, id, &rows, err);

    if (r == 0)
        return hf_damaged(c, err, "image %lld is referenced but missing", (long long)id);
    return r < 0 ? r : read_image(&rows, image, err);
}

/* There are at most HF_IMAGES_MAX: a walk is as quick as an index, and needs none. 1 found. */
static int find(struct hf_container *c, const struct hf_digest *digest, int64_t *id, struct hf_image *image,
                struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rows_open(c, HF_T_IMAGE, 0, INT64_MAX, &rows, err);

    while (r == 0) {
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            return r;
        r = read_image(&rows, image, err);
        if (r == 0 && hf_digest_equal(&image->digest, digest)) {
            *id = rows.id;
            return 1;
        }
    }
    return r;
}

int hf_image_id(struct hf_container *c, const struct hf_digest *digest, int64_t *id, struct hf_error *err)
{
    struct hf_image image;

    return find(c, digest, id, &image, err);
}

static int find_or_fail(struct hf_container *c, const struct hf_digest *digest, int64_t *id, struct hf_image *image,
                        struct hf_error *err)
{
    char text[HF_DIGEST_TEXT_SIZE];
    int r = find(c, digest, id, image, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: image %s not found", c->place.path, hf_digest_text(digest, text));
    return r < 0 ? r : 0;
}

int hf_image_get(struct hf_container *c, const struct hf_digest *digest, struct hf_image *image, struct hf_error *err)
{
    struct hf_image found;
    int64_t id;
    int r = find_or_fail(c, digest, &id, &found, err);

    if (r == 0)
        *image = found;
    return r;
}

static int count_images(struct hf_container *c, unsigned *all, unsigned *code, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rows_open(c, HF_T_IMAGE, 0, INT64_MAX, &rows, err);

    *all = *code = 0;
    while (r == 0 && (r = hf_rows_next(&rows, err)) > 0) {
        ++*all;
        *code += rows.v[1].n == HF_IMAGE_CODE;
        r = 0;
    }
    return r;
}

static int check_room(struct hf_container *c, enum hf_image_kind kind, uint64_t size, struct hf_error *err)
{
    unsigned all, code;
    int r;

    if (size == 0 || size > HF_IMAGE_SIZE_MAX)
        return hf_error_refuse(err, "size", "image: invalid size of %llu bytes; use 1 to %u", (unsigned long long)size,
                               HF_IMAGE_SIZE_MAX);
    r = count_images(c, &all, &code, err);
    if (r < 0)
        return r;
    if (all >= HF_IMAGES_MAX || (kind == HF_IMAGE_CODE && code >= HF_IMAGE_CODE_MAX))
        return hf_error_refuse(
            err, "images",
            "%s: too many images: %u, %u of them code; the limits are %d and %d: unstage, or confirm the trial",
            c->place.path, all, code, HF_IMAGES_MAX, HF_IMAGE_CODE_MAX);
    return 0;
}

/* What is to be stored: bytes, or chunks that are packed already. */
struct source {
    const uint8_t *bytes;
    const struct hf_packed_image *packed; /* NULL: bytes */
};

static int chunk_of(const struct source *from, size_t i, uint64_t size, uint8_t *room, struct hf_value *v,
                    struct hf_error *err)
{
    uint64_t at = (uint64_t)i * HF_IMAGE_CHUNK_SIZE;
    size_t raw = size - at < HF_IMAGE_CHUNK_SIZE ? (size_t)(size - at) : HF_IMAGE_CHUNK_SIZE, stored = 0;
    int r = 0;

    if (from->packed) {
        size_t begin = i ? from->packed->ends[i - 1] : 0;

        *v = hf_blob(from->packed->chunks + begin, from->packed->ends[i] - begin);
    } else if ((r = hf_chunk_pack(from->bytes + at, raw, room, &stored, err)) == 0) {
        *v = hf_blob(room, stored);
    }
    return r;
}

static int store_chunks(struct hf_container *c, int64_t id, const struct source *from, uint64_t size, uint64_t *stored,
                        struct hf_error *err)
{
    uint8_t *room hf_auto(hf_cleanup_free) = (uint8_t *)malloc(HF_IMAGE_CHUNK_STORED_MAX);
    int r = room ? 0 : hf_error_nomem(err);

    *stored = 0;
    for (size_t i = 0; (uint64_t)i * HF_IMAGE_CHUNK_SIZE < size && r == 0; i++) {
        struct hf_value v;

        r = chunk_of(from, i, size, room, &v, err);
        if (r == 0) {
            r = hf_row_put(c, HF_T_CHUNK, HF_CHUNK_ID(id, i), &v, err);
            *stored += v.size;
        }
    }
    return r;
}

static int add(struct hf_container *c, const struct hf_image *image, const struct source *from, struct hf_error *err)
{
    uint64_t stored = 0;
    int64_t id;
    int r = check_room(c, image->kind, image->size, err);

    if (r == 0)
        r = hf_row_next_id(c, HF_T_IMAGE, &id, err);
    if (r == 0)
        r = store_chunks(c, id, from, image->size, &stored, err);
    if (r < 0)
        return r;
    const struct hf_value v[] = {hf_blob(image->digest.b, HF_DIGEST_SIZE),
                                 hf_int(image->kind),
                                 hf_int((int64_t)image->size),
                                 hf_int((int64_t)stored),
                                 hf_int(image->added),
                                 hf_text(image->name)};
    return hf_row_put(c, HF_T_IMAGE, id, v, err);
}

static int add_once(struct hf_container *c, const struct hf_image *image, const struct source *from,
                    struct hf_digest *digest, struct hf_error *err)
{
    struct hf_image found;
    int64_t id;
    int r = find(c, &image->digest, &id, &found, err);

    if (r == 0)
        r = add(c, image, from, err);
    if (r < 0)
        return r;
    *digest = image->digest;
    return 0;
}

int hf_image_add(struct hf_container *c, enum hf_image_kind kind, const char *name, const void *bytes, uint64_t size,
                 int64_t now, struct hf_digest *digest, struct hf_error *err)
{
    struct hf_image image = {.kind = kind, .size = size, .added = now};
    int r = hf_may_change(c, err);

    if (r < 0)
        return r;
    image.digest = hf_digest_of(bytes, (size_t)size);
    snprintf(image.name, sizeof image.name, "%s", name);
    return add_once(c, &image, &(struct source){.bytes = (const uint8_t *)bytes}, digest, err);
}

int hf_image_add_packed(struct hf_container *c, enum hf_image_kind kind, const char *name,
                        const struct hf_packed_image *packed, int64_t now, struct hf_digest *digest,
                        struct hf_error *err)
{
    struct hf_image image = {.digest = packed->digest, .kind = kind, .size = packed->size, .added = now};
    int r = hf_may_change(c, err);

    if (r < 0)
        return r;
    snprintf(image.name, sizeof image.name, "%s", name);
    return add_once(c, &image, &(struct source){.packed = packed}, digest, err);
}

static int unpack(struct hf_container *c, int64_t image, uint64_t number, uint8_t *raw, size_t raw_size,
                  struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_row_find(c, HF_T_CHUNK, HF_CHUNK_ID(image, number), &rows, err);
    size_t n;

    if (r < 0)
        return r;
    n = r == 0 ? 0 : ZSTD_decompress(raw, raw_size, rows.v[0].p, rows.v[0].size);
    if (r == 0 || ZSTD_isError(n) || n != raw_size)
        return hf_damaged(c, err, "image %lld: chunk %llu %s", (long long)image, (unsigned long long)number,
                          r == 0 ? "is missing" : "cannot be decompressed");
    return 0;
}

int hf_image_read_by_id(struct hf_container *c, int64_t id, uint64_t image_size, uint64_t offset, void *buf,
                        size_t size, struct hf_error *err)
{
    uint8_t *raw hf_auto(hf_cleanup_free) = (uint8_t *)malloc(HF_IMAGE_CHUNK_SIZE), *to = (uint8_t *)buf;
    int r = raw ? 0 : hf_error_nomem(err);

    while (size > 0 && r == 0) {
        uint64_t number = offset / HF_IMAGE_CHUNK_SIZE, start = number * HF_IMAGE_CHUNK_SIZE;
        size_t raw_size = image_size - start < HF_IMAGE_CHUNK_SIZE ? (size_t)(image_size - start) : HF_IMAGE_CHUNK_SIZE;
        size_t skip = (size_t)(offset - start), n = raw_size - skip < size ? raw_size - skip : size;

        r = unpack(c, id, number, raw, raw_size, err);
        if (r == 0)
            memcpy(to, raw + skip, n);
        to += n;
        offset += n;
        size -= n;
    }
    return r;
}

int hf_image_read(struct hf_container *c, const struct hf_digest *digest, uint64_t offset, void *buf, size_t size,
                  struct hf_error *err)
{
    struct hf_image image;
    int64_t id;
    int r = find_or_fail(c, digest, &id, &image, err);

    if (r < 0)
        return r;
    if (offset > image.size || size > image.size - offset)
        return hf_error_set(err, HF_EUSAGE, "bytes %llu to %llu are outside the image of %llu",
                            (unsigned long long)offset, (unsigned long long)(offset + size),
                            (unsigned long long)image.size);
    return hf_image_read_by_id(c, id, image.size, offset, buf, size, err);
}

static int mismatch(struct hf_container *c, const struct hf_digest *want, const struct hf_digest *found,
                    struct hf_error *err)
{
    char a[HF_DIGEST_TEXT_SIZE], b[HF_DIGEST_TEXT_SIZE];

    return hf_damaged(c, err, "image %s: digest mismatch: its bytes have %s", hf_digest_text(want, a),
                      hf_digest_text(found, b));
}

int hf_image_load(struct hf_container *c, const struct hf_digest *digest, uint8_t **bytes, uint64_t *size,
                  struct hf_error *err)
{
    uint8_t *whole hf_auto(hf_cleanup_free) = NULL;
    struct hf_digest found;
    struct hf_image image;
    int64_t id;
    int r = find_or_fail(c, digest, &id, &image, err);

    if (r < 0)
        return r;
    whole = (uint8_t *)malloc(image.size);
    if (!whole)
        return hf_error_set(err, HF_ENOMEM, "image of %llu bytes: out of memory", (unsigned long long)image.size);
    r = hf_image_read_by_id(c, id, image.size, 0, whole, image.size, err);
    if (r < 0)
        return r;
    found = hf_digest_of(whole, image.size);
    if (!hf_digest_equal(&found, digest))
        return mismatch(c, digest, &found, err);
    *bytes = hf_take_ptr(whole);
    *size = image.size;
    return 0;
}

int hf_image_verify(struct hf_container *c, const struct hf_digest *digest, struct hf_error *err)
{
    uint8_t *raw hf_auto(hf_cleanup_free) = (uint8_t *)malloc(HF_IMAGE_CHUNK_SIZE);
    struct hf_digester *d;
    struct hf_digest found;
    struct hf_image image;
    int64_t id;
    int r = find_or_fail(c, digest, &id, &image, err);

    if (r < 0)
        return r;
    d = raw ? hf_digest_begin() : NULL;
    if (!d)
        return hf_error_nomem(err);
    for (uint64_t at = 0; at < image.size && r == 0; at += HF_IMAGE_CHUNK_SIZE) {
        size_t n = image.size - at < HF_IMAGE_CHUNK_SIZE ? (size_t)(image.size - at) : HF_IMAGE_CHUNK_SIZE;

        r = unpack(c, id, at / HF_IMAGE_CHUNK_SIZE, raw, n, err);
        if (r == 0)
            hf_digest_add(d, raw, n);
    }
    found = hf_digest_end(d);
    return r < 0 || hf_digest_equal(&found, digest) ? r : mismatch(c, digest, &found, err);
}

int hf_image_list(struct hf_container *c, struct hf_image list[HF_IMAGES_MAX], size_t *count, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    size_t n = 0;
    int r = hf_rows_open(c, HF_T_IMAGE, 0, INT64_MAX, &rows, err);

    while (r == 0) {
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            break;
        if (n == HF_IMAGES_MAX)
            return hf_damaged(c, err, "too many images; the limit is %d", HF_IMAGES_MAX);
        r = read_image(&rows, &list[n++], err);
    }
    if (r == 0)
        *count = n;
    return r;
}
