/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking for the fallback back. It is applied at the next boot (apply.h), by the program that starts the guest then. */
#ifndef HF_ROLLBACK_H
#define HF_ROLLBACK_H

#include "life_record.h"
#include "slots.h"
#include "variables.h"

struct hf_rollback_request {
    bool chosen;                  /* the operator said which variables */
    struct hf_rollback_wish wish; /* with `by_guest` further refusals: those of hf_guest_may() */
    bool tpm_aware;               /* the owner knows that the TPM will measure something else */
    bool no_secure_boot;          /* the owner gives up what Secure Boot protects */
    bool dry_run;
    int64_t now;
};

struct hf_rollback_report {
    struct hf_slot_info active, fallback;
    char carried[HF_CARRIED_SIZE]; /* the variables that keep what was added to them since: "db, dbx" */
    char kept[HF_ERROR_TEXT_MAX];  /* why the present variables stay although others were asked for; or "" */
    bool variables_differ;         /* the present variables are not those that the fallback was replaced with */
};

/* What a rollback would do now. HF_EREFUSED "fallback": there is none; the text says since when. */
int hf_rollback_look(struct hf_container *c, struct hf_rollback_report *report, struct hf_error *err);

/* One durable transaction; works beside a runner. HF_EREFUSED "fallback"; "staged" (unstage first); "variables": the
 * variables differ and the operator has not said which to keep; "tpm-aware": hf_tpm_ask(); "secure-boot":
 * hf_secure_boot_ask(). Variables that could not
 * come back with what was added since (hf_trust_carry()) do not: the present ones stay, and the report says why. */
int hf_rollback(struct hf_container *c, const struct hf_rollback_request *request, struct hf_rollback_report *report,
                struct hf_error *err);

#endif
