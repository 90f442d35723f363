/* SPDX-License-Identifier: BSD-2-Clause */
/* What a container's guest needs of a host, read from the container. */
#ifndef HF_CONTAINER_NEEDS_H
#define HF_CONTAINER_NEEDS_H

#include "container.h"
#include "guest_needs.h"

struct hf_container_needs; /* owns what the needs borrow */

/* Reads everything of one moment. The container may be open in any mode. HF_EDAMAGED and the store's errors; a guest
 * whose active slot is empty is HF_ENOTFOUND. */
int hf_container_needs_read(struct hf_container *c, struct hf_container_needs **ret, struct hf_error *err);
void hf_container_needs_free(struct hf_container_needs *needs);

/* Valid until the needs are freed. `running` is false: the caller knows. */
const struct hf_guest_needs *hf_container_needs_get(const struct hf_container_needs *needs);

#endif
