/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#define HF_VERB_ROW(name) &hf_verb_##name,
const struct hf_verb *const hf_verbs[] = {HF_VERBS(HF_VERB_ROW) NULL};
#undef HF_VERB_ROW
