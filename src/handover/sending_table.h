/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A move as its source sees it: stage x event -> action, next stage. Every move has this table, whatever moves the
 * guest; sending.h acts on it.
 *
 *   LOOKING --------- PEER: judge ---------> COULD
 *
 *   MEETING --------- PEER: judge, send ---> AHEAD --- READY: start the mover ---> MOVING      (SENT: it was only sent)
 *                                                                                     |
 *                                                                     PAUSED: hold, offer, promise
 *                                                                                     v
 *   MEETING_PAUSED -- PEER: judge, hold, offer, promise --------------------------> OFFERED
 *                                                                                     |
 *                                                              READY and what the mover waits for: grant
 *                                                                                     v
 *   ASKING ---------- PEER: ask -------------------------------------------------> GRANTED
 *                     (GRANTED in all but PEER)                                       |
 *                                                                   DEPARTED, RESUMED: what the peer says
 *
 * A failure before GRANTED takes everything back: STAYED, and the guest is this host's as before. In GRANTED and while
 * it asks only the peer's answer says whose the guest is; a failure leaves that open: LOST. The next connection is
 * ASKING.
 *
 * Pure: no I/O, no clock.
 */
#ifndef HF_SENDING_TABLE_H
#define HF_SENDING_TABLE_H

#include <stdbool.h>

enum hf_sending_stage {
    /* Where a connection begins: */
    HF_SENDING_LOOKING,        /* a dry run: may the guest go? */
    HF_SENDING_MEETING,        /* the guest runs; may it go? */
    HF_SENDING_MEETING_PAUSED, /* it is off, or paused for good; may it go? */
    HF_SENDING_ASKING,         /* it was granted: what became of that? */
    /* On the way: */
    HF_SENDING_AHEAD,   /* the container travels, the guest runs */
    HF_SENDING_MOVING,  /* the mover moves the guest */
    HF_SENDING_OFFERED, /* the guest is paused, and all of the container was offered */
    HF_SENDING_GRANTED, /* the peer may have it */
    /* Over: */
    HF_SENDING_COULD,
    HF_SENDING_SENT,
    HF_SENDING_DEPARTED,
    HF_SENDING_RESUMED, /* the peer did not claim it */
    HF_SENDING_STAYED,
    HF_SENDING_LOST,
    HF_SENDING_STAGES,
};

/* In the order in which they are acted on. */
enum hf_sending_event {
    /* The peer, as in exchange.h: */
    HF_SENDING_ON_DEPARTED,
    HF_SENDING_ON_RESUMED,
    /* Failures: */
    HF_SENDING_ON_GAVE_UP,    /* the peer */
    HF_SENDING_ON_CLOSED,     /* the connection */
    HF_SENDING_ON_CANCELLED,  /* by the operator */
    HF_SENDING_ON_LATE,       /* the guest is paused for too long */
    HF_SENDING_ON_FAILED,     /* the mover */
    HF_SENDING_ON_INTERFERED, /* somebody else resumed the guest */
    HF_SENDING_ON_SILENT,     /* the peer */
    /* What leads on: */
    HF_SENDING_ON_PROMISED, /* what came of the promise is known */
    HF_SENDING_ON_PEER,
    HF_SENDING_ON_READY,
    HF_SENDING_ON_PAUSED, /* the mover has paused the guest */
    HF_SENDING_ON_ASKED,
    HF_SENDING_ON_COMPLETED, /* the mover has nothing left to send */
    HF_SENDING_EVENTS,
};

enum hf_sending_action {
    HF_SENDING_IGNORE,
    HF_SENDING_NOTE, /* it counts once the guest is paused */
    HF_SENDING_JUDGE,
    HF_SENDING_SEND,  /* judge; the container goes ahead */
    HF_SENDING_GIVE,  /* judge; then as OFFER */
    HF_SENDING_START, /* the mover; SENT where there is nothing to move */
    HF_SENDING_OFFER, /* hold the guest, offer, promise */
    HF_SENDING_KEEP,  /* the promise is durable, or failed; then as GRANT */
    HF_SENDING_GRANT, /* once nothing that the mover waits for is missing; until then the stage stays */
    HF_SENDING_ASK,   /* RESUMED where the answer is known here */
    HF_SENDING_END,
    HF_SENDING_RECALL, /* as if nothing had happened; where that fails, as LOSE */
    HF_SENDING_LOSE,
};

struct hf_sending_cell {
    enum hf_sending_action action;
    enum hf_sending_stage next;
};

/* IGNORE keeps the stage. */
struct hf_sending_cell hf_sending_cell(enum hf_sending_stage stage, enum hf_sending_event event);

/* What an action that failed leads to: RECALL or LOSE. */
struct hf_sending_cell hf_sending_fault(enum hf_sending_stage stage);

/* Only the peer's answer says whose the guest is. */
bool hf_sending_stage_is_granted(enum hf_sending_stage stage);
bool hf_sending_stage_is_over(enum hf_sending_stage stage);

#endif
