/* SPDX-License-Identifier: BSD-2-Clause */
/* Images on their way: chunks in memory until the rows that name them are there. */
#include "arrived.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define IMAGES_MAX (2 * HF_IMAGES_MAX) /* one state's, and those that replaced them meanwhile */

struct arrived_image {
    struct hf_digest digest;
    uint32_t count;
    struct hf_arrived_chunk *chunks;
};

struct hf_arrived {
    struct arrived_image images[IMAGES_MAX];
    size_t count;
    uint64_t bytes;
};

struct hf_arrived *hf_arrived_new(void)
{
    return (struct hf_arrived *)calloc(1, sizeof(struct hf_arrived));
}

void hf_arrived_free(struct hf_arrived *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++) {
        for (uint32_t n = 0; n < a->images[i].count; n++)
            free(a->images[i].chunks[n].bytes);
        free(a->images[i].chunks);
    }
    free(a);
}

static struct arrived_image *find(const struct hf_arrived *a, const struct hf_digest *digest)
{
    for (size_t i = 0; i < a->count; i++)
        if (hf_digest_equal(&a->images[i].digest, digest))
            return (struct arrived_image *)&a->images[i];
    return NULL;
}

const struct hf_arrived_chunk *hf_arrived_get(const struct hf_arrived *a, const struct hf_digest *digest,
                                              uint32_t *count)
{
    const struct arrived_image *image = find(a, digest);

    *count = image ? image->count : 0;
    return image ? image->chunks : NULL;
}

static int append(struct arrived_image *image, const void *bytes, size_t size, struct hf_error *err)
{
    struct hf_arrived_chunk *grown =
        (struct hf_arrived_chunk *)reallocarray(image->chunks, image->count + 1, sizeof *grown);
    uint8_t *copy = (uint8_t *)malloc(size);

    if (grown)
        image->chunks = grown;
    if (!grown || !copy) {
        free(copy);
        return hf_error_nomem(err);
    }
    memcpy(copy, bytes, size);
    image->chunks[image->count++] = (struct hf_arrived_chunk){.bytes = copy, .size = size};
    return 0;
}

int hf_arrived_add(struct hf_arrived *a, const struct hf_digest *digest, uint64_t number, const void *bytes,
                   size_t size, struct hf_error *err)
{
    struct arrived_image *image = find(a, digest);
    int r;

    if (size == 0 || size > HF_TRANSFER_CHUNK_MAX)
        return hf_error_set(err, HF_EPROTO, "image chunk: invalid size of %zu bytes; use 1 to %u", size,
                            HF_TRANSFER_CHUNK_MAX);
    if (number != (image ? image->count : 0) || number >= hf_transfer_chunks(HF_IMAGE_SIZE_MAX))
        return hf_error_set(err, HF_EPROTO, "image chunk: received %llu, expected %u", (unsigned long long)number,
                            image ? image->count : 0);
    if (size > HF_CONTAINER_MAX - a->bytes || (!image && a->count == IMAGES_MAX))
        return hf_error_set(err, HF_EPROTO, "too many images received; a container holds at most %u bytes",
                            HF_CONTAINER_MAX);
    if (!image) {
        image = &a->images[a->count++];
        image->digest = *digest;
    }
    r = append(image, bytes, size, err);
    if (r == 0)
        a->bytes += size;
    return r;
}
