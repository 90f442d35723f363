/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_AHEAD  (2U << 20) /* of QEMU's stream, taken before the pipe took any */
#define ANSWERS_AHEAD (2U << 20) /* of a destination that is asked and not listened to */

static int make_room(struct hf_exchange *x, size_t size, struct hf_error *err)
{
    if (x->out_from > 0 && size > x->out_room - x->out_to) {
        memmove(x->out, x->out + x->out_from, x->out_to - x->out_from);
        x->out_to -= x->out_from;
        x->out_from = 0;
    }
    if (size > x->out_room - x->out_to) {
        size_t room = (x->out_to + size) * 2;
        uint8_t *grown = (uint8_t *)realloc(x->out, room);

        if (!grown)
            return hf_error_set(err, HF_ENOMEM, "frame of %zu bytes: out of memory", size);
        x->out = grown;
        x->out_room = room;
    }
    return 0;
}

static void append(struct hf_exchange *x, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(x->out + x->out_to, bytes, size);
    x->out_to += size;
}

int hf_exchange_put(struct hf_exchange *x, unsigned type, const void *head, size_t head_size, const void *tail,
                    size_t tail_size, struct hf_error *err)
{
    const struct hf_frame frame = {
        .type = type, .attempt = x->state.attempt, .epoch = x->epoch, .length = head_size + tail_size};
    struct hf_frame_header header = hf_frame_header_of(&frame);
    int r = make_room(x, sizeof header + frame.length, err);

    if (r < 0)
        return r;
    append(x, &header, sizeof header);
    append(x, head, head_size);
    append(x, tail, tail_size);
    return 0;
}

int hf_exchange_say(struct hf_exchange *x, enum hf_message message, const struct hf_digest *digest,
                    struct hf_error *err)
{
    return hf_exchange_put(x, (unsigned)message, digest, digest ? sizeof *digest : 0, NULL, 0, err);
}

int hf_exchange_unexpected(const struct hf_frame *frame, struct hf_error *err)
{
    return hf_error_set(err, HF_EPROTO, "peer: frame of type %u is unexpected here", frame->type);
}

struct hf_digest hf_exchange_digest(const struct hf_frame *frame)
{
    struct hf_digest digest;

    assert(frame->length >= sizeof digest);
    memcpy(digest.b, frame->payload, sizeof digest.b);
    return digest;
}

/* The last frame of this side. Whole frames that wait before it still go. */
static void give_up(struct hf_exchange *x, const char *why)
{
    x->over = true;
    (void)hf_exchange_put(x, HF_FRAME_FAILED, why, strnlen(why, HF_ERROR_TEXT_MAX - 1), NULL, 0, NULL);
}

static void hear_failure(struct hf_exchange *x, const struct hf_frame *frame)
{
    size_t n = frame->length < sizeof x->failure ? frame->length : sizeof x->failure - 1;

    for (size_t i = 0; i < n; i++)
        x->failure[i] = frame->payload[i] < 0x20 || frame->payload[i] == 0x7f ? '?' : (char)frame->payload[i];
    x->failure[n] = '\0';
    if (n == 0)
        strcpy(x->failure, "no reason given");
    x->over = true;
}

static int hear(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, enum hf_exchange_event *event,
                struct hf_error *err)
{
    if (frame->type == HF_FRAME_FAILED) {
        hear_failure(x, frame);
        *event = HF_EXCHANGE_FAILED;
        return 0;
    }
    return x->side == HF_SIDE_SOURCE ? hf_source_hear(x, frame, now, event, err)
                                     : hf_destination_hear(x, frame, now, event, err);
}

size_t hf_exchange_room(const struct hf_exchange *x)
{
    return x->over ? 0 : HF_EXCHANGE_IN_SIZE - (x->in_to - x->in_from);
}

uint8_t *hf_exchange_space(struct hf_exchange *x)
{
    x->dst.stream = NULL; /* it lay in the buffer that moves now */
    if (x->in_from > 0) {
        memmove(x->in, x->in + x->in_from, x->in_to - x->in_from);
        x->in_to -= x->in_from;
        x->in_from = 0;
    }
    return x->in + x->in_to;
}

void hf_exchange_fed(struct hf_exchange *x, size_t size)
{
    assert(size <= hf_exchange_room(x));
    x->in_to += size;
}

int hf_exchange_feed(struct hf_exchange *x, const void *bytes, size_t size, struct hf_error *err)
{
    if (size > hf_exchange_room(x))
        return hf_error_set(err, HF_EUSAGE, "received bytes: %zu given, the buffer has room for %zu", size,
                            hf_exchange_room(x));
    if (size > 0)
        memcpy(hf_exchange_space(x), bytes, size);
    hf_exchange_fed(x, size);
    return 0;
}

