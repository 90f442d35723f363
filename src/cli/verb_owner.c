/* SPDX-License-Identifier: BSD-2-Clause */
#include "containers.h"
#include "owner_steps.h"
#include "verbs.h"
#include "writeback.h"

static const struct hf_option options[] = {
    {.name = "take", .help = "make this copy the valid one, owned by this host, at a new epoch"},
    {.name = "because", .arg = "TEXT", .help = "why; it is logged (with --take)"},
    {.name = NULL},
};

static void report_runner(const struct hf_invocation *inv, struct hf_container *c)
{
    char since[HF_TIME_TEXT_MAX];
    struct hf_runner runner;
    json_t *row;
    bool here = hf_runner_get(hf_container_id(c), &runner, NULL) == 0;

    if (!here && hf_runner_elsewhere(c, &runner, NULL) < 0) {
        hf_put(inv->report, "runner", json_null());
        return;
    }
    row = hf_put_object(inv->report, "runner");
    hf_put_number(row, "pid", runner.pid);
    hf_put_number(row, "since", runner.since);
    hf_put_text(row, "host_name", runner.host_name);
    hf_field(inv, "Running", "process %lld since %s%s%s", (long long)runner.pid, hf_time_text(runner.since, since),
             here ? "" : ", on host ", here ? "" : runner.host_name);
}

static int show(const struct hf_invocation *inv, struct hf_error *err)
{
    char since[HF_TIME_TEXT_MAX];
    struct hf_container *c;
    struct hf_owner owner;
    int r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);

    if (r < 0)
        return r;
    r = hf_owner_standing(c, &owner, err);
    if (r == 0) {
        hf_put_text(inv->report, "state", hf_owner_state_text(owner.state));
        hf_put_number(inv->report, "epoch", (int64_t)owner.epoch);
        hf_put_text(inv->report, "host_id", owner.host_id);
        hf_put_text(inv->report, "host_name", owner.host_name);
        hf_put_number(inv->report, "since", owner.since);
        hf_put_text(inv->report, "reason", owner.reason);
        hf_field(inv, "State", "%s", hf_owner_state_text(owner.state));
        hf_field(inv, "Host", "%s (%s)", owner.host_name, owner.host_id);
        hf_field(inv, "Epoch", "%llu, since %s: %s", (unsigned long long)owner.epoch, hf_time_text(owner.since, since),
                 owner.reason);
        report_runner(inv, c);
    }
    return hf_close_after(c, r, err);
}

static int take(const struct hf_invocation *inv, struct hf_error *err)
{
    const char *because = hf_value(inv, "because");
    struct hf_container *c;
    uint64_t epoch = 0;
    uint32_t pages = 0;
    int r;

    if (!because || !because[0])
        return hf_error_set(err, HF_EUSAGE, "--because missing: give the reason for the take; it is logged");
    if (inv->dry_run) {
        r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);
        if (r == 0)
            r = hf_container_close(c, err);
    } else {
        r = hf_writeback_adopt(inv->operands[0], hf_now(), &pages, err);
        if (r == 0)
            r = hf_owner_take(inv->operands[0], because, hf_now(), &epoch, err);
    }
    if (r == 0 && !inv->dry_run)
        r = hf_set_writes_aside(inv, inv->operands[0], err);
    if (r < 0)
        return r;
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    if (inv->dry_run) {
        hf_say(inv, "would take '%s' for this host", inv->operands[0]);
        return 0;
    }
    hf_put_number(inv->report, "epoch", (int64_t)epoch);
    hf_put_number(inv->report, "writes_brought_in", pages);
    if (pages)
        hf_say(inv, "%u pages of flash writes from a server's queue were stored", pages);
    hf_say(inv, "this host owns '%s' at epoch %llu", inv->operands[0], (unsigned long long)epoch);
    return 0;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    if (hf_given(inv, "take"))
        return take(inv, err);
    if (hf_given(inv, "because"))
        return hf_error_set(err, HF_EUSAGE, "--because: only with --take");
    return show(inv, err);
}

const struct hf_verb hf_verb_owner = {
    .name = "owner",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Show which host owns a container, or take it",
    .synopsis = "G.hold [--take --because TEXT]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
