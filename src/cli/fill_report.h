/* SPDX-License-Identifier: BSD-2-Clause */
/* How full a variable store is, as verbs tell it. */
#ifndef HF_FILL_REPORT_H
#define HF_FILL_REPORT_H

#include <holdfast/varstore.h>

#include "output.h"

/* A warning above HF_FILL_WARNING percent, with what fills it; in JSON always the percentage. */
void hf_fill_line(const struct hf_invocation *inv, json_t *object, const struct hf_varstore *store);

#endif
