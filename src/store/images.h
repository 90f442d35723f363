/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware images, named by their SHA-256. Stored once however often they are used, in zstd chunks that can be read one
 * by one; a chunk that is not what was stored is HF_EDAMAGED, and so is an image that does not match its name.
 */
#ifndef HF_IMAGES_H
#define HF_IMAGES_H

#include "container.h"
#include "digest.h"
#include "packed_image.h"

#define HF_IMAGE_CODE_MAX  3  /* code images in one container */
#define HF_IMAGES_MAX      64 /* of all kinds */
#define HF_IMAGE_SIZE_MAX  (64U << 20)
#define HF_IMAGE_NAME_SIZE 128

enum hf_image_kind { HF_IMAGE_CODE = 1, HF_IMAGE_VARS = 2, HF_IMAGE_ROM = 3 };

struct hf_image {
    struct hf_digest digest;
    enum hf_image_kind kind;
    uint64_t size;
    uint64_t stored; /* bytes it takes in the container */
    int64_t added;
    char name[HF_IMAGE_NAME_SIZE]; /* what people call it: "OVMF 2022.11", a file's base name; may be empty */
};

/* "code", "vars", "rom"; never NULL. */
const char *hf_image_kind_text(enum hf_image_kind kind);

/* In a transaction. Stores the bytes unless they are there already (then the existing kind and name stay) and gives
 * their digest. HF_EREFUSED "images" (limit), "size". */
int hf_image_add(struct hf_container *c, enum hf_image_kind kind, const char *name, const void *bytes, uint64_t size,
                 int64_t now, struct hf_digest *digest, struct hf_error *err);

/* The same with the long part done already. */
int hf_image_add_packed(struct hf_container *c, enum hf_image_kind kind, const char *name,
                        const struct hf_packed_image *packed, int64_t now, struct hf_digest *digest,
                        struct hf_error *err);

/* HF_ENOTFOUND. */
int hf_image_get(struct hf_container *c, const struct hf_digest *digest, struct hf_image *image, struct hf_error *err);

/* Reads a range; every chunk is checked. HF_EUSAGE: outside the image. */
int hf_image_read(struct hf_container *c, const struct hf_digest *digest, uint64_t offset, void *buf, size_t size,
                  struct hf_error *err);

/* The whole image, checked against its digest; free() it. */
int hf_image_load(struct hf_container *c, const struct hf_digest *digest, uint8_t **bytes, uint64_t *size,
                  struct hf_error *err);

/* Reads all of it and compares with the digest. */
int hf_image_verify(struct hf_container *c, const struct hf_digest *digest, struct hf_error *err);

/* In order of arrival. */
int hf_image_list(struct hf_container *c, struct hf_image list[HF_IMAGES_MAX], size_t *count, struct hf_error *err);

/* In a transaction. Removes what no slot, ROM or snapshot refers to; gives the number removed. */
int hf_image_collect(struct hf_container *c, size_t *removed, struct hf_error *err);

#endif
