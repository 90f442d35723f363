/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "exchange_inside.h"
#include "runtime.h"

/* The standing of this host's container, as the step table has it. */
static int read_standing(struct hf_exchange *x, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_owner_standing(x->c, &owner, err);

    if (r < 0)
        return r;
    if (owner.state != HF_OWNER_HELD && owner.state != HF_OWNER_GRANTED)
        return hf_error_refuse(err, "step", "%s: is %s by host '%s', and not this host's to hand over",
                               hf_container_path(x->c), hf_owner_state_text(owner.state), owner.host_name);
    x->state.holder = owner.state == HF_OWNER_HELD ? HF_HOLDER_OWNED : HF_HOLDER_GRANTED;
    x->state.attempt = owner.attempt;
    x->state.flushed = x->state.holder == HF_HOLDER_GRANTED;
    x->epoch = owner.epoch;
    return 0;
}

static int greet(struct hf_exchange *x, struct hf_error *err)
{
    struct hf_greeting *g hf_auto(hf_cleanup_free) = (struct hf_greeting *)calloc(1, sizeof *g);
    char *text hf_auto(hf_cleanup_free) = NULL;
    int r;

    if (!g)
        return hf_error_nomem(err);
    g->side = HF_SIDE_SOURCE;
    g->host = x->here;
    g->holder = x->state.holder;
    g->extra = x->extra;
    memcpy(g->container, hf_container_id(x->c), sizeof g->container);
    r = hf_guest_get(x->c, &g->guest, err);
    if (r == 0)
        r = hf_container_usage(x->c, &g->bytes, &g->free_bytes, err);
    if (r == 0)
        r = hf_image_list(x->c, g->images, &g->image_count, err);
    if (r == 0)
        r = hf_greeting_write(g, &text, err);
    if (r < 0)
        return r;
    memcpy(x->src.due, g->images, g->image_count * sizeof g->images[0]);
    x->src.due_count = g->image_count;
    return hf_exchange_put(x, HF_FRAME_HELLO, text, strlen(text), NULL, 0, err);
}

int hf_exchange_source(struct hf_container *c, const json_t *extra, struct hf_exchange **out, struct hf_error *err)
{
    struct hf_exchange *x = (struct hf_exchange *)calloc(1, sizeof *x);
    int r;

    if (!x)
        return hf_error_nomem(err);
    x->side = HF_SIDE_SOURCE;
    x->c = c;
    x->in = (uint8_t *)malloc(HF_EXCHANGE_IN_SIZE);
    x->extra = extra ? json_deep_copy(extra) : NULL;
    r = x->in && (!extra || x->extra) ? 0 : hf_error_nomem(err);
    if (r == 0)
        r = hf_host_identity(x->here.id, x->here.name, err);
    if (r == 0)
        r = read_standing(x, err);
    if (r == 0)
        r = greet(x, err);
    if (r < 0) {
        hf_exchange_free(x);
        return r;
    }
    *out = x;
    return 0;
}

static int hear_hello(struct hf_exchange *x, const struct hf_frame *frame, struct hf_error *err)
{
    int r = hf_greeting_read(frame->payload, frame->length, &x->greeting, err);

    if (r < 0)
        return r;
    if (x->greeting.side != HF_SIDE_DESTINATION)
        return hf_error_set(err, HF_EPROTO, "the peer is a source: it wants to hand over, too");
    x->greeted = true;
    x->peer.host = x->greeting.host;
    x->peer.holder = x->greeting.holder;
    x->peer.extra = x->greeting.extra;
    x->peer.attempt = frame->attempt;
    x->peer.epoch = frame->epoch;
    return 0;
}

static int hear_caps(struct hf_exchange *x, const struct hf_frame *frame, struct hf_error *err)
{
    if (x->peer_caps)
        return hf_exchange_unexpected(frame, err);
    x->peer_caps = strndup((const char *)frame->payload, frame->length);
    if (!x->peer_caps)
        return hf_error_nomem(err);
    x->peer.caps = x->peer_caps;
    x->peer.caps_size = strlen(x->peer_caps);
    return 0;
}

