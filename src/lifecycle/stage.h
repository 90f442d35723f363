/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting an image in the staged slot, and taking it out. Both are one durable transaction and work beside a runner. */
#ifndef HF_STAGE_H
#define HF_STAGE_H

#include "inspect.h"
#include "life_record.h"
#include "packed_image.h"

/* What staging an image does without a container: the longer part of it. */
struct hf_stage_work {
    struct hf_firmware firmware;
    struct hf_packed_image packed;
};

/* Any thread. As hf_firmware_inspect(). */
int hf_stage_prepare(const void *bytes, size_t size, const char *label, struct hf_stage_work *ret,
                     struct hf_error *err);
void hf_stage_work_done(struct hf_stage_work *work);

struct hf_stage_request {
    const void
        *bytes; /* NULL, with tpm_aware or no_secure_boot: only gives the owner's word for what is staged already */
    size_t size;
    const struct hf_stage_work *work; /* hf_stage_prepare() of these bytes; NULL: it is done here */
    const char *label;                /* for people, or NULL: told from the bytes */
    const char *origin;               /* where it came from: a path */
    bool by_guest;                    /* it comes from inside the guest: further refusals, those of hf_guest_may() */
    bool tpm_aware;                   /* the owner knows that the TPM will measure something else */
    bool no_secure_boot;              /* the owner gives up what Secure Boot protects */
    bool dry_run;                     /* says what would happen and changes nothing */
    int64_t now;
};

struct hf_stage_report {
    struct hf_firmware firmware; /* what was staged */
    bool converts;               /* the variables will be converted when it is applied */
    bool replaced;               /* another image was staged before */
    uint64_t reserved;           /* bytes allocated so that apply and rollback need no new space */
};

/* HF_EREFUSED: the rules of hf_firmware_fits() and hf_lifecycle_try(), and
 *   policy     the policy is host: the host decides
 *   secure-boot  as hf_secure_boot_keep(), unless no_secure_boot
 *   tpm-aware  the guest has a TPM; the text names the PCRs and what to do in the guest first
 * HF_ENOSPC: no room for image, snapshot and rollback; the text has the numbers. */
int hf_stage(struct hf_container *c, const struct hf_stage_request *request, struct hf_stage_report *report,
             struct hf_error *err);

/* HF_EREFUSED "staged": nothing is staged. */
int hf_unstage(struct hf_container *c, int64_t now, bool dry_run, struct hf_error *err);

/* For the policies, inside a transaction: the image goes into the staged slot and `record` is moved on by `event`. */
int hf_stage_put(struct hf_container *c, enum hf_life_event event, const struct hf_firmware *fw,
                 const struct hf_stage_request *request, struct hf_life_record *record, struct hf_error *err);

#endif
