/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's word that what runs is good, or the guest's own. */
#ifndef HF_CONFIRM_H
#define HF_CONFIRM_H

#include "container.h"
#include "lifecycle_table.h"
#include "slots.h"

struct hf_confirm_report {
    enum hf_life was; /* TRIAL: the trial ends; ROLLBACK: the rollback is called off; STEADY: nothing to do */
    char label[HF_SLOT_LABEL_SIZE]; /* of the image that stays */
};

/* One durable transaction; works beside a runner. The fallback stays until the next upgrade, so that `rollback` still
 * finds it. HF_EREFUSED "staged": the staged image has not run yet. */
int hf_confirm(struct hf_container *c, int64_t now, bool dry_run, struct hf_confirm_report *report,
               struct hf_error *err);

/* The same, asked from inside the guest; further refusals: those of hf_guest_may(). */
int hf_confirm_from_inside(struct hf_container *c, int64_t now, struct hf_confirm_report *report, struct hf_error *err);

#endif
