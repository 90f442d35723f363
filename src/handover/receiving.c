/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiving.h"

#include <time.h>

/* ---- the table ---- */

/* clang-format off */
#define TO(action, stage) {HF_RECEIVING_##action, HF_RECEIVING_##stage}

#define FAILURES(action, stage)                                                                                        \
    [HF_RECEIVING_ON_GAVE_UP] = TO(action, stage), [HF_RECEIVING_ON_CLOSED] = TO(action, stage),                       \
    [HF_RECEIVING_ON_CANCELLED] = TO(action, stage), [HF_RECEIVING_ON_SILENT] = TO(action, stage)
#define ANSWERS [HF_RECEIVING_ON_REVOKED] = TO(REVOKE, REVOKED), [HF_RECEIVING_ON_GRANTED] = TO(CLAIM, CLAIMED)

static const struct hf_receiving_cell table[HF_RECEIVING_STAGES][HF_RECEIVING_EVENTS] = {
    [HF_RECEIVING_MEETING] = {
        FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_PEER] = TO(MEET, RECEIVING),
    },
    [HF_RECEIVING_RECEIVING] = {
        ANSWERS, FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_READY] = TO(INSTALL, COPIED),
    },
    [HF_RECEIVING_COPIED] = {
        ANSWERS, FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_READY] = TO(REFRESH, COPIED),
        [HF_RECEIVING_ON_WANTED] = TO(ASK, ASKED),
    },
    [HF_RECEIVING_ASKED] = {
        ANSWERS, FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_READY] = TO(REFRESH, ASKED),
    },
    [HF_RECEIVING_CLAIMED] = {
        FAILURES(END, DONE),
    },
    [HF_RECEIVING_REVOKED] = {
        FAILURES(END, DONE),
        [HF_RECEIVING_ON_READY] = TO(INSTALL, COPIED),
    },
};
/* clang-format on */

struct hf_receiving_cell hf_receiving_cell(enum hf_receiving_stage stage, enum hf_receiving_event event)
{
    struct hf_receiving_cell cell = {HF_RECEIVING_IGNORE, stage};

    if ((unsigned)stage < HF_RECEIVING_STAGES && (unsigned)event < HF_RECEIVING_EVENTS &&
        table[stage][event].action != HF_RECEIVING_IGNORE)
        cell = table[stage][event];
    return cell;
}

bool hf_receiving_stage_is_settled(enum hf_receiving_stage stage)
{
    return stage == HF_RECEIVING_CLAIMED || stage == HF_RECEIVING_REVOKED || stage == HF_RECEIVING_DONE;
}

bool hf_receiving_stage_is_over(enum hf_receiving_stage stage)
{
    return stage >= HF_RECEIVING_DONE;
}

static struct hf_exchange *exchange_of(const struct hf_receiving *r)
{
    return hf_pump_exchange(r->pump);
}

void hf_receiving_connect(struct hf_receiving *r, const struct hf_receiver_ops *ops, void *ctx, struct hf_pump *pump)
{
    r->ops = ops;
    r->ctx = ctx;
    r->pump = pump;
    r->stage = HF_RECEIVING_MEETING;
    r->ended_by = HF_RECEIVING_EVENTS;
    r->noted = 0;
}

/* ---- what happened ---- */

void hf_receiving_note(struct hf_receiving *r, enum hf_receiving_event event)
{
    r->noted |= HF_RECEIVING_BIT(event);
}

/* What the pump's events are here. */
#define IS(event) [HF_EXCHANGE_##event] = HF_RECEIVING_BIT(HF_RECEIVING_ON_##event)
static const unsigned bits[HF_EXCHANGE_EVENTS] = {
    IS(PEER), IS(READY), IS(GRANTED), IS(REVOKED), [HF_EXCHANGE_FAILED] = HF_RECEIVING_BIT(HF_RECEIVING_ON_GAVE_UP),
};

void hf_receiving_note_exchange(struct hf_receiving *r, enum hf_exchange_event event)
{
    r->noted |= bits[event];
}

void hf_receiving_note_seen(struct hf_receiving *r)
{
    r->noted |= hf_pump_take_seen(r->pump, bits);
}

static bool is_silent(const struct hf_receiving *r)
{
    if (hf_pump_silent_ms(r->pump) < (int64_t)r->timeout_s * 1000)
        return false;
    return r->stage != HF_RECEIVING_COPIED || !r->ops->is_busy || !r->ops->is_busy(r->ctx);
}

