/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts put together: what one needs of another goes through here. */
#include "supervision.h"

#include "cleanup.h"

/* ---- what the reset watch needs ---- */

static bool stops_resets(void *ctx)
{
    return hf_mailbox_watch_is_on(&((struct hf_supervision *)ctx)->mailbox);
}

static bool is_ours(void *ctx)
{
    return !hf_reception_is_open(ctx);
}

static struct hf_boot boot(void *ctx, enum hf_moment moment)
{
    return hf_supervision_boot(ctx, moment);
}

static struct hf_host_offer_place place(void *ctx)
{
    return hf_supervision_place(ctx);
}

static enum hf_ending ending_of_reset(void *ctx, bool by_guest)
{
    if (hf_trial_timer_take_time_out(&((struct hf_supervision *)ctx)->trial))
        return HF_ENDING_TIMEOUT;
    return by_guest ? HF_ENDING_RESET : HF_ENDING_OPERATOR;
}

static void planned(void *ctx, const struct hf_boot_plan *plan)
{
    ((struct hf_supervision *)ctx)->plan = *plan;
}

static int next_boot(void *ctx, struct hf_error *err)
{
    return hf_mailbox_watch_publish(&((struct hf_supervision *)ctx)->mailbox, false, err);
}

static void released(void *ctx)
{
    hf_trial_timer_begin(&((struct hf_supervision *)ctx)->trial);
}

/* ---- what the trial needs ---- */

static bool still_booting(void *ctx)
{
    return hf_mailbox_watch_still_booting(&((struct hf_supervision *)ctx)->mailbox);
}

static bool can_reset(void *ctx)
{
    return hf_reset_watch_is_armed(&((struct hf_supervision *)ctx)->resets);
}

/* ---- what the mailbox needs ---- */

static void booted(void *ctx)
{
    hf_trial_timer_booted(&((struct hf_supervision *)ctx)->trial);
}

/* ---- between turns ---- */

static void verify(struct hf_supervision *s)
{
    hf_server_watch_verify(&s->server, !s->arguments.incoming && !hf_reception_is_open(s));
}

static void decide(struct hf_supervision *s)
{
    hf_reset_watch_decide(&s->resets);
}

/* A loaded state is all there. */
static int take_arrived(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_arrival_compare(&s->arrival, err);

    if (r == 0)
        r = hf_mailbox_watch_publish(&s->mailbox, true, err);
    if (r < 0 || s->arguments.paused)
        return r;
    r = hf_supervision_open_boot(s, err);
    return r < 0 ? r : hf_monitor_execute(s->run.monitor, "cont", NULL, NULL, err);
}

static void arrived(struct hf_supervision *s)
{
    struct hf_error err;

    s->run.todo &= ~(unsigned)HF_TODO_ARRIVED;
    if (hf_run_has_qemu(&s->run) && take_arrived(s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

/* What waits for answers, and so is done between two turns: in this order. */
static const struct {
    unsigned todo;
    void (*act)(struct hf_supervision *s);
} agenda[] = {
    {HF_TODO_RECEIVE, hf_reception_go_on},
    {HF_TODO_DEPART, hf_departure_go_on},
    {HF_TODO_VERIFY, verify},
    {HF_TODO_ARRIVED, arrived},
    {HF_TODO_DECIDE, decide},
};

bool hf_supervision_act(struct hf_supervision *s)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(agenda); i++) {
        if (s->run.todo & agenda[i].todo) {
            agenda[i].act(s);
            return true;
        }
    }
    return false;
}

/* ---- all of it ---- */

void hf_supervision_init(struct hf_supervision *s, const struct hf_run_options *options,
                         const struct hf_reception_options *from)
{
    const struct hf_reset_watch_ops of_resets = {
        .stops = stops_resets,
        .is_ours = is_ours,
        .boot = boot,
        .place = place,
        .ending = ending_of_reset,
        .planned = planned,
        .next_boot = next_boot,
        .released = released,
        .ctx = s,
    };
    const struct hf_trial_timer_ops of_trial = {.still_booting = still_booting, .can_reset = can_reset, .ctx = s};

    hf_run_init(&s->run, options);
    s->from = from;
    s->qemu = -1;
    s->signal_fd = -1;
    hf_server_watch_init(&s->server, &s->run, &s->machine);
    hf_reset_watch_init(&s->resets, &s->run, &s->arguments, &of_resets);
    hf_trial_timer_init(&s->trial, &s->run, &s->resets.wanted, &of_trial);
    hf_mailbox_watch_init(&s->mailbox, &s->run, &s->machine, booted, s);
    hf_arrival_init(&s->arrival, &s->run, &s->machine);
}
