/* SPDX-License-Identifier: BSD-2-Clause */
#include "confirm.h"

#include <string.h>

#include "eventlog.h"
#include "from_inside.h"
#include "life_work.h"

struct asking {
    bool by_guest, dry_run;
};

static int confirm(struct hf_life_work *w, const char *label, const struct asking *asking)
{
    enum hf_decision decision;
    int r = asking->by_guest ? hf_guest_may(w->c, &w->was, HF_EVENT_CONFIRM, w->err) : 0;

    if (r == 0)
        r = hf_life_step(w, HF_EVENT_CONFIRM, &decision);
    if (r < 0 || asking->dry_run || decision == HF_DECIDE_NOTHING)
        return r;
    w->now.trial = (struct hf_trial){0};
    w->now.back = (struct hf_rollback_wish){0};
    w->now.held[0] = '\0';
    return hf_event_append(w->c, w->at, "confirm", w->err, "'%s' was confirmed %s%s", label,
                           asking->by_guest ? "from inside the guest" : "by hand",
                           decision == HF_DECIDE_KEEP ? "; the pending rollback is cancelled" : "");
}

static int confirm_as(struct hf_container *c, int64_t now, const struct asking *asking,
                      struct hf_confirm_report *report, struct hf_error *err)
{
    struct hf_confirm_report done = {0};
    struct hf_slot_info active;
    struct hf_life_work w;
    int r = hf_life_begin_by_hand(&w, c, now, err);

    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);
    if (r == 0)
        r = confirm(&w, active.label, asking);
    if (r == 0) {
        done.was = w.was.life;
        memcpy(done.label, active.label, sizeof done.label);
    }
    r = hf_life_end(&w, r, asking->dry_run);
    if (r == 0)
        *report = done;
    return r;
}

int hf_confirm(struct hf_container *c, int64_t now, bool dry_run, struct hf_confirm_report *report,
               struct hf_error *err)
{
    return confirm_as(c, now, &(struct asking){.dry_run = dry_run}, report, err);
}

int hf_confirm_from_inside(struct hf_container *c, int64_t now, struct hf_confirm_report *report, struct hf_error *err)
{
    return confirm_as(c, now, &(struct asking){.by_guest = true}, report, err);
}
