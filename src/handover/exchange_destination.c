/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "epochs.h"
#include "exchange_inside.h"
#include "ids.h"
#include "runtime.h"

int hf_exchange_destination(const struct hf_exchange_place *place, struct hf_exchange **out, struct hf_error *err)
{
    struct hf_exchange *x;
    int r;

    if (place->caps_size > HF_EXCHANGE_CAPS_MAX)
        return hf_error_set(err, HF_EUSAGE, "this host's description has %zu bytes; at most %u can be sent",
                            place->caps_size, HF_EXCHANGE_CAPS_MAX);
    x = (struct hf_exchange *)calloc(1, sizeof *x);
    if (!x)
        return hf_error_nomem(err);
    x->side = HF_SIDE_DESTINATION;
    x->in = (uint8_t *)malloc(HF_EXCHANGE_IN_SIZE);
    x->extra = place->extra ? json_deep_copy(place->extra) : NULL;
    x->dst.path = strdup(place->path);
    x->dst.caps = place->caps ? strndup(place->caps, place->caps_size) : NULL;
    x->dst.describe = place->describe;
    x->dst.ctx = place->ctx;
    x->dst.arrived = hf_arrived_new();
    x->dst.hold = place->hold;
    x->dst.only_known = place->only_known;
    r = x->in && x->dst.path && x->dst.arrived && (!place->extra || x->extra) && (!place->caps || x->dst.caps)
            ? hf_host_identity(x->here.id, x->here.name, err)
            : hf_error_nomem(err);
    if (r == 0)
        r = hf_random_id(x->dst.nonce, err);
    if (r < 0) {
        hf_exchange_free(x);
        return r;
    }
    *out = x;
    return 0;
}

int hf_destination_open(struct hf_exchange *x, int64_t now, struct hf_container **c, struct hf_error *err)
{
    int r = 0;

    if (!x->c)
        r = hf_container_open_received(x->dst.path, x->dst.hold ? HF_OPEN_RUN : HF_OPEN_EDIT, now, c, err);
    else
        *c = x->c;
    if (r == -HF_EOWNED && x->dst.hold && x->peer.holder == HF_HOLDER_GRANTED) {
        x->dst.hold = false; /* the guest that it asks about runs here: it is answered, and nothing is received */
        r = hf_container_open_received(x->dst.path, HF_OPEN_EDIT, now, c, err);
    }
    if (r == 0 && x->dst.hold)
        x->c = *c;
    return r;
}

int hf_destination_close(struct hf_exchange *x, struct hf_container *c, int r, struct hf_error *err)
{
    int closed = c == x->c ? 0 : hf_container_close(c, r < 0 ? NULL : err);

    return r < 0 ? r : closed;
}

/* A copy that this host gave away and was not heard to: a peer that offers it again, at a later attempt and epoch, or still
 * owns what it was given, has the answer. */
static int take_answer(struct hf_exchange *x, struct hf_container *c, struct hf_owner *owner, int64_t now,
                       struct hf_error *err)
{
    struct hf_epoch seen = {0};
    int r;

    if (owner->state != HF_OWNER_GRANTED || x->peer.epoch <= owner->epoch || x->peer.attempt < owner->attempt)
        return 0;
    r = hf_epoch_look(x->peer.container, &seen, err);
    if (r > 0)
        r = hf_epoch_check_peer(x->peer.container, &seen, x->peer.epoch, x->peer.host.id, err);
    if (r < 0)
        return r;
    owner->state = HF_OWNER_DEPARTED;
    return hf_owner_depart(c, &x->peer.host, now, err);
}

static int holder_of(const struct hf_exchange *x, const struct hf_owner *owner, enum hf_holder *holder,
                     struct hf_error *err)
{
    switch (owner->state) {
    case HF_OWNER_INCOMING:
        *holder = HF_HOLDER_INCOMING;
        return 0;
    case HF_OWNER_REVOKED:
        *holder = HF_HOLDER_REVOKED;
        return 0;
    case HF_OWNER_DEPARTED:
        *holder = HF_HOLDER_DEPARTED;
        return 0;
    case HF_OWNER_HELD:
        *holder = HF_HOLDER_OWNED;
        if (strcmp(owner->host_id, x->here.id) == 0 && x->peer.holder == HF_HOLDER_GRANTED)
            return 0; /* it asks what became of it */
        return hf_error_set(err, HF_EOWNED, "%s: is owned by host '%s' at epoch %llu already", x->dst.path,
                            owner->host_name, (unsigned long long)owner->epoch);
    default:
        return hf_error_refuse(
            err, "step", "%s: is a copy that is %s by host '%s' at epoch %llu; nothing is received over it",
            x->dst.path, hf_owner_state_text(owner->state), owner->host_name, (unsigned long long)owner->epoch);
    }
}

