/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *    source                                         destination
 *
 *    OWNED <-------------+                           NONE, DEPARTED
 *      | offer           |                             |
 *      | send (again) ------ OFFER ------------------> | ready (again)
 *      | flush           |                             |
 *      | send  ------------- OFFER ------------------> | ready
 *      | (cancel) -------+                             v
 *      |      <------------- READY ---------------- INCOMING
 *      | promise         |                             |
 *      | (retract) ------+                             |
 *      | grant           |                             |
 *      v                 |                             |
 *    GRANTED ---------------- GRANT -----------------> | claim
 *      |  |              |                             v
 *      |  | depart  <-------- CLAIMED -------------  OWNED
 *      |  +-> DEPARTED   |
 *      | revoke ------------- REVOKE ----------------> | refuse (INCOMING, NONE)
 *      |                 |                             v
 *      +-- resume  <----------REFUSED -------------  REVOKED
 */
#include "steps.h"

#include "cleanup.h"

#define IN(h) (1U << HF_HOLDER_##h)

/* `needs_flushed`: only with the guest standing still. `on`: the message that brings the step about. */
struct row {
    const char *name;
    enum hf_side side;
    unsigned from; /* mask of holders */
    enum hf_holder to;
    enum hf_message on, sends;
    bool needs_flushed;
    unsigned epochs;
};

static const struct row rows[] = {
    /* clang-format off */
    [HF_STEP_OFFER]  = {"offer",  HF_SIDE_SOURCE,      IN(OWNED),    HF_HOLDER_OWNED,    HF_MESSAGE_NONE,    HF_MESSAGE_NONE,    false, 0},
    [HF_STEP_FLUSH]  = {"flush",  HF_SIDE_SOURCE,      IN(OWNED),    HF_HOLDER_OWNED,    HF_MESSAGE_NONE,    HF_MESSAGE_NONE,    false, 0},
    [HF_STEP_SEND]   = {"send",   HF_SIDE_SOURCE,      IN(OWNED),    HF_HOLDER_OWNED,    HF_MESSAGE_NONE,    HF_MESSAGE_OFFER,   false, 0},
    [HF_STEP_CANCEL] = {"cancel", HF_SIDE_SOURCE,      IN(OWNED),    HF_HOLDER_OWNED,    HF_MESSAGE_NONE,    HF_MESSAGE_NONE,    true,  0},
    [HF_STEP_READY]  = {"ready",  HF_SIDE_DESTINATION, IN(NONE) | IN(INCOMING) | IN(REVOKED) | IN(DEPARTED),
                                                                     HF_HOLDER_INCOMING, HF_MESSAGE_OFFER,   HF_MESSAGE_READY,   false, 0},
    [HF_STEP_PROMISE] = {"promise", HF_SIDE_SOURCE,    IN(OWNED),    HF_HOLDER_GRANTED,  HF_MESSAGE_NONE,    HF_MESSAGE_NONE,    true,  0},
    [HF_STEP_RETRACT] = {"retract", HF_SIDE_SOURCE,    IN(GRANTED),  HF_HOLDER_OWNED,    HF_MESSAGE_NONE,    HF_MESSAGE_NONE,    true,  0},
    [HF_STEP_GRANT]  = {"grant",  HF_SIDE_SOURCE,      IN(OWNED) | IN(GRANTED),
                                                                     HF_HOLDER_GRANTED,  HF_MESSAGE_READY,   HF_MESSAGE_GRANT,   true,  0},
    [HF_STEP_CLAIM]  = {"claim",  HF_SIDE_DESTINATION, IN(INCOMING), HF_HOLDER_OWNED,    HF_MESSAGE_GRANT,   HF_MESSAGE_CLAIMED, false, 1},
    [HF_STEP_DEPART] = {"depart", HF_SIDE_SOURCE,      IN(GRANTED),  HF_HOLDER_DEPARTED, HF_MESSAGE_CLAIMED, HF_MESSAGE_NONE,    false, 0},
    [HF_STEP_REVOKE] = {"revoke", HF_SIDE_SOURCE,      IN(GRANTED),  HF_HOLDER_GRANTED,  HF_MESSAGE_NONE,    HF_MESSAGE_REVOKE,  false, 0},
    [HF_STEP_REFUSE] = {"refuse", HF_SIDE_DESTINATION, IN(NONE) | IN(INCOMING) | IN(REVOKED) | IN(DEPARTED),
                                                                     HF_HOLDER_REVOKED,  HF_MESSAGE_REVOKE,  HF_MESSAGE_REFUSED, false, 0},
    [HF_STEP_RESUME] = {"resume", HF_SIDE_SOURCE,      IN(GRANTED),  HF_HOLDER_OWNED,    HF_MESSAGE_REFUSED, HF_MESSAGE_NONE,    false, 2},
    /* clang-format on */
};
_Static_assert(HF_ARRAY_SIZE(rows) == HF_STEP_MAX, "one row per step");

static const char *const holder_names[] = {
    [HF_HOLDER_NONE] = "NONE",   [HF_HOLDER_INCOMING] = "INCOMING", [HF_HOLDER_REVOKED] = "REVOKED",
    [HF_HOLDER_OWNED] = "OWNED", [HF_HOLDER_GRANTED] = "GRANTED",   [HF_HOLDER_DEPARTED] = "DEPARTED",
};
_Static_assert(HF_ARRAY_SIZE(holder_names) == HF_HOLDER_MAX, "one name per holder");

