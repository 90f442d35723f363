/* SPDX-License-Identifier: BSD-2-Clause */
#include "trial.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static const char *const ending_names[] = {
    [HF_ENDING_RESET] = "guest reset",
    [HF_ENDING_PANIC] = "panic",
    [HF_ENDING_EXIT] = "QEMU ended",
    [HF_ENDING_TIMEOUT] = "no sign of life",
    [HF_ENDING_POWER_OFF] = "powered off by the guest",
    [HF_ENDING_OPERATOR] = "operator",
    [HF_ENDING_HOST] = "ended by the host",
    [HF_ENDING_MOVED] = "moved to another host",
    [HF_ENDING_UNSEEN] = "not watched",
};
_Static_assert(HF_ARRAY_SIZE(ending_names) == HF_ENDING_MAX, "one name per ending");

const char *hf_ending_name(enum hf_ending ending)
{
    return (unsigned)ending < HF_ENDING_MAX ? ending_names[ending] : NULL;
}

bool hf_ending_is_evidence(enum hf_ending ending)
{
    switch (ending) {
    case HF_ENDING_RESET:
    case HF_ENDING_PANIC:
    case HF_ENDING_EXIT:
    case HF_ENDING_TIMEOUT:
        return true;
    default:
        return false;
    }
}

static uint32_t add_one(uint32_t n)
{
    return n == UINT32_MAX ? n : n + 1;
}

void hf_trial_open_boot(struct hf_trial *t, const char *boot_id, bool unwatched)
{
    assert(!t->open);
    t->open = true;
    t->unwatched = unwatched;
    t->spoiled = false;
    t->started = add_one(t->started);
    snprintf(t->boot_id, sizeof t->boot_id, "%s", boot_id);
}

void hf_trial_resume_boot(struct hf_trial *t, const char *boot_id, bool unwatched)
{
    uint32_t started = t->started;

    hf_trial_open_boot(t, boot_id, unwatched);
    t->spoiled = true;
    if (t->cut == 0)
        return;
    t->started = started;
    t->cut--;
}

enum hf_life_event hf_trial_close_boot(struct hf_trial *t, enum hf_ending ending)
{
    bool counts = t->open && !t->spoiled && hf_ending_is_evidence(ending);

    if (!t->open)
        return HF_EVENT_CUT;
    t->open = t->unwatched = t->spoiled = false;
    t->boot_id[0] = '\0';
    if (!counts) {
        t->cut = add_one(t->cut);
        return HF_EVENT_CUT;
    }
    t->failed = add_one(t->failed);
    return t->limit != 0 && t->failed >= t->limit ? HF_EVENT_FAILED_LAST : HF_EVENT_FAILED;
}

enum hf_ending hf_trial_presumed_ending(const struct hf_trial *t)
{
    return t->unwatched ? HF_ENDING_UNSEEN : HF_ENDING_HOST;
}
