/* SPDX-License-Identifier: BSD-2-Clause */
/* What preflight said, for people and as JSON. */
#ifndef HF_VERDICT_H
#define HF_VERDICT_H

#include "output.h"
#include "preflight.h"

/* Appends an object to the array `results`, and says the same unless --json was given. */
void hf_report_verdict(const struct hf_invocation *inv, const char *container, const struct hf_host_caps *host,
                       const struct hf_verdict *v, json_t *results);

#endif
