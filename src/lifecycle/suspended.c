/* SPDX-License-Identifier: BSD-2-Clause */
#include "suspended.h"

#include <string.h>

#include "banks.h"
#include "eventlog.h"
#include "life_work.h"
#include "slots.h"
#include "snapshots.h"

static int suspend(struct hf_life_work *w)
{
    enum hf_decision decision;
    struct hf_slot_info active;
    int r = hf_life_step(w, HF_EVENT_SUSPEND, &decision);

    if (r == 0)
        r = hf_slot_get(w->c, HF_SLOT_ACTIVE, &active, w->err);
    if (r < 0)
        return r;
    w->now.suspended =
        (struct hf_suspended){.pending = true, .since = w->at, .changes = w->now.changes, .code = active.code};
    w->now.trial.spoiled = w->now.trial.open;
    return hf_event_append(w->c, w->at, "suspend", w->err, "the guest's state was saved; it holds the firmware too");
}

int hf_suspend(struct hf_container *c, int64_t now, struct hf_error *err)
{
    struct hf_life_work w;
    int r = hf_life_begin(&w, c, now, err);

    if (r == 0)
        r = suspend(&w);
    return hf_life_end(&w, r, false);
}

static int check_unchanged(struct hf_life_work *w, const struct hf_digest *code)
{
    const struct hf_suspended *s = &w->was.suspended;
    char a[HF_DIGEST_TEXT_SIZE], b[HF_DIGEST_TEXT_SIZE];
    struct hf_digest active;
    int r = hf_bank_digest(w->c, HF_BANK_CODE, &active, w->err);

    if (r < 0)
        return r;
    if (!hf_digest_equal(&active, code))
        return hf_error_refuse(w->err, "suspended",
                               "saved state: firmware %.12s differs from the container's %.12s: a reset would change "
                               "the firmware; start the guest without the saved state",
                               hf_digest_text(code, a), hf_digest_text(&active, b));
    if (s->pending && s->changes != w->was.changes)
        return hf_error_refuse(
            w->err, "suspended",
            "saved state: firmware or variables were replaced after it was saved (see 'holdfast log'); resuming would "
            "bring the old variables back; start the guest without the saved state");
    return 0;
}

static int keep_newer(struct hf_life_work *w, const struct hf_digest *vars, struct hf_resume_report *report)
{
    struct hf_digest present;
    int r;

    if (vars == NULL)
        return 0;
    r = hf_bank_digest(w->c, HF_BANK_VARS, &present, w->err);
    if (r < 0 || hf_digest_equal(&present, vars))
        return r;
    report->newer_variables = true;
    r = hf_snapshot_take(w->c, "before resume", w->at, &report->snapshot, w->err);
    return r < 0 ? r
                 : hf_event_append(w->c, w->at, "resume", w->err,
                                   "a saved state brings its own variables; the newer ones are snapshot %lld",
                                   (long long)report->snapshot);
}

static int resume(struct hf_life_work *w, const struct hf_digest *code, const struct hf_digest *vars,
                  struct hf_resume_report *report)
{
    enum hf_decision decision;
    int r = check_unchanged(w, code);

    if (r == 0)
        r = hf_life_step(w, HF_EVENT_RESUME, &decision);
    if (r == 0)
        r = keep_newer(w, vars, report);
    if (r < 0)
        return r;
    report->noted = w->was.suspended.pending;
    report->since = w->was.suspended.since;
    w->now.suspended = (struct hf_suspended){0};
    w->now.trial.spoiled = w->now.trial.open;
    return hf_event_append(w->c, w->at, "resume", w->err, "the guest resumed from a saved state");
}

int hf_resume(struct hf_container *c, const struct hf_digest *code, const struct hf_digest *vars, int64_t now,
              struct hf_resume_report *report, struct hf_error *err)
{
    struct hf_resume_report done = {0};
    struct hf_life_work w;
    int r = hf_life_begin(&w, c, now, err);

    if (r == 0)
        r = resume(&w, code, vars, &done);
    r = hf_life_end(&w, r, false);
    if (r == 0)
        *report = done;
    return r;
}
