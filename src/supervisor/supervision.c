/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts put together: what one needs of another goes through here. */
#include "supervision.h"

#include <time.h>

#include "cleanup.h"

/* ---- what the reset watch needs ---- */

static bool stops_resets(void *ctx)
{
    return hf_mailbox_watch_is_on(&((struct hf_supervision *)ctx)->mailbox);
}

static bool is_ours(void *ctx)
{
    return !hf_reception_is_open(&((struct hf_supervision *)ctx)->reception);
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

/* ---- what a departure needs ---- */

static struct hf_departure_guest guest_now(void *ctx)
{
    const struct hf_supervision *s = ctx;

    return (struct hf_departure_guest){
        .vmm = s->vmm,
        .machine = s->resolved,
        .is_reset = !hf_reset_watch_is_at_rest(&s->resets),
        .on_trial = hf_reset_watch_on_trial(&s->resets),
        .alive = s->trial.watch.life,
        .clock = s->clock.ahead,
    };
}

static int renew_server(void *ctx, struct hf_error *err)
{
    return hf_server_watch_renew(&((struct hf_supervision *)ctx)->server, err);
}

/* ---- what a reception needs ---- */

static int check_copy(void *ctx, struct hf_error *err)
{
    return hf_mailbox_arrival_check(((struct hf_supervision *)ctx)->run.container, err);
}

static bool is_ended(void *ctx)
{
    return ((struct hf_supervision *)ctx)->ended_by_owner;
}

static bool has_qemu(void *ctx)
{
    return ((struct hf_supervision *)ctx)->qemu > 0;
}

/* The guest runs next. */
static void arm(void *ctx, const struct hf_reception_guest *guest)
{
    struct hf_supervision *s = ctx;
    struct hf_error err;
    int r;

    hf_server_watch_claimed(&s->server);
    r = hf_supervision_open_boot(s, &err);
    if (r == 0 && hf_reset_watch_on_trial(&s->resets))
        r = hf_lifecycle_moved(s->run.container, (int64_t)time(NULL), &err);
    if (r == 0)
        r = hf_mailbox_watch_publish(&s->mailbox, true, &err);
    if (r < 0)
        hf_run_say(&s->run, "%s", err.text);
    s->trial.watch.life |= guest->alive;
    hf_guest_clock_arrived(&s->clock, guest->clock);
}

static void resumed(void *ctx)
{
    hf_departure_started(&((struct hf_supervision *)ctx)->departure);
}

/* It asks QEMU much, and the disk. */
static void move_in(void *ctx)
{
    struct hf_supervision *s = ctx;
    struct hf_error err;

    if (!hf_run_has_qemu(&s->run) || hf_departure_is_granted(&s->departure))
        return;
    if (hf_record_machine(s, &err) < 0)
        hf_run_say(&s->run, "%s", err.text);
    if (hf_container_reserve(s->run.container, 0, &err) < 0)
        hf_run_say(&s->run, "%s", err.text);
}

/* ---- between turns ---- */

static void receive(struct hf_supervision *s)
{
    hf_reception_go_on(&s->reception);
}

static void depart(struct hf_supervision *s)
{
    hf_departure_go_on(&s->departure);
}

static void verify(struct hf_supervision *s)
{
    hf_server_watch_verify(&s->server, !s->arguments.incoming && !hf_reception_is_open(&s->reception));
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
    {HF_TODO_RECEIVE, receive}, {HF_TODO_DEPART, depart}, {HF_TODO_VERIFY, verify},
    {HF_TODO_ARRIVED, arrived}, {HF_TODO_DECIDE, decide},
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
    const struct hf_departure_ops of_departure = {.guest = guest_now, .renew = renew_server, .ctx = s};
    const struct hf_reception_ops of_reception = {
        .check = check_copy,
        .is_ended = is_ended,
        .has_qemu = has_qemu,
        .claimed = arm,
        .resumed = resumed,
        .move_in = move_in,
        .ctx = s,
    };

    hf_run_init(&s->run, options);
    s->qemu = -1;
    s->signal_fd = -1;
    hf_server_watch_init(&s->server, &s->run, &s->machine);
    hf_reset_watch_init(&s->resets, &s->run, &s->arguments, &of_resets);
    hf_trial_timer_init(&s->trial, &s->run, &s->resets.wanted, &of_trial);
    hf_mailbox_watch_init(&s->mailbox, &s->run, &s->machine, booted, s);
    hf_departure_init(&s->departure, &s->run, &of_departure);
    hf_reception_init(&s->reception, &s->run, from, s->program, &of_reception);
    hf_arrival_init(&s->arrival, &s->run, &s->machine);
}
