/* SPDX-License-Identifier: BSD-2-Clause */
/* The long part of storing an image, done ahead: its digest, and its chunks as the container keeps them. Without a
 * container; any thread. */
#ifndef HF_PACKED_IMAGE_H
#define HF_PACKED_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#include "digest.h"

#define HF_IMAGE_CHUNK_SIZE       (128U << 10)
#define HF_IMAGE_CHUNK_STORED_MAX (132U << 10) /* schema.sql; ZSTD_compressBound of a chunk is less */

struct hf_packed_image {
    struct hf_digest digest; /* of the bytes that were packed */
    uint64_t size;
    uint8_t *chunks; /* one behind the other */
    size_t *ends;    /* of each */
    size_t count;
};

/* HF_ENOMEM. */
int hf_image_pack(const void *bytes, uint64_t size, struct hf_packed_image *ret, struct hf_error *err);
void hf_packed_image_done(struct hf_packed_image *p);

/* One chunk. `to` has HF_IMAGE_CHUNK_STORED_MAX bytes. */
int hf_chunk_pack(const uint8_t *bytes, size_t size, uint8_t *to, size_t *stored, struct hf_error *err);

#endif
