/* SPDX-License-Identifier: BSD-2-Clause */
/* The source at its commit point: whose the container is from the grant on. */
#include <string.h>

#include "exchange_inside.h"

int hf_exchange_prepare(struct hf_exchange *x, struct hf_error *err)
{
    if (x->side != HF_SIDE_SOURCE || x->over || !x->greeted || x->state.holder != HF_HOLDER_OWNED)
        return hf_error_set(err, HF_EUSAGE, "there is nothing to grant");
    return hf_owner_prepare_grant(x->c, &x->peer.host, err);
}

int hf_exchange_promise(struct hf_exchange *x, int64_t now, struct hf_owner_pending **pending, struct hf_error *err)
{
    struct hf_handover_state promised = x->state;
    int r;

    if (x->side != HF_SIDE_SOURCE || x->over || !x->src.flushed || !(x->src.offering || x->src.waiting || x->src.ready))
        return hf_error_set(err, HF_EUSAGE, "nothing that was flushed is offered");
    r = hf_step_take(HF_STEP_PROMISE, x->state.attempt, &promised, err);
    if (r == 0)
        r = hf_owner_promise(x->c, x->state.attempt, &x->src.sent.digest, &x->peer.host, now, pending, err);
    if (r < 0)
        return r;
    x->state = promised;
    x->src.durable = x->src.doubtful = false;
    return 0;
}

void hf_exchange_promised(struct hf_exchange *x, int result)
{
    x->src.durable = result == 0;
    x->src.doubtful = result < 0;
}

int hf_exchange_retract(struct hf_exchange *x, int64_t now, struct hf_error *err)
{
    struct hf_handover_state owned = x->state;
    int r = hf_step_take(HF_STEP_RETRACT, x->state.attempt, &owned, err);

    if (r == 0)
        r = hf_owner_retract(x->c, x->src.doubtful, now, err);
    if (r == 0)
        x->state = owned;
    return r;
}

/* All of a promise at once. One that does not become durable is none. */
static int promise_now(struct hf_exchange *x, int64_t now, struct hf_error *err)
{
    struct hf_owner_pending *pending;
    bool flushed = x->state.flushed;
    int r = hf_exchange_promise(x, now, &pending, err);

    if (r < 0)
        return r;
    r = hf_owner_promise_finish(pending, err);
    hf_exchange_promised(x, r);
    if (r < 0 && hf_exchange_retract(x, now, NULL) == 0)
        x->state.flushed = flushed; /* the guest is paused as before */
    return r;
}

/* For the host that introduced itself in this exchange, and for this exchange. */
static int say_grant(struct hf_exchange *x, struct hf_error *err)
{
    struct hf_frame_grant grant;

    memcpy(grant.state, x->src.sent.digest.b, sizeof grant.state);
    memcpy(grant.host, x->peer.host.id, sizeof grant.host);
    memcpy(grant.nonce, x->greeting.nonce, sizeof grant.nonce);
    return hf_exchange_put(x, hf_step_sends(HF_STEP_GRANT), &grant, sizeof grant, NULL, 0, err);
}

int hf_exchange_grant(struct hf_exchange *x, int64_t now, struct hf_error *err)
{
    int r = 0;

    if (x->side != HF_SIDE_SOURCE || x->over || !x->src.ready || !x->src.flushed)
        return hf_error_set(err, HF_EUSAGE, "no flushed offer to grant");
    if (!x->state.promised)
        r = promise_now(x, now, err);
    else if (!x->src.durable)
        r = hf_error_set(err, HF_EUSAGE, "what was promised is not durable here");
    if (r == 0)
        r = hf_step_take(HF_STEP_GRANT, x->state.attempt, &x->state, err);
    return r < 0 ? r : say_grant(x, err);
}

int hf_exchange_revoke(struct hf_exchange *x, struct hf_error *err)
{
    int r;

    if (x->side != HF_SIDE_SOURCE || x->over || !x->greeted)
        return hf_error_set(err, HF_EUSAGE, "no destination to ask");
    r = hf_step_take(HF_STEP_REVOKE, x->state.attempt, &x->state, err);
    return r < 0 ? r : hf_exchange_say(x, hf_step_sends(HF_STEP_REVOKE), NULL, err);
}
