/* SPDX-License-Identifier: BSD-2-Clause */
#include "offer.h"

#include <stdio.h>
#include <string.h>

#include "choices.h"
#include "eventlog.h"
#include "secure_boot_record.h"
#include "stage.h"

/* What waits already, and a guest that comes with its firmware, want none. */
static bool asks_for_one(enum hf_policy policy, const struct hf_life_record *record, const struct hf_boot *boot)
{
    struct hf_policy_case q = {.policy = policy, .moment = boot->moment, .pinned = boot->pinned};

    if (boot->arrives || record->life != HF_LIFE_STEADY)
        return false;
    q.other_vmm = boot->vmm != NULL && record->vmm[0] != '\0' && strcmp(boot->vmm, record->vmm) != 0;
    return hf_policy_decide(&q) == HF_SOURCE_HOST;
}

int hf_lifecycle_wants_offer(struct hf_container *c, const struct hf_boot *boot, bool *wants, struct hf_error *err)
{
    struct hf_life_record record;
    struct hf_choices choices;
    int r = hf_life_load(c, &record, err);

    if (r == 0)
        r = hf_choices_get(c, &choices, err);
    if (r < 0)
        return r;
    *wants = asks_for_one(choices.policy, &record, boot);
    return 0;
}

static int refuse(struct hf_life_work *w, const char *label, const char *why)
{
    if (strcmp(w->now.offer, why) == 0)
        return 0;
    snprintf(w->now.offer, sizeof w->now.offer, "%s", why);
    return hf_event_append(w->c, w->at, "policy", w->err, "the host's firmware '%s' was not taken: %s", label, why);
}

static int take(struct hf_life_work *w, const struct hf_boot *boot, const struct hf_firmware *fw)
{
    struct hf_stage_request request = {
        .bytes = boot->offer->bytes,
        .size = boot->offer->size,
        .origin = boot->offer->origin,
        .now = w->at,
    };
    struct hf_error why;
    bool convert;
    int r;

    if (w->now.has_rejected && hf_digest_equal(&w->now.rejected, &fw->digest))
        return refuse(w, fw->label, "it was rolled back; the next version on this host will be taken");
    r = hf_firmware_fits(w->c, fw, &convert, &why);
    if (r < 0 && hf_error_is_rule(&why, "same-image")) {
        w->now.offer[0] = '\0';
        return 0;
    }
    if (r == 0)
        r = hf_secure_boot_allows(w->c, fw, &why);
    if (r == -HF_EREFUSED)
        return refuse(w, fw->label, why.text);
    if (r < 0)
        return hf_error_set(w->err, (enum hf_code) - r, "%s", why.text);
    w->now.offer[0] = '\0';
    return hf_stage_put(w->c, HF_EVENT_OFFER, fw, &request, &w->now, w->err);
}

int hf_offer_follow(struct hf_life_work *w, const struct hf_boot *boot)
{
    struct hf_choices choices;
    struct hf_firmware fw;
    struct hf_error why;
    int r = hf_choices_get(w->c, &choices, w->err);

    if (r < 0 || !asks_for_one(choices.policy, &w->now, boot))
        return r;
    if (boot->offer == NULL)
        return refuse(w, "?", boot->no_offer ? boot->no_offer : "this host has no firmware for this guest");
    r = hf_firmware_inspect(boot->offer->bytes, boot->offer->size, boot->offer->label, &fw, &why);
    if (r == -HF_EREFUSED)
        return refuse(w, boot->offer->origin ? boot->offer->origin : "?", why.text);
    if (r < 0)
        return hf_error_set(w->err, (enum hf_code) - r, "%s", why.text);
    return take(w, boot, &fw);
}
