/* SPDX-License-Identifier: BSD-2-Clause */
#include "revert.h"

#include <stdio.h>
#include <string.h>

#include "apply.h"
#include "eventlog.h"
#include "life_work.h"
#include "owner.h"
#include "slots.h"

int hf_snapshot_now(struct hf_container *c, const char *reason, int64_t now, bool dry_run, int64_t *id,
                    struct hf_error *err)
{
    struct hf_life_work w;
    int64_t taken = 0;
    int r = hf_life_begin(&w, c, now, err);

    if (r == 0)
        r = hf_snapshot_take(c, reason[0] ? reason : "operator", now, &taken, err);
    if (r == 0)
        r = hf_event_append(c, now, "snapshot", err, "snapshot %lld: %s", (long long)taken,
                            reason[0] ? reason : "operator");
    r = hf_life_end(&w, r, dry_run);
    if (r == 0)
        *id = taken;
    return r;
}

static int need_off(struct hf_container *c, struct hf_error *err)
{
    struct hf_runner runner;
    int r = hf_runner_get(hf_container_id(c), &runner, err);

    if (r == -HF_ENOTFOUND)
        return 0;
    if (r < 0)
        return r;
    return hf_error_refuse(err, "running", "the guest runs (process %lld): shut it down first", (long long)runner.pid);
}

/* The image in the snapshot becomes the active one; what people call it comes from wherever it is still known. */
static int bring_code(struct hf_life_work *w, const struct hf_snapshot *to, bool *changes)
{
    struct hf_slot_info active;
    int r = hf_slot_get(w->c, HF_SLOT_ACTIVE, &active, w->err);

    if (r < 0)
        return r;
    *changes = to->has_code && !hf_digest_equal(&to->code, &active.code);
    return *changes ? hf_apply_image(w->c, &to->code, w->at, w->err) : 0;
}

static int revert(struct hf_life_work *w, int64_t id, struct hf_revert_report *report)
{
    enum hf_decision decision;
    int r = hf_life_step(w, HF_EVENT_REVERT, &decision);

    if (r == 0)
        r = hf_snapshot_get(w->c, id, &report->to, w->err);
    if (r < 0)
        return r;
    /* Taking one may push out the oldest, and that may be the one wanted. */
    r = hf_snapshot_take(w->c, "before revert", w->at, &report->kept, w->err);
    if (r == 0)
        r = hf_snapshot_get(w->c, id, &report->to, NULL);
    if (r == -HF_ENOTFOUND)
        return hf_error_refuse(w->err, "snapshots",
                               "snapshot %lld is the oldest of %d and would make way for the one of what is replaced: "
                               "remove another first",
                               (long long)id, HF_SNAPSHOTS_MAX);
    if (r == 0 && report->to.has_vars)
        r = hf_snapshot_restore(w->c, id, w->err);
    if (r == 0)
        r = bring_code(w, &report->to, &report->code_changes);
    if (r < 0)
        return r;
    w->now.changes++;
    return hf_event_append(w->c, w->at, "revert", w->err, "back to snapshot %lld; what was replaced is snapshot %lld",
                           (long long)id, (long long)report->kept);
}

int hf_revert(struct hf_container *c, int64_t id, int64_t now, bool dry_run, struct hf_revert_report *report,
              struct hf_error *err)
{
    struct hf_revert_report done;
    struct hf_life_work w;
    int r = need_off(c, err);

    if (r < 0)
        return r;
    memset(&done, 0, sizeof done);
    r = hf_life_begin(&w, c, now, err);
    if (r == 0)
        r = revert(&w, id, &done);
    r = hf_life_end(&w, r, dry_run);
    if (r == 0)
        *report = done;
    return r;
}
