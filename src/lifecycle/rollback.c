/* SPDX-License-Identifier: BSD-2-Clause */
#include "rollback.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "eventlog.h"
#include "from_inside.h"
#include "inspect.h"
#include "life_work.h"
#include "secure_boot_record.h"
#include "snapshots.h"
#include "tpm.h"
#include "variables.h"

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
        return hf_error_refuse(
            err, "fallback",
            "no fallback: no upgrade was applied since the last rollback; stage another image with 'holdfast stage'");
    if (r == 0)
        r = variables_differ(c, found.fallback.snapshot, &found.variables_differ, err);
    if (r == 0)
        *report = found;
    return r;
}

/* Whether the fallback's variables can come back at all with what was added since; else the present ones stay. */
static int settle_variables(struct hf_life_work *w, struct hf_rollback_wish *wish, struct hf_rollback_report *report)
{
    struct hf_error why = {0};
    int r;

    if (wish->variables == HF_VARIABLES_CURRENT || report->fallback.snapshot == 0)
        return 0;
    r = hf_variables_rehearse(w->c, report->fallback.snapshot, wish->old_dbx, report->carried, &why);
    if (r != -HF_EREFUSED)
        return r < 0 ? hf_error_set(w->err, (enum hf_code) - r, "%s", why.text) : 0;
    snprintf(report->kept, sizeof report->kept, "%s", why.text);
    wish->variables = HF_VARIABLES_CURRENT;
    return hf_event_append(w->c, w->at, "rollback", w->err, "the present variables stay: %s", why.text);
}

/* A guest may go back by itself where the firmware of before has what the present one has. */
static int ask_secure_boot(struct hf_life_work *w, bool given_up)
{
    struct hf_firmware fw;
    int r = hf_firmware_of_slot(w->c, HF_SLOT_FALLBACK, &fw, w->err);

    return r < 0 ? r : hf_secure_boot_ask(w->c, &fw, given_up, w->at, w->err);
}

static int plan(struct hf_life_work *w, const struct hf_rollback_request *request, struct hf_rollback_report *report)
{
    struct hf_rollback_wish wish = request->wish;
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
                               "the variables have changed since '%s' was replaced: choose --variables=fallback (those "
                               "it had) or --variables=current (the present ones)",
                               report->fallback.label);
    if (!request->wish.by_guest)
        r = hf_tpm_ask(w->now.tpm, request->tpm_aware, HF_TPM_FIRMWARE, w->err);
    if (r == 0)
        r = ask_secure_boot(w, request->no_secure_boot);
    if (r == 0)
        r = settle_variables(w, &wish, report);
    if (r < 0 || request->dry_run)
        return r;
    w->now.back = wish;
    w->now.held[0] = '\0';
    return hf_event_append(w->c, w->at, "rollback", w->err, "'%s' comes back at the next boot, with %s variables%s",
                           report->fallback.label, wish.variables == HF_VARIABLES_CURRENT ? "the present" : "its own",
                           wish.old_dbx ? " and its own dbx" : "");
}

int hf_rollback(struct hf_container *c, const struct hf_rollback_request *request, struct hf_rollback_report *report,
                struct hf_error *err)
{
    struct hf_rollback_report found;
    struct hf_life_work w;
    int r = hf_life_begin_by_hand(&w, c, request->now, err);

    if (r == 0)
        r = plan(&w, request, &found);
    r = hf_life_end(&w, r, request->dry_run);
    if (r == 0)
        *report = found;
    return r;
}