static bool contains(const struct hf_digest *list, size_t count, const struct hf_digest *digest)
{
    for (size_t i = 0; i < count; i++)
        if (hf_digest_equal(&list[i], digest))
            return true;
    return false;
}

/* What was announced and is not wanted is there already. */
static int hear_want(struct hf_exchange *x, const struct hf_frame *frame, struct hf_error *err)
{
    struct hf_digest wanted[HF_IMAGES_MAX];
    size_t count;
    int r = hf_want_read(frame->payload, frame->length, wanted, &count, err);

    for (size_t i = 0; r == 0 && i < x->src.due_count; i++)
        if (!contains(wanted, count, &x->src.due[i].digest))
            x->src.has[x->src.has_count++] = x->src.due[i].digest;
    x->src.due_count = 0;
    x->src.met = true;
    return r;
}

static int hear_ready(struct hf_exchange *x, const struct hf_frame *frame, enum hf_exchange_event *event)
{
    struct hf_digest heard = hf_exchange_digest(frame);

    if ((x->state.holder == HF_HOLDER_OWNED || x->state.promised) && frame->attempt == x->state.attempt &&
        x->src.waiting && hf_digest_equal(&heard, &x->src.sent.digest)) {
        x->src.waiting = false;
        x->src.ready = true;
        *event = HF_EXCHANGE_READY;
    }
    return 0;
}

/* CLAIMED and REFUSED, the two answers; on disk before anybody hears of it. */
static int hear_answer(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, enum hf_exchange_event *event,
                       struct hf_error *err)
{
    enum hf_message answer;
    enum hf_step step = hf_step_for(HF_SIDE_SOURCE, &x->state, (enum hf_message)frame->type, frame->attempt, &answer);
    int r;

    if (step == HF_STEP_MAX)
        return 0;
    if (step == HF_STEP_DEPART) {
        r = hf_owner_depart(x->c, &x->peer.host, now, err);
        *event = HF_EXCHANGE_DEPARTED;
    } else {
        r = hf_owner_resume(x->c, &x->peer.host, now, err);
        *event = HF_EXCHANGE_RESUMED;
        x->src.begun = x->src.ready = x->src.flushed = false;
        x->epoch += hf_step_epochs(step);
    }
    return r < 0 ? r : hf_step_take(step, frame->attempt, &x->state, err);
}

int hf_source_hear(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, enum hf_exchange_event *event,
                   struct hf_error *err)
{
    int r = 0;

    bool introduces = frame->type == HF_FRAME_CAPS || frame->type == HF_FRAME_WANT;

    if ((frame->type == HF_FRAME_HELLO) == x->greeted || (x->greeted && introduces == x->src.met))
        return hf_exchange_unexpected(frame, err);
    switch (frame->type) {
    case HF_FRAME_HELLO:
        return hear_hello(x, frame, err);
    case HF_FRAME_CAPS:
        return hear_caps(x, frame, err);
    case HF_FRAME_WANT:
        r = hear_want(x, frame, err);
        *event = HF_EXCHANGE_PEER;
        return r;
    case HF_FRAME_ASK:
        *event = HF_EXCHANGE_ASKED;
        return 0;
    case HF_MESSAGE_READY:
        return hear_ready(x, frame, event);
    case HF_MESSAGE_CLAIMED:
    case HF_MESSAGE_REFUSED:
        return hear_answer(x, frame, now, event, err);
    default:
        return hf_exchange_unexpected(frame, err);
    }
}

static int begin_attempt(struct hf_exchange *x, struct hf_error *err)
{
    uint32_t attempt;
    int r = hf_owner_offer(x->c, x->peer.attempt, &attempt, err);

    if (r == 0)
        r = hf_step_take(HF_STEP_OFFER, attempt, &x->state, err);
    x->src.begun = r == 0;
    return r;
}

