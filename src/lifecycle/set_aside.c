/* SPDX-License-Identifier: BSD-2-Clause */
#include "set_aside.h"

#include <stdio.h>
#include <string.h>

#include "eventlog.h"
#include "variables.h"

#define NAMES_SIZE 200

struct names {
    bool secure_boot; /* which ones this turn is about: they come first */
    unsigned more;    /* that found no room */
    char text[NAMES_SIZE];
};

static void add_name(void *ctx, const struct hf_var_difference *d)
{
    struct names *n = ctx;
    size_t at = strlen(n->text);

    if (d->secure_boot != n->secure_boot)
        return;
    if (n->more || at + strlen(d->name) + 3 > sizeof n->text)
        n->more++;
    else
        snprintf(n->text + at, sizeof n->text - at, "%s%s", at ? ", " : "", d->name);
}

static int find_names(struct hf_container *c, int64_t snapshot, struct names *n, struct hf_error *err)
{
    struct hf_variables present, kept;
    int r = hf_variables_of_bank(c, &present, err);

    if (r < 0)
        return r;
    r = hf_variables_of_snapshot(c, snapshot, &kept, err);
    if (r == 0) {
        n->secure_boot = true;
        hf_variables_compare(&kept, &present, add_name, n);
        n->secure_boot = false;
        hf_variables_compare(&kept, &present, add_name, n);
        hf_variables_done(&kept);
    }
    hf_variables_done(&present);
    return r;
}

int hf_set_aside_tell(struct hf_container *c, int64_t snapshot, const char *label, int64_t now,
                      char words[HF_SET_ASIDE_SIZE], struct hf_error *err)
{
    struct names n = {.more = 0};
    char more[32] = "";
    int r = find_names(c, snapshot, &n, err);

    if (r < 0)
        return r;
    if (n.more)
        snprintf(more, sizeof more, " and %u more", n.more);
    if (n.text[0])
        snprintf(
            words, HF_SET_ASIDE_SIZE,
            "'%.60s' and the variables that were changed under it (%s%s) are set aside in snapshot %lld: 'holdfast "
            "revert G.hold %lld' brings them back",
            label, n.text, more, (long long)snapshot, (long long)snapshot);
    else
        snprintf(words, HF_SET_ASIDE_SIZE,
                 "'%.60s' is set aside in snapshot %lld: 'holdfast revert G.hold %lld' brings it back", label,
                 (long long)snapshot, (long long)snapshot);
    return hf_event_append(c, now, "set-aside", err, "%s", words);
}