void hf_receiving_look(struct hf_receiving *r)
{
    if (hf_receiving_is_over(r) || !r->pump)
        return;
    if (!hf_pump_is_open(r->pump))
        hf_receiving_note(r, HF_RECEIVING_ON_CLOSED);
    else if (is_silent(r))
        hf_receiving_note(r, HF_RECEIVING_ON_SILENT);
}

static void say_why(const struct hf_receiving *r, enum hf_receiving_event event, struct hf_error *why)
{
    if (event == HF_RECEIVING_ON_GAVE_UP)
        (void)hf_exchange_gave_up(exchange_of(r), why);
    else if (event == HF_RECEIVING_ON_CLOSED)
        *why = *hf_pump_fault(r->pump);
    else if (event == HF_RECEIVING_ON_SILENT)
        (void)hf_pump_timed_out(r->timeout_s, why);
    else
        (void)hf_error_set(why, HF_ECANCELED, "cancelled by a signal");
}

/* ---- actions ---- */

static int meet(struct hf_receiving *r, struct hf_error *err)
{
    return r->ops->meet(r->ctx, hf_exchange_peer(exchange_of(r)), err);
}

static int install(struct hf_receiving *r, struct hf_error *err)
{
    return r->ops->install(r->ctx, err);
}

static int refresh(struct hf_receiving *r, struct hf_error *err)
{
    return r->ops->refresh ? r->ops->refresh(r->ctx, err) : 0;
}

static int ask(struct hf_receiving *r, struct hf_error *err)
{
    return hf_exchange_ask(exchange_of(r), err);
}

static int claim(struct hf_receiving *r, struct hf_error *err)
{
    return r->ops->claim ? r->ops->claim(r->ctx, err) : hf_exchange_claim(exchange_of(r), (int64_t)time(NULL), err);
}

static int revoke(struct hf_receiving *r, struct hf_error *err)
{
    return r->ops->revoked ? r->ops->revoked(r->ctx, err) : 0;
}

static int (*const actions[])(struct hf_receiving *, struct hf_error *) = {
    [HF_RECEIVING_MEET] = meet, [HF_RECEIVING_INSTALL] = install, [HF_RECEIVING_REFRESH] = refresh,
    [HF_RECEIVING_ASK] = ask,   [HF_RECEIVING_CLAIM] = claim,     [HF_RECEIVING_REVOKE] = revoke,
};

/* ---- acting ---- */

int hf_receiving_fail(struct hf_receiving *r, const struct hf_error *how, struct hf_error *err)
{
    r->noted = 0;
    if (hf_receiving_stage_is_settled(r->stage)) { /* there is nothing left to be said */
        r->stage = HF_RECEIVING_DONE;
        return 0;
    }
    r->stage = HF_RECEIVING_FAILED;
    if (hf_pump_is_open(r->pump))
        (void)hf_exchange_cancel(exchange_of(r), how->text, NULL);
    if (err)
        *err = *how;
    return -(int)how->code;
}

static int act(struct hf_receiving *r, enum hf_receiving_event event, struct hf_error *err)
{
    struct hf_receiving_cell cell = hf_receiving_cell(r->stage, event);
    struct hf_error why;
    int failed = 0;

    if (cell.action == HF_RECEIVING_FAIL) {
        say_why(r, event, &why);
        r->ended_by = event;
        return hf_receiving_fail(r, &why, err);
    }
    if (cell.action < sizeof actions / sizeof *actions && actions[cell.action]) {
        failed = actions[cell.action](r, &why);
        hf_pump_start_clock(r->pump); /* what takes this side long is not the peer's silence */
    }
    if (failed < 0)
        return hf_receiving_fail(r, &why, err);
    r->stage = cell.next;
    return cell.action == HF_RECEIVING_CLAIM && r->ops->claimed ? r->ops->claimed(r->ctx, err) : 0;
}

int hf_receiving_go_on(struct hf_receiving *r, struct hf_error *err)
{
    int failed = 0;

    while (failed == 0 && r->noted && r->pump && !hf_receiving_is_over(r)) {
        enum hf_receiving_event event = (enum hf_receiving_event)__builtin_ctz(r->noted);

        r->noted &= r->noted - 1;
        failed = act(r, event, err);
    }
    if (r->pump && hf_pump_is_open(r->pump))
        hf_pump_turn(r->pump);
    return failed;
}
