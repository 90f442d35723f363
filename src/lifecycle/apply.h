/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replacing code and variables together (L3). Each function works inside a transaction that its caller began and
 * commits; `record` is changed accordingly and saved by the caller in the same transaction.
 */
#ifndef HF_APPLY_H
#define HF_APPLY_H

#include <holdfast/flash_image.h>

#include "life_record.h"
#include "set_aside.h"
#include "slots.h"

/* Active becomes the fallback (with a snapshot of the variables), staged becomes active, the variables are converted
 * when the layout differs, and keys that wait are merged in. Nothing is dropped until the boot is open: see applied.h.
 * `limit` is the coming trial's. The rules of hf_firmware_fits() and hf_secure_boot_keep() are checked again: the guest
 * has written since. */
int hf_apply_staged(struct hf_container *c, uint32_t limit, int64_t now, struct hf_life_record *record,
                    struct hf_error *err);

/* The fallback becomes active with the variables that record->back says; what is replaced is kept as a snapshot. What
 * was added since to db, KEK, dbx, MokListX and SbatLevel is carried over; where the result would not boot or not fit
 * (hf_trust_carry()) the present variables stay, and the log says why. `set_aside` names what was kept where
 * (set_aside.h). */
int hf_apply_fallback(struct hf_container *c, int64_t now, struct hf_life_record *record,
                      char set_aside[HF_SET_ASIDE_SIZE], struct hf_error *err);

/* `info` becomes the active slot, active since then: what the code bank reads. */
int hf_apply_slot(struct hf_container *c, struct hf_slot_info *info, int64_t since, struct hf_error *err);

/* The present variables in another layout. HF_EREFUSED as hf_variables_convert(). */
int hf_apply_convert(struct hf_container *c, enum hf_layout layout, struct hf_error *err);

/* Code alone, for a caller that brings the variables in the same transaction: the image, which is in the container,
 * becomes active. What people call it is taken from the image. */
int hf_apply_image(struct hf_container *c, const struct hf_digest *code, int64_t now, struct hf_error *err);

#endif
