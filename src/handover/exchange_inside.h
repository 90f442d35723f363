/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the hand-over: what the two sides of an exchange share. */
#ifndef HF_EXCHANGE_INSIDE_H
#define HF_EXCHANGE_INSIDE_H

#include "exchange.h"
#include "frame.h"
#include "exchange_greeting.h"
#include "transfer.h"

struct hf_exchange {
    enum hf_side side;
    struct hf_handover_state state;
    uint64_t epoch; /* of this side's container */
    struct hf_host here;
    json_t *extra;

    bool greeted, over;
    struct hf_greeting greeting; /* the peer's */
    struct hf_exchange_peer peer;
    char *peer_caps;
    char failure[HF_ERROR_TEXT_MAX];

    uint8_t *in; /* room for one frame of the largest kind */
    size_t in_from, in_to;
    uint8_t *out; /* whole frames */
    size_t out_from, out_to, out_room;
    uint64_t done, total;

    struct hf_container *c; /* a source's; a destination's when it holds it */

    struct {
        struct hf_digest has[2 * HF_IMAGES_MAX]; /* images that are over there, or on their way */
        size_t has_count;
        struct hf_image due[HF_IMAGES_MAX]; /* to be sent */
        size_t due_count, due_at;
        uint32_t due_chunk;
        struct hf_transfer_sent sent;
        uint8_t *bytes; /* of the state that is being sent */
        size_t size, at;
        bool met;               /* the peer has said all of its introduction */
        bool begun;             /* an attempt, in this exchange */
        bool offering;          /* OFFER goes out after that */
        bool waiting;           /* it went, and READY was not heard */
        bool ready;             /* heard for the last offer */
        bool flushed;           /* the last offer was */
        bool durable, doubtful; /* the last promise is; it failed to become so */
        bool stream_ended;
    } src;

    struct {
        char *path, *caps;
        int (*describe)(void *ctx, const struct hf_exchange_peer *source, char **caps, struct hf_error *err);
        void *ctx;
        bool hold, only_known;
        struct hf_arrived *arrived;
        uint8_t *bytes; /* of the state that is arriving */
        size_t size, room;
        struct hf_transfer_from from;
        bool ready; /* READY was said for it */
        const uint8_t *stream;
        size_t stream_size;
        bool granted;
        uint64_t claim_epoch;
        char nonce[HF_ID_TEXT_SIZE]; /* of this exchange: what its grant has to name */
    } dst;
};

#define HF_EXCHANGE_IN_SIZE (HF_FRAME_HEADER_SIZE + HF_FRAME_PAYLOAD_MAX)

/* exchange.c: appends a frame whose payload is `head` and `tail`, either of which may be empty. */
int hf_exchange_put(struct hf_exchange *x, unsigned type, const void *head, size_t head_size, const void *tail,
                    size_t tail_size, struct hf_error *err);
int hf_exchange_say(struct hf_exchange *x, enum hf_message message, const struct hf_digest *digest,
                    struct hf_error *err);
/* A frame that this side cannot get now. */
int hf_exchange_unexpected(const struct hf_frame *frame, struct hf_error *err);
struct hf_digest hf_exchange_digest(const struct hf_frame *frame);

/* One frame; *event may become one. */
int hf_source_hear(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, enum hf_exchange_event *event,
                   struct hf_error *err);
int hf_destination_hear(struct hf_exchange *x, const struct hf_frame *frame, int64_t now, enum hf_exchange_event *event,
                        struct hf_error *err);
/* exchange_owner.c: the two of them that are about who owns the copy. */
int hf_destination_hear_grant(struct hf_exchange *x, const struct hf_frame *frame, int64_t now,
                              enum hf_exchange_event *event, struct hf_error *err);
int hf_destination_hear_revoke(struct hf_exchange *x, const struct hf_frame *frame, int64_t now,
                               enum hf_exchange_event *event, struct hf_error *err);
/* The copy at the path, for one step or as it is held; the second keeps the first error: `r` when it is one. */
int hf_destination_open(struct hf_exchange *x, int64_t now, struct hf_container **c, struct hf_error *err);
int hf_destination_close(struct hf_exchange *x, struct hf_container *c, int r, struct hf_error *err);
/* The next frame of what is to be sent: 1 one was put, 0 nothing is left. */
int hf_source_produce(struct hf_exchange *x, struct hf_error *err);

#endif