static int look_at_copy(struct hf_exchange *x, struct hf_container *c, int64_t now, struct hf_error *err)
{
    struct hf_owner owner;
    int r;

    if (strcmp(hf_container_id(c), x->peer.container) != 0)
        return hf_error_refuse(err, "exists", "%s: is another guest's container; it is not overwritten", x->dst.path);
    r = hf_owner_standing(c, &owner, err);
    if (r == 0)
        r = take_answer(x, c, &owner, now, err);
    if (r == 0)
        r = holder_of(x, &owner, &x->state.holder, err);
    if (r == 0 && x->state.holder == HF_HOLDER_OWNED)
        r = hf_sync_anew(c, err); /* what is said about it must be true after a power cut */
    x->state.attempt = owner.attempt;
    x->epoch = owner.epoch;
    return r;
}

/* A host with no copy may have promised something all the same, or know better who owns it. */
static int look_at_register(struct hf_exchange *x, struct hf_error *err)
{
    struct hf_epoch seen = {0};
    int r = hf_epoch_look(x->peer.container, &seen, err);

    if (r > 0 && x->peer.holder == HF_HOLDER_OWNED)
        r = hf_epoch_check_peer(x->peer.container, &seen, x->peer.epoch, x->peer.host.id, err);
    if (r < 0)
        return r;
    if (x->state.attempt < seen.revoked)
        x->state.attempt = seen.revoked;
    return 0;
}

/* The images that do not need to travel are those of the copy that is here. */
static int find_wanted(struct hf_exchange *x, struct hf_container *c, struct hf_digest *wanted, size_t *count,
                       struct hf_error *err)
{
    *count = 0;
    for (size_t i = 0; i < x->greeting.image_count; i++) {
        int r = c ? hf_transfer_has(c, &x->greeting.images[i], err) : 0;

        if (r < 0)
            return r;
        if (r == 0)
            wanted[(*count)++] = x->greeting.images[i].digest;
    }
    return 0;
}

/* What is too long to be told is not told. */
static int describe(struct hf_exchange *x, struct hf_error *err)
{
    char *caps = strdup(x->dst.caps);
    int r = caps ? x->dst.describe(x->dst.ctx, &x->peer, &caps, err) : hf_error_nomem(err);

    if (r == 0 && strlen(caps) <= HF_EXCHANGE_CAPS_MAX) {
        char *before = x->dst.caps;

        x->dst.caps = caps;
        caps = before;
    }
    free(caps);
    return r;
}

static int answer_hello(struct hf_exchange *x, const struct hf_digest *wanted, size_t count, struct hf_error *err)
{
    struct hf_greeting g = {.side = HF_SIDE_DESTINATION, .host = x->here, .holder = x->state.holder, .extra = x->extra};
    char *hello hf_auto(hf_cleanup_free) = NULL, *want hf_auto(hf_cleanup_free) = NULL;
    int r = x->dst.caps && x->dst.describe ? describe(x, err) : 0;

    memcpy(g.nonce, x->dst.nonce, sizeof g.nonce);
    if (r == 0)
        r = hf_greeting_write(&g, &hello, err);
    if (r == 0)
        r = hf_want_write(wanted, count, &want, err);
    if (r == 0)
        r = hf_exchange_put(x, HF_FRAME_HELLO, hello, strlen(hello), NULL, 0, err);
    if (r == 0 && x->dst.caps)
        r = hf_exchange_put(x, HF_FRAME_CAPS, x->dst.caps, strlen(x->dst.caps), NULL, 0, err);
    return r < 0 ? r : hf_exchange_put(x, HF_FRAME_WANT, want, strlen(want), NULL, 0, err);
}

