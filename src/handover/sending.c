/* SPDX-License-Identifier: BSD-2-Clause */
#include "sending.h"

#include <time.h>

/* clang-format off */
#define TO(action, stage) {HF_SENDING_##action, HF_SENDING_##stage}

#define ANSWERED       [HF_SENDING_ON_DEPARTED] = TO(END, DEPARTED)
#define NOT_CLAIMED    [HF_SENDING_ON_RESUMED] = TO(END, RESUMED)
/* What can go wrong at any time, and what with a mover that moves the guest. */
#define FAILURES(action, stage)                                                                                        \
    [HF_SENDING_ON_GAVE_UP] = TO(action, stage), [HF_SENDING_ON_CLOSED] = TO(action, stage),                           \
    [HF_SENDING_ON_CANCELLED] = TO(action, stage), [HF_SENDING_ON_SILENT] = TO(action, stage)
#define MOVER_FAILURES [HF_SENDING_ON_LATE] = TO(RECALL, STAYED), [HF_SENDING_ON_FAILED] = TO(RECALL, STAYED),         \
                       [HF_SENDING_ON_INTERFERED] = TO(RECALL, STAYED)

static const struct hf_sending_cell table[HF_SENDING_STAGES][HF_SENDING_EVENTS] = {
    [HF_SENDING_LOOKING] = {
        FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_PEER] = TO(JUDGE, COULD),
    },
    [HF_SENDING_MEETING] = {
        ANSWERED, FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_PEER] = TO(SEND, AHEAD),
        [HF_SENDING_ON_ASKED] = TO(NOTE, MEETING),
    },
    [HF_SENDING_MEETING_PAUSED] = {
        ANSWERED, FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_PEER] = TO(GIVE, OFFERED),
    },
    [HF_SENDING_ASKING] = {
        ANSWERED, NOT_CLAIMED, FAILURES(LOSE, LOST),
        [HF_SENDING_ON_PEER] = TO(ASK, ASKING),
    },
    [HF_SENDING_AHEAD] = {
        ANSWERED, FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_READY] = TO(START, MOVING),
        [HF_SENDING_ON_ASKED] = TO(NOTE, AHEAD),
    },
    [HF_SENDING_MOVING] = {
        ANSWERED, FAILURES(RECALL, STAYED), MOVER_FAILURES,
        [HF_SENDING_ON_PAUSED] = TO(OFFER, OFFERED),
        [HF_SENDING_ON_ASKED] = TO(NOTE, MOVING),
        [HF_SENDING_ON_COMPLETED] = TO(NOTE, MOVING),
    },
    [HF_SENDING_OFFERED] = {
        ANSWERED, FAILURES(RECALL, STAYED), MOVER_FAILURES,
        [HF_SENDING_ON_PROMISED] = TO(KEEP, GRANTED),
        [HF_SENDING_ON_READY] = TO(GRANT, GRANTED),
        [HF_SENDING_ON_ASKED] = TO(GRANT, GRANTED),
        [HF_SENDING_ON_COMPLETED] = TO(GRANT, GRANTED),
    },
    [HF_SENDING_GRANTED] = {
        ANSWERED, NOT_CLAIMED, FAILURES(LOSE, LOST),
        [HF_SENDING_ON_FAILED] = TO(LOSE, LOST),
    },
};
/* clang-format on */

struct hf_sending_cell hf_sending_cell(enum hf_sending_stage stage, enum hf_sending_event event)
{
    struct hf_sending_cell cell = {HF_SENDING_IGNORE, stage};

    if ((unsigned)stage < HF_SENDING_STAGES && (unsigned)event < HF_SENDING_EVENTS &&
        table[stage][event].action != HF_SENDING_IGNORE)
        cell = table[stage][event];
    return cell;
}

struct hf_sending_cell hf_sending_fault(enum hf_sending_stage stage)
{
    if (hf_sending_stage_is_granted(stage))
        return (struct hf_sending_cell)TO(LOSE, LOST);
    return (struct hf_sending_cell)TO(RECALL, STAYED);
}

