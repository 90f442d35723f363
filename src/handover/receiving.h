/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The destination of a move: a table, stage x event -> action, next stage, that is the same whatever moves the guest,
 * and what acts on it. What takes the guest in is QEMU with its supervisor, libvirt's domain with its guard, or
 * nothing. The container arrives through a pump, which is the caller's.
 *
 *   MEETING --- PEER: meet ---> RECEIVING --- READY: install ---> COPIED --- WANTED: ask ---> ASKED
 *                                   |                               |                           |
 *                                   +-------------------------------+---------------------------+
 *                                                                   |
 *                                        GRANTED: claim             |            REVOKED
 *                              CLAIMED <----------------------------+---------------------------> REVOKED
 *                                 |                                                                  |
 *                                 +------------- the end of the connection: DONE --------------------+
 *
 * A source that took the container back may send it again over the same connection: REVOKED, READY: install. A failure
 * before the claim is FAILED: the copy stays and owns nothing.
 *
 * Events are noted and acted on as those of a source (sending.h). One thread.
 */
#ifndef HF_RECEIVING_H
#define HF_RECEIVING_H

#include "pump.h"

enum hf_receiving_stage {
    HF_RECEIVING_MEETING,   /* who comes, and is it wanted? */
    HF_RECEIVING_RECEIVING, /* the container travels */
    HF_RECEIVING_COPIED,    /* a copy is in place, and the guest may be moved to it */
    HF_RECEIVING_ASKED,     /* the guest is here and wants to write: the source was asked for the grant */
    HF_RECEIVING_CLAIMED,   /* it is this host's */
    HF_RECEIVING_REVOKED,   /* it will never be claimed, as this host promised */
    /* Over: */
    HF_RECEIVING_DONE,
    HF_RECEIVING_FAILED,
    HF_RECEIVING_STAGES,
};

/* In the order in which they are acted on. */
enum hf_receiving_event {
    /* The peer, as in exchange.h: */
    HF_RECEIVING_ON_REVOKED,
    HF_RECEIVING_ON_GRANTED, /* also when the connection is gone since: the source will ask */
    /* Failures: */
    HF_RECEIVING_ON_GAVE_UP,   /* the peer */
    HF_RECEIVING_ON_CLOSED,    /* the connection */
    HF_RECEIVING_ON_CANCELLED, /* by a signal */
    HF_RECEIVING_ON_SILENT,    /* the peer */
    /* What leads on: */
    HF_RECEIVING_ON_PEER,
    HF_RECEIVING_ON_READY,
    HF_RECEIVING_ON_WANTED, /* the guest has arrived and is about to write */
    HF_RECEIVING_EVENTS,
};

enum hf_receiving_action {
    HF_RECEIVING_IGNORE,
    HF_RECEIVING_MEET,
    HF_RECEIVING_INSTALL, /* the copy is there */
    HF_RECEIVING_REFRESH, /* it has changed */
    HF_RECEIVING_ASK,
    HF_RECEIVING_CLAIM,
    HF_RECEIVING_REVOKE,
    HF_RECEIVING_END,
    HF_RECEIVING_FAIL,
};

struct hf_receiving_cell {
    enum hf_receiving_action action;
    enum hf_receiving_stage next;
};

/* IGNORE keeps the stage. */
struct hf_receiving_cell hf_receiving_cell(enum hf_receiving_stage stage, enum hf_receiving_event event);

/* Claimed or revoked: nothing that fails changes whose it is. */
bool hf_receiving_stage_is_settled(enum hf_receiving_stage stage);
bool hf_receiving_stage_is_over(enum hf_receiving_stage stage);

#define HF_RECEIVING_BIT(event) (1U << (event))

struct hf_receiver_ops {
    /* Who comes, and is it wanted? */
    int (*meet)(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err);
    /* A copy is in place for the first time, or again after REVOKED. */
    int (*install)(void *ctx, struct hf_error *err);
    /* It has changed. NULL: nobody minds. */
    int (*refresh)(void *ctx, struct hf_error *err);
    /* The commit point: afterwards the container is this host's, durable. NULL: hf_exchange_claim(). */
    int (*claim)(void *ctx, struct hf_error *err);
    /* It is CLAIMED. What fails now changes nothing of that. May be NULL. */
    int (*claimed)(void *ctx, struct hf_error *err);
    /* The source took it back. Negative: the move is over with that. NULL: it may send it again. */
    int (*revoked)(void *ctx, struct hf_error *err);
    /* Whether the guest is on its way, so that the source has nothing to say. NULL: never. */
    bool (*is_busy)(void *ctx);
};

struct hf_receiving {
    enum hf_receiving_stage stage;
    unsigned timeout_s;               /* for a silent peer */
    enum hf_receiving_event ended_by; /* with FAILED, where it was an event; else HF_RECEIVING_EVENTS */
    /* The driver's own: */
    const struct hf_receiver_ops *ops;
    void *ctx;
    struct hf_pump *pump; /* the caller's to close; NULL: there is no connection */
    unsigned noted;       /* events that were not acted on yet */
};

void hf_receiving_connect(struct hf_receiving *r, const struct hf_receiver_ops *ops, void *ctx, struct hf_pump *pump);

/* From anywhere. */
void hf_receiving_note(struct hf_receiving *r, enum hf_receiving_event event);
/* An event of the pump; those that mean nothing to a destination are dropped. */
void hf_receiving_note_exchange(struct hf_receiving *r, enum hf_exchange_event event);
/* All events that a pump without the op `event` has seen. */
void hf_receiving_note_seen(struct hf_receiving *r);
/* Notes a connection that ended and a peer that has been silent for too long. */
void hf_receiving_look(struct hf_receiving *r);

/* Acts on what was noted. Negative: the move failed, and the peer was told why (FAILED), or what follows the claim did
 * (CLAIMED). */
int hf_receiving_go_on(struct hf_receiving *r, struct hf_error *err);
/* A failure that is no event: ends it now. Not called when it is over. */
int hf_receiving_fail(struct hf_receiving *r, const struct hf_error *how, struct hf_error *err);

static inline bool hf_receiving_is_over(const struct hf_receiving *r)
{
    return hf_receiving_stage_is_over(r->stage);
}

/* The guest may be moved to the copy, and nobody was asked for the grant yet. */
static inline bool hf_receiving_is_open(const struct hf_receiving *r)
{
    return r->stage == HF_RECEIVING_COPIED;
}

#endif