static int read_hello(struct hf_exchange *x, const struct hf_frame *frame, struct hf_error *err)
{
    int r = hf_greeting_read(frame->payload, frame->length, &x->greeting, err);

    if (r < 0)
        return r;
    if (x->greeting.side != HF_SIDE_SOURCE ||
        (x->greeting.holder != HF_HOLDER_OWNED && x->greeting.holder != HF_HOLDER_GRANTED))
        return hf_error_set(err, HF_EPROTO, "the peer is a destination, too: it has nothing to hand over");
    x->peer.host = x->greeting.host;
    x->peer.holder = x->greeting.holder;
    x->peer.extra = x->greeting.extra;
    x->peer.attempt = frame->attempt;
    x->peer.epoch = frame->epoch;
    x->peer.guest = x->greeting.guest;
    x->peer.container_bytes = x->greeting.bytes;
    memcpy(x->peer.container, x->greeting.container, sizeof x->peer.container);
    memcpy(x->dst.from.container, x->greeting.container, sizeof x->dst.from.container);
    x->dst.from.host = x->greeting.host;
    x->dst.from.reserve = x->greeting.free_bytes;
    for (size_t i = 0; i < x->greeting.image_count; i++)
        x->total += x->greeting.images[i].stored;
    return 0;
}

static int hear_hello(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, struct hf_error *err)
{
    struct hf_digest wanted[HF_IMAGES_MAX];
    struct hf_container *c = NULL;
    size_t count = 0;
    int r = read_hello(x, frame, err);

    if (r < 0)
        return r;
    r = hf_destination_open(x, now, &c, err);
    if (r == -HF_ENOTFOUND && !x->dst.only_known) {
        r = 0;
        c = NULL;
    }
    if (r == 0 && c)
        r = look_at_copy(x, c, now, err);
    if (r == 0)
        r = look_at_register(x, err);
    if (r == 0)
        r = find_wanted(x, c, wanted, &count, err);
    if (c)
        r = hf_destination_close(x, c, r, err);
    if (r < 0)
        return r;
    x->greeted = true;
    return answer_hello(x, wanted, count, err);
}

static int hear_image(struct hf_exchange *x, const struct hf_frame *frame, struct hf_error *err)
{
    const size_t head = HF_DIGEST_SIZE + sizeof(hf_be64);
    struct hf_digest digest = hf_exchange_digest(frame);
    hf_be64 number;

    memcpy(&number, frame->payload + HF_DIGEST_SIZE, sizeof number);
    x->done += frame->length - head;
    return hf_arrived_add(x->dst.arrived, &digest, hf_be64_get(number), frame->payload + head, frame->length - head,
                          err);
}

static int hear_state(struct hf_exchange *x, const struct hf_frame *frame, struct hf_error *err)
{
    size_t n = frame->length - sizeof(hf_be64);
    hf_be64 offset;

    memcpy(&offset, frame->payload, sizeof offset);
    if (hf_be64_get(offset) != x->dst.size || n > HF_TRANSFER_MAX - x->dst.size)
        return hf_error_set(err, HF_EPROTO, "the container's state came at byte %llu where %zu was due, of at most %u",
                            (unsigned long long)hf_be64_get(offset), x->dst.size, HF_TRANSFER_MAX);
    if (n > x->dst.room - x->dst.size) {
        size_t room = (x->dst.size + n) * 2;
        uint8_t *grown = (uint8_t *)realloc(x->dst.bytes, room);

        if (!grown)
            return hf_error_set(err, HF_ENOMEM, "%zu bytes of a container's state: out of memory", room);
        x->dst.bytes = grown;
        x->dst.room = room;
    }
    memcpy(x->dst.bytes + x->dst.size, frame->payload + sizeof offset, n);
    x->dst.size += n;
    x->done += n;
    return 0;
}

/* Makes or changes the copy. Without a copy nothing is open yet; with `hold` it is opened at once, for its owner. */
static int apply(struct hf_exchange *x, int64_t now, struct hf_error *err)
{
    struct hf_container *c = NULL;
    int r;

    if (x->state.holder == HF_HOLDER_NONE) {
        r = hf_transfer_create(x->dst.path, &x->dst.from, x->dst.bytes, x->dst.size, x->dst.arrived, now, err);
        return r < 0 || !x->dst.hold ? r : hf_container_open_incoming(x->dst.path, now, &x->c, err);
    }
    r = hf_destination_open(x, now, &c, err);
    if (r < 0)
        return r;
    r = hf_transfer_apply(c, &x->dst.from, x->dst.bytes, x->dst.size, x->dst.arrived, now, err);
    return hf_destination_close(x, c, r, err);
}

