/* SPDX-License-Identifier: BSD-2-Clause */
#include "packed_image.h"

#include <stdlib.h>
#include <zstd.h>

#define LEVEL 12

int hf_chunk_pack(const uint8_t *bytes, size_t size, uint8_t *to, size_t *stored, struct hf_error *err)
{
    size_t n = ZSTD_compress(to, HF_IMAGE_CHUNK_STORED_MAX, bytes, size, LEVEL);

    if (ZSTD_isError(n))
        return hf_error_set(err, HF_ENOMEM, "cannot compress an image: %s", ZSTD_getErrorName(n));
    *stored = n;
    return 0;
}

int hf_image_pack(const void *bytes, uint64_t size, struct hf_packed_image *ret, struct hf_error *err)
{
    size_t count = (size_t)((size + HF_IMAGE_CHUNK_SIZE - 1) / HF_IMAGE_CHUNK_SIZE), end = 0;
    struct hf_packed_image p = {.size = size, .count = count};
    int r = 0;

    p.chunks = malloc(count ? count * HF_IMAGE_CHUNK_STORED_MAX : 1);
    p.ends = calloc(count ? count : 1, sizeof *p.ends);
    if (!p.chunks || !p.ends)
        r = hf_error_set(err, HF_ENOMEM, "image of %llu bytes: out of memory", (unsigned long long)size);
    for (size_t i = 0; r == 0 && i < count; i++) {
        uint64_t at = (uint64_t)i * HF_IMAGE_CHUNK_SIZE;
        size_t stored = 0, raw = size - at < HF_IMAGE_CHUNK_SIZE ? (size_t)(size - at) : HF_IMAGE_CHUNK_SIZE;

        r = hf_chunk_pack((const uint8_t *)bytes + at, raw, p.chunks + end, &stored, err);
        if (r == 0)
            p.ends[i] = end += stored;
    }
    if (r < 0) {
        hf_packed_image_done(&p);
        return r;
    }
    p.digest = hf_digest_of(bytes, (size_t)size);
    *ret = p;
    return 0;
}

void hf_packed_image_done(struct hf_packed_image *p)
{
    free(p->chunks);
    free(p->ends);
    *p = (struct hf_packed_image){.chunks = NULL};
}
