/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_keys.h"

#include <stdio.h>

#include "known_certificate.h"
#include "settings.h"

const struct hf_key_set *hf_guest_keys_allowed(struct hf_container *c)
{
    char name[HF_SETTING_VALUE_SIZE];

    return hf_setting_get(c, "guest-keys", name, NULL) == 0 ? hf_key_set_find(name) : NULL; /* "off" is no set */
}

static int stage(struct hf_container *c, const struct hf_guest_keys_request *request, const struct hf_key_set *set,
                 const struct hf_key_request *keys, struct hf_key_stage_report *report, struct hf_error *err)
{
    char words[64];
    const struct hf_key_stage_request q = {.keys = keys,
                                           .words = words,
                                           .tpm_aware = request->tpm_aware,
                                           .by_guest = true,
                                           .dry_run = request->dry_run,
                                           .now = request->now};

    (void)snprintf(words, sizeof words, "set '%s', asked for from inside the guest", set->name);
    return hf_stage_keys(c, &q, report, err);
}

int hf_guest_keys_stage(struct hf_container *c, const struct hf_guest_keys_request *request,
                        struct hf_key_stage_report *report, struct hf_error *err)
{
    const struct hf_key_set *set = hf_guest_keys_allowed(c);
    struct hf_key_addition additions[HF_KEY_SET_MAX];
    struct hf_key_file files[HF_KEY_SET_MAX];
    struct hf_key_request keys = {.additions = additions};
    int r = 0;

    if (!set)
        return hf_error_refuse(err, "guest-keys",
                               "the guest may not ask for keys; allow a set with 'holdfast set G.hold "
                               "guest-keys=microsoft'");
    while (r == 0 && set->files[keys.count]) {
        r = hf_key_set_addition(set, keys.count, &files[keys.count], &additions[keys.count], err);
        keys.count += r == 0;
    }
    if (r == 0)
        r = stage(c, request, set, &keys, report, err);
    while (keys.count > 0)
        hf_key_file_done(&files[--keys.count]);
    return r;
}
