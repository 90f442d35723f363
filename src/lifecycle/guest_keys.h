/* SPDX-License-Identifier: BSD-2-Clause */
/* Secure Boot keys that the guest asks for itself: the set that its owner named with the setting guest-keys, no other.
 */
#ifndef HF_GUEST_KEYS_H
#define HF_GUEST_KEYS_H

#include "staged_keys.h"

struct hf_guest_keys_request {
    bool tpm_aware, dry_run;
    int64_t now;
};

/* As hf_stage_keys(), with the refusals of hf_guest_may(). HF_EREFUSED "guest-keys": the owner has allowed no set. */
int hf_guest_keys_stage(struct hf_container *c, const struct hf_guest_keys_request *request,
                        struct hf_key_stage_report *report, struct hf_error *err);

/* The set that the guest may ask for; NULL when there is none. */
const struct hf_key_set *hf_guest_keys_allowed(struct hf_container *c);

#endif
