/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secure Boot keys that wait for the next boot, as an image does: alone, or beside one.
 *
 * They are a bundle (key_bundle.h) kept with the staged slot. Without an image that slot holds the active one, so that
 * all else is as with an upgrade: snapshot, trial, rollback. At the boot they are merged into the variables that the
 * guest has by then.
 */
#ifndef HF_STAGED_KEYS_H
#define HF_STAGED_KEYS_H

#include "key_update.h"
#include "life_record.h"
#include "slots.h"
#include "variables.h"

struct hf_key_stage_request {
    const struct hf_key_request *keys; /* without a store: that is the container's */
    const char *words;                 /* what is added, for the log */
    bool tpm_aware;                    /* the owner knows that the TPM will measure something else */
    bool by_guest;                     /* asked for from inside the guest: further refusals, those of hf_guest_may() */
    bool dry_run;
    int64_t now;
};

struct hf_key_stage_report {
    bool nothing;    /* the guest has all of it: nothing was staged */
    bool with_image; /* an image waits too: both are applied together */
};

/* In one transaction. HF_EREFUSED: the rules of hf_key_plan_make() and hf_lifecycle_try(), and
 *   policy     the policy is host: the host decides
 *   tpm-aware  the guest has a TPM; the text says what to do in the guest first
 * HF_ENOTFOUND: the guest keeps no variables. */
int hf_stage_keys(struct hf_container *c, const struct hf_key_stage_request *request,
                  struct hf_key_stage_report *report, struct hf_error *err);

/* Whether keys wait in this slot, and whether nothing but keys does. */
bool hf_slot_has_keys(const struct hf_slot_info *staged);
bool hf_slot_is_keys_alone(const struct hf_slot_info *staged, const struct hf_slot_info *active);

/* Makes the staged slot empty for another image, but for keys that wait: `slot`, the image's, gets them. */
int hf_staged_keys_keep(struct hf_container *c, struct hf_slot_info *slot, struct hf_error *err);

/* At a boot, inside the transaction that applies `staged`: the keys that wait with it, if any, are merged into the
 * present variables. */
int hf_staged_keys_apply(struct hf_container *c, const struct hf_slot_info *staged, int64_t now, struct hf_error *err);

/* The same in memory alone: what the guest's variables would be. */
int hf_staged_keys_preview(struct hf_container *c, const struct hf_slot_info *staged, struct hf_variables *v,
                           struct hf_error *err);

/* In memory: takes out of the present variables what was staged with the firmware that `snapshot`, the fallback's, is
 * from before of. A rollback undoes it; what came otherwise is carried over (hf_trust_carry()). */
int hf_staged_keys_undo(struct hf_container *c, int64_t snapshot, struct hf_variables *v, struct hf_error *err);

#endif