static int queue_images(struct hf_exchange *x, struct hf_error *err)
{
    struct hf_image list[HF_IMAGES_MAX];
    size_t count;
    int r = hf_image_list(x->c, list, &count, err);

    x->src.due_count = x->src.due_at = 0;
    x->src.due_chunk = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (contains(x->src.has, x->src.has_count, &list[i].digest))
            continue;
        if (x->src.has_count == HF_ARRAY_SIZE(x->src.has))
            return hf_error_set(err, HF_ENOSPC,
                                "more images changed during this hand-over than one exchange can send: start again");
        x->src.has[x->src.has_count++] = list[i].digest;
        x->src.due[x->src.due_count++] = list[i];
        x->total += list[i].stored;
    }
    return r;
}

/* Whether a step may be taken from here, in the caller's words. */
static int may_offer(const struct hf_exchange *x, struct hf_error *err)
{
    if (x->side != HF_SIDE_SOURCE || !x->greeted || x->over)
        return hf_error_set(err, HF_EUSAGE, "no destination to offer to");
    if (x->state.holder != HF_HOLDER_OWNED)
        return hf_error_set(err, HF_EUSAGE, "the container is %s: revoke the grant first",
                            hf_holder_name(x->state.holder));
    if (x->src.offering || x->src.waiting)
        return hf_error_set(err, HF_EUSAGE, "offer: the destination has not answered the last one");
    return 0;
}

int hf_exchange_offer(struct hf_exchange *x, bool flushed, int64_t now, struct hf_error *err)
{
    uint8_t *bytes;
    size_t size;
    int r = may_offer(x, err);

    (void)now;
    if (r == 0 && !x->src.begun)
        r = begin_attempt(x, err);
    if (r == 0)
        r = hf_transfer_write(x->c, &x->src.sent, &bytes, &size, err);
    if (r < 0)
        return r;
    free(x->src.bytes);
    x->src.bytes = bytes;
    x->src.size = size;
    x->src.at = 0;
    x->total += size;
    x->src.offering = true;
    x->src.ready = false;
    x->src.flushed = flushed;
    r = queue_images(x, err);
    if (r == 0 && flushed && !x->state.flushed)
        r = hf_step_take(HF_STEP_FLUSH, x->state.attempt, &x->state, err);
    if (!flushed)
        x->state.flushed = false;
    return r;
}

static int produce_chunk(struct hf_exchange *x, struct hf_error *err)
{
    const struct hf_image *image = &x->src.due[x->src.due_at];
    uint8_t *bytes hf_auto(hf_cleanup_free) = NULL;
    struct {
        struct hf_digest digest;
        hf_be64 number;
    } head = {image->digest, hf_be64_of(x->src.due_chunk)};
    size_t size;
    int r = hf_transfer_chunk(x->c, &image->digest, x->src.due_chunk, &bytes, &size, err);

    if (r == 0)
        r = hf_exchange_put(x, HF_FRAME_IMAGE, &head, sizeof head, bytes, size, err);
    if (r < 0)
        return r;
    x->done += size;
    if (++x->src.due_chunk == hf_transfer_chunks(image->size)) {
        x->src.due_at++;
        x->src.due_chunk = 0;
    }
    return 1;
}

static int produce_state(struct hf_exchange *x, struct hf_error *err)
{
    const size_t most = HF_FRAME_PAYLOAD_MAX - sizeof(hf_be64);
    size_t left = x->src.size - x->src.at, n = left < most ? left : most;
    hf_be64 offset = hf_be64_of(x->src.at);
    int r = hf_exchange_put(x, HF_FRAME_STATE, &offset, sizeof offset, x->src.bytes + x->src.at, n, err);

    x->src.at += n;
    x->done += n;
    return r < 0 ? r : 1;
}

int hf_source_produce(struct hf_exchange *x, struct hf_error *err)
{
    int r;

    if (!x->src.offering)
        return 0;
    if (x->src.due_at < x->src.due_count)
        return produce_chunk(x, err);
    if (x->src.at < x->src.size)
        return produce_state(x, err);
    r = hf_exchange_say(x, hf_step_sends(HF_STEP_SEND), &x->src.sent.digest, err);
    x->src.offering = false;
    x->src.waiting = true;
    free(x->src.bytes);
    x->src.bytes = NULL;
    x->src.size = x->src.at = 0;
    return r < 0 ? r : 1;
}
