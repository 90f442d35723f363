/* SPDX-License-Identifier: BSD-2-Clause */
#include "revert.h"

#include <stdio.h>
#include <string.h>

#include "apply.h"
#include "eventlog.h"
#include "images.h"
#include "inspect.h"
#include "life_work.h"
#include "owner.h"
#include "secure_boot_record.h"
#include "slots.h"
#include "tpm.h"
#include "variables.h"

int hf_snapshot_now(struct hf_container *c, const char *reason, int64_t now, bool dry_run, int64_t *id,
                    struct hf_error *err)
{
    struct hf_life_work w;
    int64_t taken = 0;
    int r = hf_life_begin(&w, c, now, err);

    if (r == 0 && !dry_run)
        r = hf_snapshot_take(c, reason[0] ? reason : "operator", now, &taken, err);
    if (r == 0 && !dry_run)
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

static int ask_secure_boot(struct hf_life_work *w, const struct hf_digest *code, bool given_up)
{
    struct hf_firmware fw;
    struct hf_image image;
    int r = hf_image_get(w->c, code, &image, w->err);

    if (r == 0)
        r = hf_firmware_of_image(w->c, code, image.name, &fw, w->err);
    return r < 0 ? r : hf_secure_boot_ask(w->c, &fw, given_up, w->at, w->err);
}

/* What it would bring back, before anything is changed. */
static int look(struct hf_life_work *w, const struct hf_revert_request *request, struct hf_revert_report *report)
{
    enum hf_decision decision;
    struct hf_slot_info active;
    int r = hf_life_step(w, HF_EVENT_REVERT, &decision);

    if (r == 0)
        r = hf_snapshot_get(w->c, request->id, &report->to, w->err);
    if (r == 0)
        r = hf_slot_get(w->c, HF_SLOT_ACTIVE, &active, w->err);
    if (r == 0)
        report->code_changes = report->to.has_code && !hf_digest_equal(&report->to.code, &active.code);
    if (r == 0)
        r = hf_tpm_ask(w->now.tpm, request->tpm_aware, HF_TPM_FIRMWARE, w->err);
    return r < 0 || !report->code_changes ? r : ask_secure_boot(w, &report->to.code, request->no_secure_boot);
}

/* Taking a snapshot may push out the oldest, and that may be the one wanted. */
static int keep_present(struct hf_life_work *w, int64_t id, struct hf_revert_report *report)
{
    struct hf_snapshot still;
    int r = hf_snapshot_take(w->c, "before revert", w->at, &report->kept, w->err);

    if (r == 0)
        r = hf_snapshot_get(w->c, id, &still, w->err);
    if (r != -HF_ENOTFOUND)
        return r;
    return hf_error_refuse(w->err, "snapshots",
                           "snapshot %lld: the oldest of %d: the snapshot of what is replaced would delete it",
                           (long long)id, HF_SNAPSHOTS_MAX);
}

static int revert(struct hf_life_work *w, int64_t id, struct hf_revert_report *report)
{
    char carried[HF_CARRIED_SIZE] = "";
    int r = keep_present(w, id, report);

    if (r == 0 && report->to.has_vars)
        r = hf_variables_bring(w->c, id, false, carried, w->err);
    if (r == 0 && report->code_changes)
        r = hf_apply_image(w->c, &report->to.code, w->at, w->err);
    if (r < 0)
        return r;
    w->now.changes++;
    r = hf_secure_boot_note(w->c, w->at, w->err);
    return r < 0 ? r
                 : hf_event_append(w->c, w->at, "revert", w->err,
                                   "back to snapshot %lld; what was replaced is snapshot %lld%s%s", (long long)id,
                                   (long long)report->kept, carried[0] ? "; kept unchanged: " : "", carried);
}

int hf_revert(struct hf_container *c, const struct hf_revert_request *request, struct hf_revert_report *report,
              struct hf_error *err)
{
    struct hf_revert_report done;
    struct hf_life_work w;
    int r = need_off(c, err);

    if (r < 0)
        return r;
    memset(&done, 0, sizeof done);
    r = hf_life_begin_by_hand(&w, c, request->now, err);
    if (r == 0)
        r = look(&w, request, &done);
    if (r == 0 && !request->dry_run)
        r = revert(&w, request->id, &done);
    r = hf_life_end(&w, r, request->dry_run);
    if (r == 0)
        *report = done;
    return r;
}
