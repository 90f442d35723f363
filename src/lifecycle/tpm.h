/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest with a TPM must be asked before its firmware or its Secure Boot keys change: secrets sealed to what the
 * TPM measured are not released to another measurement. */
#ifndef HF_TPM_H
#define HF_TPM_H

#include "life_record.h"
#include "variables.h"

enum hf_tpm_change {
    HF_TPM_FIRMWARE, /* PCR 0, and PCR 7 with other Secure Boot variables */
    HF_TPM_KEYS,     /* PCR 7 */
};

/* HF_EREFUSED "tpm-aware": the guest has a TPM and its owner has not said --tpm-aware; the text has the PCRs and the
 * commands to run in the guest first. */
int hf_tpm_ask(bool tpm, bool aware, enum hf_tpm_change change, struct hf_error *err);

/* Whether a variable differs that PCR 7 measures: PK, KEK, db, dbx, SecureBootEnable. */
bool hf_tpm_measures_change(const struct hf_variables *now, const struct hf_variables *then);

#endif
