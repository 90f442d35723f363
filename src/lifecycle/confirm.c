/* SPDX-License-Identifier: BSD-2-Clause */
#include "confirm.h"

#include <string.h>

#include "eventlog.h"
#include "life_work.h"

static int confirm(struct hf_life_work *w, const char *label, bool dry_run)
{
    enum hf_decision decision;
    int r = hf_life_step(w, HF_EVENT_CONFIRM, &decision);

    if (r < 0 || dry_run || decision == HF_DECIDE_NOTHING)
        return r;
    w->now.trial = (struct hf_trial){0};
    w->now.back = (struct hf_rollback_wish){0};
    w->now.held[0] = '\0';
    return hf_event_append(w->c, w->at, "confirm", w->err, "'%s' was confirmed by hand%s", label,
                           decision == HF_DECIDE_KEEP ? "; the rollback that waited is called off" : "");
}

int hf_confirm(struct hf_container *c, int64_t now, bool dry_run, struct hf_confirm_report *report,
               struct hf_error *err)
{
    struct hf_confirm_report done = {0};
    struct hf_slot_info active;
    struct hf_life_work w;
    int r = hf_life_begin(&w, c, now, err);

    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);
    if (r == 0)
        r = confirm(&w, active.label, dry_run);
    if (r == 0) {
        done.was = w.was.life;
        memcpy(done.label, active.label, sizeof done.label);
    }
    r = hf_life_end(&w, r, dry_run);
    if (r == 0)
        *report = done;
    return r;
}