static struct hf_exchange *exchange_of(const struct hf_sending *s)
{
    return hf_pump_exchange(s->pump);
}

void hf_sending_connect(struct hf_sending *s, const struct hf_mover_ops *ops, void *ctx, struct hf_pump *pump,
                        enum hf_sending_stage stage)
{
    *s = (struct hf_sending){.stage = stage,
                             .timeout_s = s->timeout_s,
                             .pause_limit_s = s->pause_limit_s,
                             .ops = ops,
                             .ctx = ctx,
                             .pump = pump,
                             .asked_at = hf_loop_now()};
}

/* ---- what happened ---- */

void hf_sending_note(struct hf_sending *s, enum hf_sending_event event)
{
    s->noted |= HF_SENDING_BIT(event);
}

/* What the pump's events are here. */
#define IS(event) [HF_EXCHANGE_##event] = HF_SENDING_BIT(HF_SENDING_ON_##event)
static const unsigned bits[HF_EXCHANGE_EVENTS] = {
    IS(PEER),     IS(READY),   IS(ASKED),
    IS(DEPARTED), IS(RESUMED), [HF_EXCHANGE_FAILED] = HF_SENDING_BIT(HF_SENDING_ON_GAVE_UP),
};

void hf_sending_note_exchange(struct hf_sending *s, enum hf_exchange_event event)
{
    s->noted |= bits[event];
}

void hf_sending_note_seen(struct hf_sending *s)
{
    s->noted |= hf_pump_take_seen(s->pump, bits);
}

/* For how long the peer has kept this side waiting. */
static int64_t waited_ms(const struct hf_sending *s)
{
    const unsigned from_peer = HF_SENDING_BIT(HF_SENDING_ON_READY) | HF_SENDING_BIT(HF_SENDING_ON_ASKED);

    switch (s->stage) {
    case HF_SENDING_GRANTED:
    case HF_SENDING_ASKING: /* whatever else it says meanwhile */
        return hf_loop_now() - s->asked_at;
    case HF_SENDING_MOVING: /* the mover may have nothing to send */
        return hf_pump_is_stuck(s->pump) ? hf_pump_silent_ms(s->pump) : 0;
    case HF_SENDING_OFFERED:
        return s->ops->needs & from_peer & ~s->heard ? hf_pump_silent_ms(s->pump) : 0;
    default:
        return hf_pump_silent_ms(s->pump);
    }
}

static bool is_late(const struct hf_sending *s)
{
    return (s->stage == HF_SENDING_MOVING || s->stage == HF_SENDING_OFFERED) && s->paused_at && s->pause_limit_s &&
           hf_loop_now() - s->paused_at >= (int64_t)s->pause_limit_s * 1000;
}

void hf_sending_look(struct hf_sending *s)
{
    if (hf_sending_is_over(s) || !s->pump)
        return;
    if (!hf_pump_is_open(s->pump))
        hf_sending_note(s, HF_SENDING_ON_CLOSED);
    else if (waited_ms(s) >= (int64_t)s->timeout_s * 1000)
        hf_sending_note(s, HF_SENDING_ON_SILENT);
    if (is_late(s))
        hf_sending_note(s, HF_SENDING_ON_LATE);
}

static void say_why(const struct hf_sending *s, enum hf_sending_event event, struct hf_error *why)
{
    if (event == HF_SENDING_ON_GAVE_UP) {
        (void)hf_exchange_gave_up(exchange_of(s), why);
    } else if (event == HF_SENDING_ON_CLOSED) {
        *why = *hf_pump_fault(s->pump);
    } else if (event == HF_SENDING_ON_SILENT && hf_sending_stage_is_granted(s->stage)) {
        (void)hf_error_set(why, HF_ETIMEDOUT, "peer: no answer for %u s", s->timeout_s);
    } else if (event == HF_SENDING_ON_SILENT) {
        (void)hf_pump_timed_out(s->timeout_s, why);
    } else {
        (void)hf_error_set(why, HF_EIO, "the move failed");
        if (s->ops->explain)
            s->ops->explain(s->ctx, event, why);
    }
}

