/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_fill.h"

#include <stdio.h>

#include <holdfast/ucs2.h>

enum { LARGEST = 3, NAME = 64 };

/* One variable, or all dumps together. */
struct part {
    const struct hf_var *var; /* NULL: the dumps */
    size_t bytes, count;
};

bool hf_var_is_dump(const struct hf_var *var)
{
    static const struct hf_guid crash = HF_GUID(0xcfc8fc79, 0xbe2e, 0x4ddc, 0x97f0, 0x9f98bfe298a0);
    static const char prefix[] = "dump-type";

    if (!hf_guid_equal(&var->guid, &crash) || var->name_size <= 2 * sizeof prefix)
        return false;
    for (size_t i = 0; i + 1 < sizeof prefix; i++)
        if (var->name[2 * i] != (uint8_t)prefix[i] || var->name[2 * i + 1])
            return false;
    return true;
}

unsigned hf_var_fill_percent(const struct hf_varstore *store)
{
    return store->room ? (unsigned)(store->live * 100 / store->room) : 0;
}

/* Keeps `top` in order, the largest first. */
static void offer(struct part top[LARGEST], struct part part)
{
    for (size_t i = 0; i < LARGEST; i++)
        if (part.bytes > top[i].bytes) {
            struct part smaller = top[i];

            top[i] = part;
            part = smaller;
        }
}

static size_t add(char text[HF_FILL_TEXT], size_t at, const struct part *part)
{
    char name[NAME];
    int n;

    if (part->var) {
        (void)hf_ucs2_to_utf8(part->var->name, part->var->name_size, name, sizeof name);
        n = snprintf(text + at, HF_FILL_TEXT - at, "%s'%s' %zu bytes", at ? "; " : "", name, part->bytes);
    } else {
        n = snprintf(text + at, HF_FILL_TEXT - at, "%s%zu crash dump%s of Linux %zu bytes (`vars clean`)",
                     at ? "; " : "", part->count, part->count == 1 ? "" : "s", part->bytes);
    }
    return at + (size_t)n;
}

const char *hf_var_fill_text(const struct hf_varstore *store, char text[HF_FILL_TEXT])
{
    struct part top[LARGEST] = {{0}}, dumps = {0};
    size_t at = 0;

    for (size_t i = 0; i < store->count; i++) {
        const struct hf_var *var = &store->vars[i];
        size_t bytes = hf_var_footprint(var, store->authenticated);

        if (hf_var_is_dump(var)) {
            dumps.bytes += bytes;
            dumps.count++;
        } else {
            offer(top, (struct part){.var = var, .bytes = bytes, .count = 1});
        }
    }
    offer(top, dumps);
    text[0] = '\0';
    for (size_t i = 0; i < LARGEST && top[i].bytes; i++)
        at = add(text, at, &top[i]);
    return text;
}
