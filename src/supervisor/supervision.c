/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts put together: what one needs of another goes through here. */
#include "supervision.h"

/* ---- what the reset watch needs ---- */

static bool stops_resets(void *ctx)
{
    return hf_mailbox_watch_is_on(ctx);
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
    struct hf_supervision *s = ctx;
    bool timed_out = s->timed_out;

    s->timed_out = false;
    if (timed_out)
        return HF_ENDING_TIMEOUT;
    return by_guest ? HF_ENDING_RESET : HF_ENDING_OPERATOR;
}

static void planned(void *ctx, const struct hf_boot_plan *plan)
{
    ((struct hf_supervision *)ctx)->plan = *plan;
}

static int next_boot(void *ctx, struct hf_error *err)
{
    return hf_mailbox_watch_reset(ctx, err);
}

static void released(void *ctx)
{
    hf_trial_timer_begin(ctx);
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

    hf_run_init(&s->run, options);
    s->from = from;
    s->qemu = -1;
    s->signal_fd = -1;
    hf_server_watch_init(&s->server, &s->run, &s->machine);
    hf_reset_watch_init(&s->resets, &s->run, &s->arguments, &of_resets);
}
