/* SPDX-License-Identifier: BSD-2-Clause */
/* How rules write into a verdict. For this room only. */
#ifndef HF_FINDINGS_H
#define HF_FINDINGS_H

#include "preflight.h"

void hf_find(struct hf_verdict *verdict, const char *rule, enum hf_finding_weight weight, enum hf_finding_when when,
             const char *remedy, const char *fmt, ...) HF_PRINTF(6, 7);

#endif
