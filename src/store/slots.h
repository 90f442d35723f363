/* SPDX-License-Identifier: BSD-2-Clause */
/* Which firmware the guest runs (active), gets next (staged), and falls back to (fallback). */
#ifndef HF_SLOTS_H
#define HF_SLOTS_H

#include "container.h"
#include "digest.h"

enum hf_slot { HF_SLOT_ACTIVE = 1, HF_SLOT_STAGED = 2, HF_SLOT_FALLBACK = 3 };

#define HF_SLOT_LABEL_SIZE  128
#define HF_SLOT_ORIGIN_SIZE 512

struct hf_slot_info {
    struct hf_digest code;          /* an image of kind code that is in the container */
    bool has_vars;                  /* vars below is set: the template that belongs to this code */
    struct hf_digest vars;          /* an image of kind vars */
    int64_t snapshot;               /* the variables this slot goes back to; 0: none. Never evicted while referred to */
    int64_t since;                  /* when it got here */
    char label[HF_SLOT_LABEL_SIZE]; /* for people: "OVMF 2022.11-6" */
    char origin[HF_SLOT_ORIGIN_SIZE]; /* where the file came from */
};

/* "active", "staged", "fallback"; never NULL. */
const char *hf_slot_text(enum hf_slot slot);

/* HF_ENOTFOUND: the slot is empty. */
int hf_slot_get(struct hf_container *c, enum hf_slot slot, struct hf_slot_info *info, struct hf_error *err);
/* In a transaction. HF_ENOTFOUND: an image or the snapshot it names is not in the container. Changing the active slot
 * changes what the code bank reads. */
int hf_slot_set(struct hf_container *c, enum hf_slot slot, const struct hf_slot_info *info, struct hf_error *err);
/* In a transaction. Harmless when empty. Images stay until hf_image_collect(). */
int hf_slot_clear(struct hf_container *c, enum hf_slot slot, struct hf_error *err);

#endif
