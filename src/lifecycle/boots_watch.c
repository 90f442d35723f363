/* SPDX-License-Identifier: BSD-2-Clause */
/* A boot while it is watched: what its VMM and its guest tell, and what is to be watched for. */
#include "boots.h"

#include <stdio.h>
#include <string.h>

#include "choices.h"
#include "eventlog.h"
#include "life_work.h"

int hf_lifecycle_moved(struct hf_container *c, int64_t now, struct hf_error *err)
{
    struct hf_life_work w;
    int r = hf_life_begin(&w, c, now, err);

    w.now.trial.spoiled = w.now.trial.open;
    return hf_life_end(&w, r, false);
}

int hf_lifecycle_started(struct hf_container *c, const char *vmm, const char *machine, bool tpm, int64_t now,
                         struct hf_error *err)
{
    struct hf_life_work w;
    int r = hf_life_begin(&w, c, now, err);

    if (r == 0 && w.was.vmm[0] != '\0' && strcmp(w.was.vmm, vmm) != 0)
        r = hf_event_append(c, now, "vmm", err, "started under version %s; the last start was under %s", vmm,
                            w.was.vmm);
    if (r == 0 && w.was.machine[0] != '\0' && strcmp(w.was.machine, machine) != 0)
        r = hf_event_append(c, now, "vmm", err, "the machine type is %s; at the last start it was %s", machine,
                            w.was.machine);
    snprintf(w.now.vmm, sizeof w.now.vmm, "%s", vmm);
    snprintf(w.now.machine, sizeof w.now.machine, "%s", machine);
    w.now.tpm = tpm;
    return hf_life_end(&w, r, false);
}

static bool is_the_signal(const struct hf_confirm_by *by, enum hf_signal signal)
{
    return signal != HF_SIGNAL_MANUAL && by->signal == signal;
}

static int confirm_by_signal(struct hf_life_work *w, enum hf_signal signal)
{
    const struct hf_move *move = hf_lifecycle_move(w->now.life, HF_EVENT_SIGNAL);

    w->now.life = move->next;
    w->now.trial = (struct hf_trial){0};
    return hf_event_append(w->c, w->at, "confirm", w->err, "confirmed by %s", hf_signal_name(signal));
}

int hf_lifecycle_signal(struct hf_container *c, enum hf_signal signal, int64_t now, bool *confirmed,
                        struct hf_error *err)
{
    struct hf_choices choices;
    struct hf_life_work w;
    bool ends = false;
    int r = hf_life_begin(&w, c, now, err);

    if (r == 0)
        r = hf_choices_get(c, &choices, err);
    if (r == 0) {
        ends = is_the_signal(&choices.by, signal) &&
               hf_lifecycle_move(w.now.life, HF_EVENT_SIGNAL)->decision == HF_DECIDE_CONFIRM;
        r = ends ? confirm_by_signal(&w, signal) : 0;
    }
    r = hf_life_end(&w, r, false);
    if (r == 0 && confirmed != NULL)
        *confirmed = ends;
    return r;
}

/* Whether the next reset may be the moment of other firmware. */
static bool may_change(const struct hf_life_record *record, const struct hf_choices *choices)
{
    const struct hf_trial *t = &record->trial;

    switch (record->life) {
    case HF_LIFE_STAGED:
        return !choices->at_power_on;
    case HF_LIFE_ROLLBACK:
        return true;
    case HF_LIFE_APPLIED:
    case HF_LIFE_TRIAL:
        return t->limit != 0 && t->failed + 1 >= t->limit;
    default:
        return false;
    }
}

int hf_lifecycle_watch(struct hf_container *c, bool cold_reset, struct hf_watch *watch, struct hf_error *err)
{
    struct hf_life_record record;
    struct hf_choices choices;
    int r = hf_life_load(c, &record, err);

    if (r == 0)
        r = hf_choices_get(c, &choices, err);
    if (r < 0)
        return r;
    *watch = (struct hf_watch){
        .life = record.life,
        .next_changes = may_change(&record, &choices),
        .intercept = cold_reset || record.life != HF_LIFE_STEADY || hf_policy_needs_every_reset(choices.policy),
        .reset_now = record.life == HF_LIFE_ROLLBACK && record.back.now,
        .by = choices.by,
        .timeout = choices.timeout,
    };
    return 0;
}
