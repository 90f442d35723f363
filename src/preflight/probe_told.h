/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One side of a probe as JSON, so that two hosts can compare what their VMMs show (docs/handover.md, "probe"). Pure.
 * The text comes from another host: whatever it holds, reading it gives a side or an error.
 */
#ifndef HF_PROBE_TOLD_H
#define HF_PROBE_TOLD_H

#include <jansson.h>

#include "probe_rules.h"

/* A new object, the caller's reference; NULL: no memory. */
json_t *hf_probe_told_write(const struct hf_probe_side *side);

/* Compares what was told here and there, by the rules of probe_rules.h; adds to `verdict`. HF_EPROTO: one of them is
 * none; HF_ENOMEM. `left_out` as in struct hf_probe. */
int hf_preflight_told(const struct hf_guest_needs *guest, const json_t *here, const json_t *there,
                      char *const *left_out, struct hf_verdict *verdict, struct hf_error *err);

#endif
