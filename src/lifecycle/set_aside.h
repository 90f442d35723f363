/* SPDX-License-Identifier: BSD-2-Clause */
/* What a rollback sets aside, named: the firmware, the variables that were set since, and the command that brings them
 * back. */
#ifndef HF_SET_ASIDE_H
#define HF_SET_ASIDE_H

#include "container.h"

#define HF_SET_ASIDE_SIZE 480

/* In the rollback's transaction, when its variables are in place: `snapshot` has what was replaced, firmware `label`
 * with it. Says it in the log, and in `words`, without a full stop. */
int hf_set_aside_tell(struct hf_container *c, int64_t snapshot, const char *label, int64_t now,
                      char words[HF_SET_ASIDE_SIZE], struct hf_error *err);

#endif
