/* SPDX-License-Identifier: BSD-2-Clause */
#include "show_parts.h"

#include <stdio.h>
#include <string.h>

#include "eventlog.h"
#include "owner_steps.h"
#include "runtime.h"

static int keep_taken(void *ctx, const struct hf_event *event)
{
    struct hf_event *last = ctx;

    if (!strcmp(event->kind, "taken"))
        *last = *event;
    return 0;
}

/* Another host took the container from the guest that runs here: nothing of it is stored any more. */
static void show_lost(const struct hf_invocation *inv, struct hf_container *c, const struct hf_runner *runner,
                      const struct hf_owner *owner)
{
    char id[HF_ID_TEXT_SIZE], name[HF_HOST_NAME_SIZE], since[HF_TIME_TEXT_MAX];
    struct hf_event taken = {.seq = 0};
    bool lost = hf_host_identity(id, name, NULL) == 0 && owner->since >= runner->since &&
                (strcmp(id, owner->host_id) != 0 || strcmp(name, owner->host_name) != 0);

    hf_put_bool(inv->report, "lost", lost);
    if (!lost)
        return;
    (void)hf_event_list(c, 1, keep_taken, &taken, NULL);
    hf_field(inv, "Lost",
             "host '%s' owns the container since %s: what the guest writes here is not stored; shut it down",
             owner->host_name, hf_time_text(owner->since, since));
    if (taken.seq)
        hf_field(inv, "Taken", "%s: %s", hf_time_text(taken.last, since), taken.text);
}

static void show_runner(const struct hf_invocation *inv, struct hf_container *c, const struct hf_owner *owner)
{
    char since[HF_TIME_TEXT_MAX];
    struct hf_runner runner;
    bool here = hf_runner_get(hf_container_id(c), &runner, NULL) == 0;
    json_t *o;

    if (!here && hf_runner_elsewhere(c, &runner, NULL) < 0) {
        hf_put(inv->report, "runner", json_null());
        return;
    }
    o = hf_put_object(inv->report, "runner");
    hf_put_number(o, "pid", runner.pid);
    hf_put_number(o, "since", runner.since);
    hf_put_text(o, "host_name", runner.host_name);
    hf_put_bool(o, "here", here);
    if (here)
        hf_field(inv, "Running", "process %lld since %s", (long long)runner.pid, hf_time_text(runner.since, since));
    else
        hf_field(inv, "Running", "on host '%s' since %s, process %lld there", runner.host_name,
                 hf_time_text(runner.since, since), (long long)runner.pid);
    if (here)
        show_lost(inv, c, &runner, owner);
}

int hf_show_owner(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char since[HF_TIME_TEXT_MAX];
    struct hf_owner owner;
    json_t *o;
    int r = hf_owner_standing(c, &owner, err);

    if (r < 0)
        return r;
    o = hf_put_object(inv->report, "owner");
    hf_put_text(o, "state", hf_owner_state_text(owner.state));
    hf_put_text(o, "host_name", owner.host_name);
    hf_put_number(o, "epoch", (int64_t)owner.epoch);
    hf_field(inv, "Owner", "%s by %s, epoch %llu, since %s", hf_owner_state_text(owner.state), owner.host_name,
             (unsigned long long)owner.epoch, hf_time_text(owner.since, since));
    if (owner.state == HF_OWNER_GRANTED)
        hf_field(inv, "Hand-over",
                 "granted %s, not known to be claimed: repeat 'holdfast migrate' to that host, or if it is lost, "
                 "'holdfast owner --take --because TEXT'",
                 owner.reason);
    show_runner(inv, c, &owner);
    return 0;
}