/* Offered once more as it lies here, and durable since READY was said for it: while a guest is paused, nothing is
 * done a second time. The process that holds the copy knows that no other changed it; the grant compares it in any case. */
static bool is_here(const struct hf_exchange *x, const struct hf_frame *frame)
{
    struct hf_digest offered = hf_exchange_digest(frame);

    return x->dst.ready && x->c && x->state.holder == HF_HOLDER_INCOMING && frame->attempt == x->dst.from.attempt &&
           frame->epoch == x->dst.from.epoch && hf_digest_equal(&offered, &x->dst.from.digest) &&
           hf_transfer_is_none(x->dst.bytes, x->dst.size, &offered);
}

static int hear_offer(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, enum hf_exchange_event *event,
                      struct hf_error *err)
{
    enum hf_message answer;
    enum hf_step step = hf_step_for(HF_SIDE_DESTINATION, &x->state, HF_MESSAGE_OFFER, frame->attempt, &answer);
    int r;

    if (step == HF_STEP_MAX)
        return hf_error_refuse(err, "step", "%s: is %s at attempt %u here; attempt %u cannot be received over it",
                               x->dst.path, hf_holder_name(x->state.holder), x->state.attempt, frame->attempt);
    if (is_here(x, frame)) {
        r = 0;
    } else {
        x->dst.from.epoch = frame->epoch;
        x->dst.from.attempt = frame->attempt;
        x->dst.from.digest = hf_exchange_digest(frame);
        r = apply(x, now, err);
        x->dst.ready = r == 0;
    }
    x->dst.size = 0;
    if (r == 0)
        r = hf_step_take(step, frame->attempt, &x->state, err);
    if (r < 0)
        return r;
    x->epoch = frame->epoch;
    x->dst.granted = false;
    *event = HF_EXCHANGE_READY;
    return hf_exchange_say(x, answer, &x->dst.from.digest, err);
}

static void hear_stream(struct hf_exchange *x, const struct hf_frame *frame, enum hf_exchange_event *event)
{
    x->dst.stream = frame->payload;
    x->dst.stream_size = frame->length;
    *event = frame->length > 0 ? HF_EXCHANGE_STREAM : HF_EXCHANGE_STREAM_END;
}

int hf_destination_hear(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, enum hf_exchange_event *event,
                        struct hf_error *err)
{
    if ((frame->type == HF_FRAME_HELLO) == x->greeted)
        return hf_exchange_unexpected(frame, err);
    switch (frame->type) {
    case HF_FRAME_HELLO:
        *event = HF_EXCHANGE_PEER;
        return hear_hello(x, frame, now, err);
    case HF_FRAME_IMAGE:
        return hear_image(x, frame, err);
    case HF_FRAME_STATE:
        return hear_state(x, frame, err);
    case HF_FRAME_STREAM:
        hear_stream(x, frame, event);
        return 0;
    case HF_MESSAGE_OFFER:
        return hear_offer(x, frame, now, event, err);
    case HF_MESSAGE_GRANT:
        return hf_destination_hear_grant(x, frame, now, event, err);
    case HF_MESSAGE_REVOKE:
        return hf_destination_hear_revoke(x, frame, now, event, err);
    default:
        return hf_exchange_unexpected(frame, err);
    }
}

const uint8_t *hf_exchange_stream(const struct hf_exchange *x, size_t *size)
{
    *size = x->dst.stream ? x->dst.stream_size : 0;
    return x->dst.stream;
}

int hf_exchange_ask(struct hf_exchange *x, struct hf_error *err)
{
    if (x->side != HF_SIDE_DESTINATION || x->over || !x->greeted)
        return hf_error_set(err, HF_EUSAGE, "no source to ask");
    return hf_exchange_put(x, HF_FRAME_ASK, NULL, 0, NULL, 0, err);
}