int hf_exchange_next(struct hf_exchange *x, int64_t now, enum hf_exchange_event *event, struct hf_error *err)
{
    struct hf_error own = {.code = HF_OK};
    enum hf_exchange_event found = HF_EXCHANGE_NONE;
    int r = 0;

    x->dst.stream = NULL;
    while (!x->over && found == HF_EXCHANGE_NONE && r == 0) {
        struct hf_frame frame;
        size_t need;

        r = hf_frame_parse(x->in + x->in_from, x->in_to - x->in_from, &frame, &need, &own);
        if (r == 0)
            break;
        if (r > 0 && x->side == HF_SIDE_DESTINATION && x->out_to - x->out_from > ANSWERS_AHEAD)
            r = hf_error_set(&own, HF_EPROTO, "the peer does not read replies");
        if (r > 0) {
            x->in_from += (size_t)r;
            r = hear(x, &frame, now, &found, &own);
        }
    }
    if (r < 0) {
        give_up(x, own.text);
        if (err)
            *err = own;
        return r;
    }
    *event = found;
    return 0;
}

int hf_exchange_output(struct hf_exchange *x, const uint8_t **bytes, size_t *size, struct hf_error *err)
{
    struct hf_error own = {.code = HF_OK};
    int r = 1;

    while (x->out_from == x->out_to && x->side == HF_SIDE_SOURCE && !x->over && r > 0)
        r = hf_source_produce(x, &own);
    if (r < 0) {
        give_up(x, own.text);
        if (err)
            *err = own;
        return r;
    }
    *bytes = x->out + x->out_from;
    *size = x->out_to - x->out_from;
    return 0;
}

void hf_exchange_written(struct hf_exchange *x, size_t size)
{
    assert(size <= x->out_to - x->out_from);
    x->out_from += size;
}

int hf_exchange_stream_space(struct hf_exchange *x, uint8_t **bytes, size_t *room, struct hf_error *err)
{
    int r;

    if (x->side != HF_SIDE_SOURCE || x->over || x->src.stream_ended)
        return hf_error_set(err, HF_EUSAGE, "no destination to stream to");
    if (x->src.offering || x->out_to - x->out_from >= STREAM_AHEAD) { /* in order, and not more than the pipe takes */
        *room = 0;
        return 0;
    }
    r = make_room(x, sizeof(struct hf_frame_header) + HF_FRAME_PAYLOAD_MAX, err);
    if (r < 0)
        return r;
    *bytes = x->out + x->out_to + sizeof(struct hf_frame_header);
    *room = HF_FRAME_PAYLOAD_MAX;
    return 0;
}

void hf_exchange_stream_filled(struct hf_exchange *x, size_t size)
{
    const struct hf_frame frame = {
        .type = HF_FRAME_STREAM, .attempt = x->state.attempt, .epoch = x->epoch, .length = size};
    struct hf_frame_header header = hf_frame_header_of(&frame);

    append(x, &header, sizeof header);
    x->out_to += size;
}

int hf_exchange_put_stream(struct hf_exchange *x, const void *bytes, size_t size, struct hf_error *err)
{
    size_t room, taken;
    uint8_t *to;
    int r = hf_exchange_stream_space(x, &to, &room, err);

    if (r < 0 || room == 0)
        return r;
    taken = size < room ? size : room;
    if (taken > 0)
        memcpy(to, bytes, taken);
    hf_exchange_stream_filled(x, taken);
    x->src.stream_ended = size == 0;
    return size == 0 ? 1 : (int)taken;
}

int hf_exchange_cancel(struct hf_exchange *x, const char *why, struct hf_error *err)
{
    if (x->state.holder == HF_HOLDER_GRANTED || (x->side == HF_SIDE_DESTINATION && x->state.holder == HF_HOLDER_OWNED))
        return hf_error_set(err, HF_EUSAGE, "the hand-over cannot be cancelled: it was granted");
    if (x->state.flushed)
        (void)hf_step_take(HF_STEP_CANCEL, x->state.attempt, &x->state, NULL);
    if (!x->over)
        give_up(x, why);
    return 0;
}

const struct hf_exchange_peer *hf_exchange_peer(const struct hf_exchange *x)
{
    return x->greeted ? &x->peer : NULL;
}

struct hf_handover_state hf_exchange_state(const struct hf_exchange *x)
{
    return x->state;
}

const char *hf_exchange_failure(const struct hf_exchange *x)
{
    return x->failure;
}

int hf_exchange_gave_up(const struct hf_exchange *x, struct hf_error *err)
{
    const struct hf_exchange_peer *peer = hf_exchange_peer(x);

    if (!peer)
        return hf_error_set(err, HF_EPROTO, "peer: gave up: %s", hf_exchange_failure(x));
    return hf_error_set(err, HF_EPROTO, "peer: host '%s' gave up: %s", peer->host.name, hf_exchange_failure(x));
}

void hf_exchange_progress(const struct hf_exchange *x, uint64_t *done, uint64_t *total)
{
    *done = x->done;
    *total = x->total;
}

void hf_exchange_free(struct hf_exchange *x)
{
    if (!x)
        return;
    if (x->side == HF_SIDE_DESTINATION)
        hf_container_done(&x->c);
    hf_greeting_done(&x->greeting);
    hf_transfer_sent_done(&x->src.sent);
    hf_arrived_free(x->dst.arrived);
    json_decref(x->extra);
    free(x->peer_caps);
    free(x->src.bytes);
    free(x->dst.bytes);
    free(x->dst.path);
    free(x->dst.caps);
    free(x->in);
    free(x->out);
    free(x);
}
