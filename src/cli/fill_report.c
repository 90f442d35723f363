/* SPDX-License-Identifier: BSD-2-Clause */
#include "fill_report.h"

#include "var_fill.h"

void hf_fill_line(const struct hf_invocation *inv, json_t *object, const struct hf_varstore *store)
{
    unsigned percent = hf_var_fill_percent(store);
    char text[HF_FILL_TEXT];

    hf_put_number(object, "percent_full", percent);
    if (percent <= HF_FILL_WARNING)
        return;
    hf_put_text(object, "filled_by", hf_var_fill_text(store, text));
    hf_field(inv, "Warning", "variable store %u %% full; most of it: %s", percent, hf_var_fill_text(store, text));
}
