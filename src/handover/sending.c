/* SPDX-License-Identifier: BSD-2-Clause */
#include "sending.h"

#include <string.h>
#include <time.h>

#define FROM_PEER (HF_SENDING_BIT(HF_SENDING_ON_READY) | HF_SENDING_BIT(HF_SENDING_ON_ASKED))

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

static struct hf_exchange *exchange_of(const struct hf_sending *s)
{
    return hf_pump_exchange(s->pump);
}

void hf_sending_connect(struct hf_sending *s, const struct hf_mover_ops *ops, void *ctx, struct hf_pump *pump,
                        enum hf_sending_stage stage)
{
    s->ops = ops;
    s->ctx = ctx;
    s->pump = pump;
    s->stage = stage;
    s->noted = s->heard = 0;
    s->promising = false;
    s->paused_at = 0;
    s->asked_at = hf_loop_now();
}

/* ---- what happened ---- */

void hf_sending_note(struct hf_sending *s, enum hf_sending_event event)
{
    s->noted |= HF_SENDING_BIT(event);
}

static const struct {
    enum hf_exchange_event exchange;
    enum hf_sending_event event;
} names[] = {
    {HF_EXCHANGE_PEER, HF_SENDING_ON_PEER},       {HF_EXCHANGE_READY, HF_SENDING_ON_READY},
    {HF_EXCHANGE_ASKED, HF_SENDING_ON_ASKED},     {HF_EXCHANGE_DEPARTED, HF_SENDING_ON_DEPARTED},
    {HF_EXCHANGE_RESUMED, HF_SENDING_ON_RESUMED}, {HF_EXCHANGE_FAILED, HF_SENDING_ON_GAVE_UP},
};

#define NAMES (sizeof names / sizeof *names)

void hf_sending_note_exchange(struct hf_sending *s, enum hf_exchange_event event)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (names[i].exchange == event)
            hf_sending_note(s, names[i].event);
    }
}

void hf_sending_note_seen(struct hf_sending *s)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (!hf_pump_seen(s->pump, names[i].exchange))
            continue;
        hf_pump_forget(s->pump, names[i].exchange);
        hf_sending_note(s, names[i].event);
    }
}

/* For how long the peer has kept this side waiting. */
static int64_t waited_ms(const struct hf_sending *s)
{
    switch (s->stage) {
    case HF_SENDING_GRANTED:
    case HF_SENDING_ASKING: /* whatever else it says meanwhile */
        return hf_loop_now() - s->asked_at;
    case HF_SENDING_MOVING: /* the mover may have nothing to send */
        return hf_pump_is_stuck(s->pump) ? hf_pump_silent_ms(s->pump) : 0;
    case HF_SENDING_OFFERED:
        return s->ops->needs & FROM_PEER & ~s->heard ? hf_pump_silent_ms(s->pump) : 0;
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

static int say_why(const struct hf_sending *s, enum hf_sending_event event, struct hf_error *err)
{
    const struct hf_exchange_peer *peer = s->pump ? hf_exchange_peer(exchange_of(s)) : NULL;
    struct hf_error why;

    switch (event) {
    case HF_SENDING_ON_GAVE_UP:
        if (!peer)
            return hf_error_set(err, HF_EPROTO, "peer: gave up: %s", hf_exchange_failure(exchange_of(s)));
        return hf_error_set(err, HF_EPROTO, "peer: host '%s' gave up: %s", peer->host.name,
                            hf_exchange_failure(exchange_of(s)));
    case HF_SENDING_ON_CLOSED:
        why = *hf_pump_fault(s->pump);
        break;
    case HF_SENDING_ON_SILENT:
        if (hf_sending_stage_is_granted(s->stage))
            return hf_error_set(err, HF_ETIMEDOUT, "peer: no answer for %u s", s->timeout_s);
        return hf_pump_timed_out(s->timeout_s, err);
    default:
        (void)hf_error_set(&why, HF_EIO, "the move failed");
        if (s->ops->explain)
            s->ops->explain(s->ctx, event, &why);
        break;
    }
    if (err)
        *err = why;
    return -(int)why.code;
}

/* ---- actions: negative, or 0 for the table's next stage, or 1: the stage stays ---- */

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

    return r < 0 ? r : hf_exchange_offer(exchange_of(s), false, now(), err);
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
    struct hf_error changed;
    int r = hf_exchange_promise(x, now(), &pending, &changed);

    if (was_changed(r, &changed))
        return 0;
    if (r < 0) {
        if (err)
            *err = changed;
        return r;
    }
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
        r = hf_exchange_offer(exchange_of(s), true, now(), err);
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
    struct hf_error why;
    int r;

    if (s->promising || (s->ops->needs & ~s->heard))
        return 1;
    r = hf_exchange_grant(exchange_of(s), now(), &why);
    if (was_changed(r, &why)) {
        s->heard &= ~HF_SENDING_BIT(HF_SENDING_ON_READY);
        r = hf_exchange_offer(exchange_of(s), true, now(), err);
        return r < 0 ? r : 1;
    }
    if (r < 0 && err)
        *err = why;
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
    struct hf_error err;

    (void)end_promise(s, NULL);
    if (hf_exchange_state(x).promised && hf_exchange_retract(x, now(), &err) < 0) {
        *why = err;
        return HF_SENDING_LOST;
    }
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
    bool is_new = s->stage != stage;

    s->stage = stage;
    if (is_new && s->ops->entered)
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
        (void)say_why(s, event, &why);
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

bool hf_sending_was_asked(const struct hf_sending *s)
{
    return (s->heard & HF_SENDING_BIT(HF_SENDING_ON_ASKED)) != 0;
}

int hf_sending_fail(struct hf_sending *s, const struct hf_error *how, struct hf_error *err)
{
    return end_with(s, hf_sending_fault(s->stage), how, err);
}
