/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest may ask for itself, beside what the table of lifecycle_table.h says. It does as an operator would, but
 * it never undoes or replaces what was decided on the host and waits for the next boot, and where only the operator
 * confirms it does so only if its owner lets it.
 */
#ifndef HF_FROM_INSIDE_H
#define HF_FROM_INSIDE_H

#include "life_record.h"

/* STAGE, CONFIRM or ROLL_BACK, asked from inside the guest. HF_EREFUSED:
 *   host-decided   a rollback, an image or keys wait that the guest did not ask for
 *   guest-confirm  confirm-by is manual, and the setting guest-confirm is off */
int hf_guest_may(struct hf_container *c, const struct hf_life_record *record, enum hf_life_event event,
                 struct hf_error *err);

#endif
