/* SPDX-License-Identifier: BSD-2-Clause */
/* What a container's guest needs of a host, read from the container. */
#ifndef HF_CONTAINER_NEEDS_H
#define HF_CONTAINER_NEEDS_H

#include "container.h"
#include "digest.h"
#include "guest_needs.h"

struct hf_container_needs; /* owns what the needs borrow */

/* Reads everything of one moment. The container may be open in any mode. HF_EDAMAGED and the store's errors; a guest
 * whose active slot is empty is HF_ENOTFOUND. */
int hf_container_needs_read(struct hf_container *c, struct hf_container_needs **ret, struct hf_error *err);

/* For many containers in a row: an image that was looked at already is not read again, its digest says that it is the
 * same. Zero it first. */
struct hf_known_images {
    struct {
        struct hf_digest digest;
        const char *kind;
        uint64_t size;
        bool needs_smm;
    } image[32];
    size_t count;
};
int hf_container_needs_read_known(struct hf_container *c, struct hf_known_images *known,
                                  struct hf_container_needs **ret, struct hf_error *err);

void hf_container_needs_free(struct hf_container_needs *needs);

/* Valid until the needs are freed. `running` is false: the caller knows. */
const struct hf_guest_needs *hf_container_needs_get(const struct hf_container_needs *needs);

#endif
