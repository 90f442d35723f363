/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image that was applied for a boot that has not begun (state APPLIED of the table). Until the guest executes
 * nothing that the apply replaced is gone:
 *
 *              before            APPLIED                       boot open
 *   active     old               new                           new
 *   staged     new               former fallback, or empty     empty
 *   fallback   former, or empty  old, with its variables       old, with its variables
 *
 * Both functions work inside a transaction that their caller began and commits.
 */
#ifndef HF_APPLIED_H
#define HF_APPLIED_H

#include "life_record.h"

/* The guest is about to execute: the former fallback goes, and with it the way back to before the apply. */
int hf_applied_open(struct hf_container *c, struct hf_life_record *record, struct hf_error *err);

/* No boot came: slots, ROMs, variables and record are as they were before the apply, and its snapshot is gone.
 * Variables that an operator set in between stay, in the old layout. An image that a policy took for this start is
 * dropped. Moves record->life on. */
int hf_applied_take_back(struct hf_container *c, int64_t now, struct hf_life_record *record, struct hf_error *err);

#endif
