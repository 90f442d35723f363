/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules that a change of keys is held to, before and after it was planned. */
#ifndef HF_KEY_RULES_H
#define HF_KEY_RULES_H

#include "key_update.h"

int hf_key_rules_before(const struct hf_var *vars, size_t count, const struct hf_key_request *request,
                        struct hf_error *err);
int hf_key_rules_after(const struct hf_var *vars, size_t count, const struct hf_key_request *request,
                       const struct hf_key_plan *plan, struct hf_error *err);

#endif
