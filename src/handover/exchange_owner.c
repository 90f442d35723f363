/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose the container is: the two commit points of an exchange, the source's grant and the destination's claim. */
#include <string.h>

#include "cleanup.h"
#include "exchange_inside.h"

/* ---- the source ---- */

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
        return hf_error_set(err, HF_EUSAGE, "grant: no flushed copy was offered");
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
        r = hf_error_set(err, HF_EUSAGE, "grant: the promise is not durable on this host");
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

/* ---- the destination ---- */

/* Whether the copy is, byte for byte, what the grant is about. 1 or 0. */
static int grant_fits(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, struct hf_error *err)
{
    struct hf_digest granted = hf_exchange_digest(frame), here;
    struct hf_container *c;
    int r = hf_destination_open(x, now, &c, err);

    if (r < 0)
        return r;
    r = hf_destination_close(x, c, hf_transfer_digest(c, &here, err), err);
    return r < 0 ? r : frame->epoch == x->epoch && hf_digest_equal(&granted, &here);
}

/* Its sender may have recorded it elsewhere, or some time ago. */
static int check_addressee(const struct hf_exchange *x, const struct hf_frame *frame, struct hf_error *err)
{
    struct hf_frame_grant grant;

    memcpy(&grant, frame->payload, sizeof grant);
    if (memcmp(grant.host, x->here.id, sizeof grant.host) != 0)
        return hf_error_set(err, HF_EPROTO, "grant: for host %.32s, and this is host %s; nothing was claimed",
                            grant.host, x->here.id);
    if (memcmp(grant.nonce, x->dst.nonce, sizeof grant.nonce) != 0)
        return hf_error_set(err, HF_EPROTO, "grant: of another exchange than this one; nothing was claimed");
    return 0;
}

int hf_destination_hear_grant(struct hf_exchange *x, const struct hf_frame *frame, int64_t now,
                              enum hf_exchange_event *event, struct hf_error *err)
{
    enum hf_message answer;
    enum hf_step step = hf_step_for(HF_SIDE_DESTINATION, &x->state, HF_MESSAGE_GRANT, frame->attempt, &answer);
    int r = check_addressee(x, frame, err);

    if (r < 0)
        return r;
    if (step == HF_STEP_MAX)
        return answer == HF_MESSAGE_NONE ? 0 : hf_exchange_say(x, answer, NULL, err);
    r = grant_fits(x, frame, now, err);
    if (r <= 0)
        return r;
    x->dst.granted = true;
    x->dst.claim_epoch = frame->epoch + hf_step_epochs(HF_STEP_CLAIM);
    *event = HF_EXCHANGE_GRANTED;
    return 0;
}

/* Somebody else may have claimed it since this side last looked. */
static int look_again(struct hf_exchange *x, int64_t now, struct hf_error *err)
{
    struct hf_container *c;
    struct hf_owner owner;
    int r;

    if (x->state.holder != HF_HOLDER_INCOMING)
        return 0;
    r = hf_destination_open(x, now, &c, err);
    if (r < 0)
        return r;
    r = hf_owner_get(c, &owner, err);
    if (r == 0 && owner.state == HF_OWNER_HELD)
        r = hf_sync_anew(c, err);
    r = hf_destination_close(x, c, r, err);
    if (r == 0 && owner.state == HF_OWNER_HELD && owner.attempt == x->state.attempt &&
        strcmp(owner.host_id, x->here.id) == 0) {
        x->state.holder = HF_HOLDER_OWNED;
        x->epoch = owner.epoch;
    }
    return r;
}

static int refuse(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, struct hf_error *err)
{
    struct hf_container *c = NULL;
    int r = x->state.holder == HF_HOLDER_NONE ? 0 : hf_destination_open(x, now, &c, err);

    if (r < 0)
        return r;
    r = hf_owner_refuse(c, x->peer.container, frame->attempt, frame->epoch, &x->peer.host, now, err);
    return c ? hf_destination_close(x, c, r, err) : r;
}

int hf_destination_hear_revoke(struct hf_exchange *x, const struct hf_frame *frame, int64_t now,
                               enum hf_exchange_event *event, struct hf_error *err)
{
    enum hf_message answer;
    enum hf_step step;
    bool had = x->state.holder != HF_HOLDER_NONE;
    int r = look_again(x, now, err);