/* ---- actions: negative and *err is set, or 0 for the table's next stage, or 1: the stage stays ---- */

static int judge(struct hf_sending *s, struct hf_error *err)
{
    return s->ops->judge(s->ctx, hf_exchange_peer(exchange_of(s)), err);
}

static int look(struct hf_sending *s, struct hf_error *err)
{
    int r = judge(s, err);

    if (r == 0)
        (void)hf_exchange_cancel(exchange_of(s), "a dry run", NULL);
    return r;
}

static int send_ahead(struct hf_sending *s, struct hf_error *err)
{
    int r = judge(s, err);

    return r < 0 ? r : hf_exchange_offer(exchange_of(s), false, (int64_t)time(NULL), err);
}

static bool was_changed(int r, const struct hf_error *err)
{
    return r < 0 && hf_error_is_rule(err, "changed");
}

/* The disk has time for it while the mover's rest travels. What an operator's verb changed meanwhile is offered anew at
 * the grant. */
static int promise(struct hf_sending *s, struct hf_error *err)
{
    struct hf_exchange *x = exchange_of(s);
    struct hf_owner_pending *pending;
    int r = hf_exchange_promise(x, (int64_t)time(NULL), &pending, err);

    if (was_changed(r, err))
        return 0;
    if (r < 0)
        return r;
    s->promising = s->ops->promise(s->ctx, pending, NULL) == 0;
    if (s->promising)
        return 0;
    r = hf_owner_promise_finish(pending, err);
    hf_exchange_promised(x, r);
    return r;
}

static int hold_and_offer(struct hf_sending *s, struct hf_error *err)
{
    int r = s->ops->hold ? s->ops->hold(s->ctx, err) : 0;

    if (r == 0)
        r = hf_exchange_offer(exchange_of(s), true, (int64_t)time(NULL), err);
    if (r < 0)
        return r;
    s->heard &= ~HF_SENDING_BIT(HF_SENDING_ON_READY);
    s->noted &= ~HF_SENDING_BIT(HF_SENDING_ON_READY);
    hf_pump_turn(s->pump);
    return s->ops->promise ? promise(s, err) : 0;
}

static int offer(struct hf_sending *s, struct hf_error *err)
{
    int r = hold_and_offer(s, err);

    if (r == 0 && !s->paused_at)
        s->paused_at = hf_loop_now();
    return r;
}

static int give(struct hf_sending *s, struct hf_error *err)
{
    int r = judge(s, err);

    return r < 0 ? r : hold_and_offer(s, err);
}

/* An action that knows the next stage better than the table. */
static int go_to(struct hf_sending *s, enum hf_sending_stage stage)
{
    s->stage = stage;
    return 1;
}

static int start(struct hf_sending *s, struct hf_error *err)
{
    int r = s->ops->start(s->ctx, err);

    return r > 0 ? go_to(s, HF_SENDING_SENT) : r;
}

/* An operator's verb may have changed the container in between: then it is offered once more. */
static int grant(struct hf_sending *s, struct hf_error *err)
{
    int r;

    if (s->promising || (s->ops->needs & ~s->heard))
        return 1;
    r = hf_exchange_grant(exchange_of(s), (int64_t)time(NULL), err);
    if (was_changed(r, err)) {
        s->heard &= ~HF_SENDING_BIT(HF_SENDING_ON_READY);
        r = hf_exchange_offer(exchange_of(s), true, (int64_t)time(NULL), err);
        return r < 0 ? r : 1;
    }
    s->asked_at = hf_loop_now();
    return r;
}

static int end_promise(struct hf_sending *s, struct hf_error *err)
{
    int r;

    if (!s->promising)
        return 0;
    s->promising = false;
    r = s->ops->promised(s->ctx, err);
    hf_exchange_promised(exchange_of(s), r);
    return r;
}

static int keep(struct hf_sending *s, struct hf_error *err)
{
    int r = end_promise(s, err);

    return r < 0 ? r : grant(s, err);
}

