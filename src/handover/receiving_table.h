/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A move as its destination sees it: stage x event -> action, next stage. Every move has this table, whatever moves the
 * guest; receiving.h acts on it.
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
 * Pure: no I/O, no clock.
 */
#ifndef HF_RECEIVING_TABLE_H
#define HF_RECEIVING_TABLE_H

#include <stdbool.h>

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

#endif
