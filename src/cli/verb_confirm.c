/* SPDX-License-Identifier: BSD-2-Clause */
#include "confirm.h"

#include "containers.h"
#include "verbs.h"

static const char *said(const struct hf_confirm_report *done)
{
    switch (done->was) {
    case HF_LIFE_TRIAL:
        return "its trial is over";
    case HF_LIFE_ROLLBACK:
        return "the pending rollback is cancelled";
    default:
        return "there was no trial";
    }
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_confirm_report done;
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);

    if (r < 0)
        return r;
    r = hf_close_noticed(inv, c, hf_confirm(c, hf_now(), inv->dry_run, &done, err), err);
    if (r < 0)
        return r;
    hf_put_text(inv->report, "label", done.label);
    hf_put_text(inv->report, "was", hf_life_name(done.was));
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_say(inv, "%s '%s': %s", inv->dry_run ? "would keep" : "keeps", done.label, said(&done));
    return 0;
}

const struct hf_verb hf_verb_confirm = {
    .name = "confirm",
    .group = HF_GROUP_UPGRADE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES | HF_VERB_EACH,
    .help = "Confirm that the firmware on trial is good",
    .synopsis = "G.hold|--all|--match GLOB",
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
