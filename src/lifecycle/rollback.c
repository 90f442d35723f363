/* SPDX-License-Identifier: BSD-2-Clause */
#include "rollback.h"

#include <string.h>

#include "banks.h"
#include "eventlog.h"
#include "from_inside.h"
#include "life_work.h"
#include "snapshots.h"

static int variables_differ(struct hf_container *c, int64_t snapshot, bool *differ, struct hf_error *err)
{
    struct hf_snapshot kept;
    struct hf_digest now;
    uint64_t size;
    int r;

    *differ = false;
    if (snapshot == 0 || hf_bank_size(c, HF_BANK_VARS, &size, NULL) == -HF_ENOTFOUND)
        return 0;
    r = hf_snapshot_get(c, snapshot, &kept, err);
    if (r == 0 && kept.has_vars)
        r = hf_bank_digest(c, HF_BANK_VARS, &now, err);
    if (r == 0 && kept.has_vars)
        *differ = !hf_digest_equal(&kept.vars, &now);
    return r;
}

int hf_rollback_look(struct hf_container *c, struct hf_rollback_report *report, struct hf_error *err)
{
    struct hf_rollback_report found;
    int r;

    memset(&found, 0, sizeof found);
    r = hf_slot_get(c, HF_SLOT_ACTIVE, &found.active, err);
    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_FALLBACK, &found.fallback, err);
    if (r == -HF_ENOTFOUND)
        return hf_error_refuse(err, "fallback",
                               "there is nothing to go back to: no upgrade was applied since the last one "
                               "was rolled back. 'holdfast stage' puts another image in");
    if (r == 0)
        r = variables_differ(c, found.fallback.snapshot, &found.variables_differ, err);
    if (r == 0)
        *report = found;
    return r;
}

static int plan(struct hf_life_work *w, const struct hf_rollback_request *request, struct hf_rollback_report *report)
{
    enum hf_decision decision;
    int r = request->wish.by_guest ? hf_guest_may(w->c, &w->was, HF_EVENT_ROLL_BACK, w->err) : 0;

    if (r == 0)
        r = hf_life_step(w, HF_EVENT_ROLL_BACK, &decision);
    if (r == 0)
        r = hf_rollback_look(w->c, report, w->err);
    if (r < 0)
        return r;
    if (report->variables_differ && !request->chosen)
        return hf_error_refuse(w->err, "variables",
                               "the variables have changed since '%s' was replaced: --variables=fallback brings back "
                               "those it had, --variables=current keeps the present ones",
                               report->fallback.label);
    if (request->dry_run)
        return 0;
    w->now.back = request->wish;
    w->now.held[0] = '\0';
    return hf_event_append(w->c, w->at, "rollback", w->err, "'%s' comes back at the next boot, with %s variables%s",
                           report->fallback.label,
                           request->wish.variables == HF_VARIABLES_CURRENT ? "the present" : "its own",
                           request->wish.old_dbx ? " and its own dbx" : "");
}

int hf_rollback(struct hf_container *c, const struct hf_rollback_request *request, struct hf_rollback_report *report,
                struct hf_error *err)
{
    struct hf_rollback_report found;
    struct hf_life_work w;
    int r = hf_life_begin(&w, c, request->now, err);

    if (r == 0)
        r = plan(&w, request, &found);
    r = hf_life_end(&w, r, request->dry_run);
    if (r == 0)
        *report = found;
    return r;
}
