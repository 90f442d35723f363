/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is to be added to a guest's keys at its next boot, as bytes: signature lists for each variable, the times of
 * signed updates, the rules that the operator overrode. Signatures were verified when the bundle was made. Merging it
 * into what the guest has by then is hf_key_plan_make()'s. Pure.
 */
#ifndef HF_KEY_BUNDLE_H
#define HF_KEY_BUNDLE_H

#include "key_update.h"

struct hf_key_bundle {
    struct hf_key_file lists[HF_KEY_VARIABLES];
    struct hf_key_addition additions[HF_KEY_VARIABLES]; /* of those that are not empty; they point into `lists` */
    uint8_t times[HF_KEY_VARIABLES][16];
    bool allow[HF_KEY_RULES];
    size_t count;
};

/* All additions of a request that hf_key_plan_make() accepted. With `earlier` (bytes of a bundle, or NULL) what that
 * adds comes first. *bytes is allocated. HF_ENOMEM, HF_ENOSPC, HF_EDAMAGED. */
int hf_key_bundle_pack(const struct hf_key_request *request, const void *earlier, size_t earlier_size, uint8_t **bytes,
                       size_t *size, struct hf_error *err);

/* HF_EDAMAGED: these are not the bytes of a bundle. End with hf_key_bundle_done(); the bundle must not be moved. */
int hf_key_bundle_open(const void *bytes, size_t size, struct hf_key_bundle *ret, struct hf_error *err);
void hf_key_bundle_done(struct hf_key_bundle *bundle);

/* The bundle as a request for a store; it points into the bundle. */
struct hf_key_request hf_key_bundle_request(const struct hf_key_bundle *bundle, const struct hf_varstore *store);

#endif
