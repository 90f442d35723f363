/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware measures of its Secure Boot keys into a TPM's PCR 7 (TCG PC Client Platform Firmware Profile, 3.3.4.8).
 * Pure. */
#ifndef HF_PCR7_H
#define HF_PCR7_H

#include <holdfast/error.h>

#include "key_variable.h"

#define HF_PCR_SIZE 32 /* SHA-256 */

/* The value after SecureBoot, PK, KEK, db, dbx and the separator: what every boot begins with, before the first program
 * that db authorizes is measured too. HF_ENOMEM. */
int hf_pcr7_predict(const struct hf_var *vars, size_t count, uint8_t pcr[HF_PCR_SIZE], struct hf_error *err);

#endif
