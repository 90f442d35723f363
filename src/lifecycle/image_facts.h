/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a code image is: identified once and kept by its digest, since identifying it takes longer than everything else
 * that a start reads of a container. The result is kept in this user's cache and not in the container, which may come
 * from another host: only what this code found in bytes with this digest is used.
 */
#ifndef HF_IMAGE_FACTS_H
#define HF_IMAGE_FACTS_H

#include <holdfast/flash_image.h>

#include "digest.h"

/* What hf_flash_identify() says of these bytes, without the lists of volumes and entries; their digest is `digest`, and
 * the caller has seen to that. HF_ENOMEM. */
int hf_image_facts(const struct hf_digest *digest, const void *bytes, size_t size, struct hf_flash_image *image,
                   struct hf_error *err);

/* The same, when it is known by now; bytes that do not have this digest are then still the caller's to find out. */
bool hf_image_facts_known(const struct hf_digest *digest, uint64_t size, struct hf_flash_image *image);

#endif