static int ask(struct hf_sending *s, struct hf_error *err)
{
    int r = s->ops->ask ? s->ops->ask(s->ctx, err) : hf_exchange_revoke(exchange_of(s), err);

    return r > 0 ? go_to(s, HF_SENDING_RESUMED) : r;
}

static int (*const actions[])(struct hf_sending *, struct hf_error *) = {
    [HF_SENDING_JUDGE] = look,  [HF_SENDING_SEND] = send_ahead, [HF_SENDING_GIVE] = give,   [HF_SENDING_START] = start,
    [HF_SENDING_OFFER] = offer, [HF_SENDING_KEEP] = keep,       [HF_SENDING_GRANT] = grant, [HF_SENDING_ASK] = ask,
};

/* ---- the end that is none of the peer's ---- */

/* What was promised, and nobody heard of, is held again before the guest goes on. Where that fails it is as a grant
 * that was not answered. */
static enum hf_sending_stage recall(struct hf_sending *s, struct hf_error *why)
{
    struct hf_exchange *x = exchange_of(s);

    (void)end_promise(s, NULL);
    if (hf_exchange_state(x).promised && hf_exchange_retract(x, (int64_t)time(NULL), why) < 0)
        return HF_SENDING_LOST;
    if (hf_exchange_state(x).holder == HF_HOLDER_GRANTED)
        return HF_SENDING_LOST;
    if (hf_pump_is_open(s->pump))
        (void)hf_exchange_cancel(x, why->text, NULL);
    return HF_SENDING_STAYED;
}

static int end_with(struct hf_sending *s, struct hf_sending_cell cell, const struct hf_error *how, struct hf_error *err)
{
    struct hf_error why = *how;

    s->stage = cell.action == HF_SENDING_RECALL ? recall(s, &why) : HF_SENDING_LOST;
    s->noted = 0;
    if (err)
        *err = why;
    return -(int)why.code;
}

/* ---- acting ---- */

static void enter(struct hf_sending *s, enum hf_sending_stage stage)
{
    if (s->stage == stage)
        return;
    s->stage = stage;
    if (s->ops->entered)
        s->ops->entered(s->ctx, stage);
}

static int act(struct hf_sending *s, enum hf_sending_event event, struct hf_error *err)
{
    struct hf_sending_cell cell = hf_sending_cell(s->stage, event);
    struct hf_error why;
    int r = 0;

    if (cell.action == HF_SENDING_NOTE || cell.action == HF_SENDING_GRANT)
        s->heard |= HF_SENDING_BIT(event);
    if (cell.action == HF_SENDING_RECALL || cell.action == HF_SENDING_LOSE) {
        say_why(s, event, &why);
        return end_with(s, cell, &why, err);
    }
    if (cell.action < sizeof actions / sizeof *actions && actions[cell.action]) {
        r = actions[cell.action](s, &why);
        hf_pump_start_clock(s->pump); /* what takes this side long is not the peer's silence */
    }
    if (r < 0)
        return end_with(s, hf_sending_fault(s->stage), &why, err);
    if (r == 0)
        enter(s, cell.next);
    return 0;
}

int hf_sending_go_on(struct hf_sending *s, struct hf_error *err)
{
    int r = 0;

    while (r == 0 && s->noted && s->pump && !hf_sending_is_over(s)) {
        enum hf_sending_event event = (enum hf_sending_event)__builtin_ctz(s->noted);

        s->noted &= s->noted - 1;
        r = act(s, event, err);
    }
    if (s->pump && hf_pump_is_open(s->pump))
        hf_pump_turn(s->pump);
    return r;
}

void hf_sending_begin_again(struct hf_sending *s, enum hf_sending_stage stage)
{
    hf_sending_connect(s, s->ops, s->ctx, s->pump, stage);
    hf_sending_note(s, HF_SENDING_ON_PEER);
}

int hf_sending_fail(struct hf_sending *s, const struct hf_error *how, struct hf_error *err)
{
    return end_with(s, hf_sending_fault(s->stage), how, err);
}
