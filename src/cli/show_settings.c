/* SPDX-License-Identifier: BSD-2-Clause */
#include "show_parts.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "settings.h"

static void setting_limits(const struct hf_setting *s, char *text, size_t size)
{
    if (s->type == HF_SETTING_CHOICE)
        snprintf(text, size, "%s", s->choices);
    else if (s->type == HF_SETTING_NUMBER)
        snprintf(text, size, "%lld to %lld", (long long)s->min, (long long)s->max);
    else if (s->type == HF_SETTING_BITS || s->type == HF_SETTING_DIGESTS)
        snprintf(text, size, "%s", s->type == HF_SETTING_BITS ? "DOMAIN.BIT,..." : "SHA256,...");
    else
        snprintf(text, size, "text");
}

int hf_show_settings(const struct hf_invocation *inv, struct hf_container *c, bool all, struct hf_error *err)
{
    static const char *const headings[] = {"key", "value", "may be", "meaning", NULL};
    hf_auto(hf_table_cleanup) struct hf_table *table = hf_table_new(headings);
    json_t *settings = hf_put_object(inv->report, "settings");

    for (const struct hf_setting *s = hf_settings(); s->key; s++) {
        char value[HF_SETTING_VALUE_SIZE], limits[128];
        int r = hf_setting_get(c, s->key, value, err);

        if (r < 0)
            return r;
        hf_put_text(settings, s->key, value);
        setting_limits(s, limits, sizeof limits);
        hf_table_cell(table, "%s", s->key);
        hf_table_cell(table, "%s", value);
        hf_table_cell(table, "%s", limits);
        hf_table_cell(table, "%s", s->help);
        if (!all && strcmp(value, s->initial))
            hf_field(inv, "Setting", "%s=%s", s->key, value);
    }
    if (all)
        hf_table_print(inv, table);
    return 0;
}