static const char *const message_names[] = {
    [HF_MESSAGE_NONE] = "NONE",       [HF_MESSAGE_OFFER] = "OFFER",     [HF_MESSAGE_READY] = "READY",
    [HF_MESSAGE_GRANT] = "GRANT",     [HF_MESSAGE_CLAIMED] = "CLAIMED", [HF_MESSAGE_REVOKE] = "REVOKE",
    [HF_MESSAGE_REFUSED] = "REFUSED",
};
_Static_assert(HF_ARRAY_SIZE(message_names) == HF_MESSAGE_MAX, "one name per message");

/* A copy that stands at an attempt takes that attempt's offer again, or a newer one's; a promise and a departure
 * bind: they take newer attempts only. A revocation may name an attempt that never arrived. */
static bool attempt_fits(enum hf_step step, const struct hf_handover_state *s, uint32_t attempt)
{
    switch (step) {
    case HF_STEP_READY:
        return s->holder == HF_HOLDER_INCOMING ? attempt >= s->attempt : attempt > s->attempt;
    case HF_STEP_REFUSE:
        return attempt >= s->attempt;
    case HF_STEP_OFFER:
        return attempt > s->attempt;
    default:
        return attempt == s->attempt;
    }
}

/* What was granted on disk is as before only for a source that knows that no peer heard of it; it has nothing to ask, and
 * there is nothing that an answer could be to. */
static bool promise_fits(enum hf_step step, const struct hf_handover_state *s)
{
    if (step == HF_STEP_GRANT || step == HF_STEP_RETRACT)
        return s->promised || s->holder != HF_HOLDER_GRANTED;
    return !s->promised || (step != HF_STEP_REVOKE && step != HF_STEP_DEPART && step != HF_STEP_RESUME);
}

static bool allowed(enum hf_step step, const struct hf_handover_state *s, uint32_t attempt)
{
    const struct row *row = &rows[step];

    return (row->from & 1U << s->holder) && (s->flushed || !row->needs_flushed) && promise_fits(step, s) &&
           attempt_fits(step, s, attempt);
}

/* A question that was answered before gets the same answer: the first one may have been lost. An attempt that a later
 * one followed was claimed, by this side or by the one it handed on to: only its owner can have begun the later one, and
 * the asking side has not taken it back. */
static enum hf_message repeated_answer(enum hf_side side, const struct hf_handover_state *s, enum hf_message message,
                                       uint32_t attempt)
{
    if (side != HF_SIDE_DESTINATION || attempt > s->attempt ||
        (message != HF_MESSAGE_GRANT && message != HF_MESSAGE_REVOKE))
        return HF_MESSAGE_NONE;
    if (attempt < s->attempt)
        return HF_MESSAGE_CLAIMED;
    if (s->holder == HF_HOLDER_OWNED)
        return HF_MESSAGE_CLAIMED;
    if (s->holder == HF_HOLDER_REVOKED)
        return HF_MESSAGE_REFUSED;
    return HF_MESSAGE_NONE;
}

enum hf_step hf_step_for(enum hf_side side, const struct hf_handover_state *s, enum hf_message message,
                         uint32_t attempt, enum hf_message *answer)
{
    for (enum hf_step step = 0; step < HF_STEP_MAX; step++) {
        if (rows[step].side != side || rows[step].on != message || message == HF_MESSAGE_NONE)
            continue;
        if (!allowed(step, s, attempt))
            break;
        *answer = rows[step].sends;
        return step;
    }
    *answer = repeated_answer(side, s, message, attempt);
    return HF_STEP_MAX;
}

int hf_step_take(enum hf_step step, uint32_t attempt, struct hf_handover_state *s, struct hf_error *err)
{
    if (!allowed(step, s, attempt))
        return hf_error_set(
            err, HF_EPROTO,
            "hand-over step '%s' of attempt %u is not possible for a container that is %s%s at attempt %u",
            hf_step_name(step), attempt, hf_holder_name(s->holder), s->flushed ? ", flushed," : "", s->attempt);
    s->holder = rows[step].to;
    s->attempt = attempt;
    if (step == HF_STEP_FLUSH)
        s->flushed = true;
    else if (step == HF_STEP_CANCEL || step == HF_STEP_RETRACT || step == HF_STEP_DEPART || step == HF_STEP_RESUME)
        s->flushed = false;
    s->promised = step == HF_STEP_PROMISE;
    return 0;
}

enum hf_message hf_step_sends(enum hf_step step)
{
    return rows[step].sends;
}

unsigned hf_step_epochs(enum hf_step step)
{
    return rows[step].epochs;
}

bool hf_holder_may_write(enum hf_holder holder)
{
    return holder == HF_HOLDER_OWNED;
}

const char *hf_holder_name(enum hf_holder holder)
{
    return (unsigned)holder < HF_HOLDER_MAX ? holder_names[holder] : "?";
}

const char *hf_step_name(enum hf_step step)
{
    return (unsigned)step < HF_STEP_MAX ? rows[step].name : "?";
}

const char *hf_message_name(enum hf_message message)
{
    return (unsigned)message < HF_MESSAGE_MAX ? message_names[message] : "?";
}
