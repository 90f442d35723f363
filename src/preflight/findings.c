/* SPDX-License-Identifier: BSD-2-Clause */
#include "findings.h"

#include <stdarg.h>

#include "format.h"

void hf_find(struct hf_verdict *v, const char *rule, enum hf_finding_weight weight, enum hf_finding_when when,
             const char *remedy, const char *fmt, ...)
{
    va_list ap;

    if (weight == HF_FINDING_REFUSE)
        *(when == HF_WHEN_NOW ? &v->refused_now : &v->refused_next_reset) = true;
    if (v->count == HF_FINDINGS_MAX) {
        v->more = true;
        return;
    }
    v->finding[v->count] = (struct hf_finding){.when = when, .weight = weight, .rule = rule};
    hf_format(v->finding[v->count].remedy, HF_FINDING_TEXT_MAX, "%s", remedy);
    va_start(ap, fmt);
    hf_vformat(v->finding[v->count].text, HF_FINDING_TEXT_MAX, fmt, ap);
    va_end(ap);
    v->count++;
}