    if (r < 0)
        return r;
    step = hf_step_for(HF_SIDE_DESTINATION, &x->state, HF_MESSAGE_REVOKE, frame->attempt, &answer);
    if (step != HF_STEP_MAX) {
        r = refuse(x, frame, now, err);
        if (r == 0)
            r = hf_step_take(step, frame->attempt, &x->state, err);
        if (r == 0 && !had)
            x->state.holder = HF_HOLDER_NONE; /* the host promised; there is still no copy */
        x->dst.granted = false;
        *event = HF_EXCHANGE_REVOKED;
    }
    return r < 0 || answer == HF_MESSAGE_NONE ? r : hf_exchange_say(x, answer, NULL, err);
}

struct hf_container *hf_exchange_container(const struct hf_exchange *x)
{
    return x->side == HF_SIDE_DESTINATION && x->state.holder != HF_HOLDER_NONE ? x->c : NULL;
}

struct hf_container *hf_exchange_take_container(struct hf_exchange *x)
{
    return x->side == HF_SIDE_DESTINATION ? hf_take_ptr(x->c) : NULL;
}

void hf_exchange_terms(const struct hf_exchange *x, uint32_t *attempt, uint64_t *epoch)
{
    *attempt = x->state.attempt;
    *epoch = x->dst.claim_epoch;
}

static int commit_claim(struct hf_exchange *x, struct hf_container *c, int64_t now, struct hf_error *err)
{
    int r = hf_begin_claim(c, x->state.attempt, x->dst.claim_epoch, now, err);

    return r < 0 ? r : hf_commit_claim(c, err);
}

/* On disk; the source may hear of it. */
static int say_claimed(struct hf_exchange *x, struct hf_error *err)
{
    int r = hf_step_take(HF_STEP_CLAIM, x->state.attempt, &x->state, err);

    if (r < 0)
        return r;
    x->epoch = x->dst.claim_epoch;
    x->dst.granted = false;
    return hf_exchange_say(x, hf_step_sends(HF_STEP_CLAIM), NULL, err);
}

int hf_exchange_claim(struct hf_exchange *x, int64_t now, struct hf_error *err)
{
    struct hf_container *c;
    int r;

    if (x->side != HF_SIDE_DESTINATION || !x->dst.granted)
        return hf_error_set(err, HF_EUSAGE, "nothing was granted");
    r = hf_destination_open(x, now, &c, err);
    if (r < 0)
        return r;
    r = commit_claim(x, c, now, err);
    if (r == 0)
        hf_owner_note(c);
    (void)hf_destination_close(x, c, -1, NULL); /* what it cannot bring in is durable beside the file */
    return r < 0 ? r : say_claimed(x, err);
}

int hf_exchange_claim_first(struct hf_exchange *x, int64_t now, struct hf_error *err)
{
    if (x->side != HF_SIDE_DESTINATION || !x->dst.granted || !x->c)
        return hf_error_set(err, HF_EUSAGE, "nothing was granted to a copy that is held");
    return commit_claim(x, x->c, now, err);
}

/* A register that cannot be written makes the claim no less true. */
int hf_exchange_claim_told(struct hf_exchange *x, struct hf_container *c, struct hf_error *err)
{
    hf_owner_note(c);
    return say_claimed(x, err);
}

int hf_exchange_claimed(struct hf_exchange *x, struct hf_error *err)
{
    struct hf_container *c hf_auto(hf_container_done) = NULL;
    struct hf_owner owner;
    int r;

    if (x->side != HF_SIDE_DESTINATION || !x->dst.granted)
        return hf_error_set(err, HF_EUSAGE, "nothing was granted");
    r = x->c ? 0 : hf_container_open(x->dst.path, HF_OPEN_LOOK, 0, &c, err);
    if (r == 0)
        r = hf_owner_get(x->c ? x->c : c, &owner, err);
    if (r < 0)
        return r;
    if (owner.state != HF_OWNER_HELD || owner.attempt != x->state.attempt || owner.epoch < x->dst.claim_epoch ||
        strcmp(owner.host_id, x->here.id) != 0)
        return hf_error_set(err, HF_EUSAGE, "%s: is %s at epoch %llu and was not claimed", x->dst.path,
                            hf_owner_state_text(owner.state), (unsigned long long)owner.epoch);
    return say_claimed(x, err);
}
