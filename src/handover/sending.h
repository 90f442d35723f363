/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source of a move: a table, stage x event -> action, next stage, that is the same whatever moves the guest, and
 * what acts on it. What moves the guest is a mover: QEMU by QMP (supervisor), libvirt (libvirt), or nothing where the
 * guest is off (cli). The container travels through a pump, which is the caller's.
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
 * Events are noted from anywhere and acted on by hf_sending_go_on(): at once, from a pump with the op `event`, or
 * between two turns of the loop, where a mover's functions turn the loop themselves. The caller looks at `stage`
 * afterwards and does what follows from the end of a move. One thread.
 */
#ifndef HF_SENDING_H
#define HF_SENDING_H

#include <stdint.h>

#include "pump.h"

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
static inline bool hf_sending_stage_is_granted(enum hf_sending_stage stage)
{
    return stage == HF_SENDING_GRANTED || stage == HF_SENDING_ASKING || stage == HF_SENDING_LOST;
}
static inline bool hf_sending_stage_is_over(enum hf_sending_stage stage)
{
    return stage >= HF_SENDING_COULD;
}

/* The default for how long a guest may be paused before the grant, in seconds. */
#define HF_PAUSE_LIMIT 30

#define HF_SENDING_BIT(event) (1U << (event))

struct hf_mover_ops {
    /* What has to be heard before the grant: bits of READY, ASKED, COMPLETED. READY always. */
    unsigned needs;
    /* Whether the guest may go to the peer, which has introduced itself. */
    int (*judge)(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err);
    /* The copy is there: begins to move the guest. 1: there is nothing to move, and the container was only sent. NULL:
     * it is off. */
    int (*start)(void *ctx, struct hf_error *err);
    /* Afterwards everything that the guest wrote is in the container, and it writes nothing more. NULL: it is so. */
    int (*hold)(void *ctx, struct hf_error *err);
    /* Makes a promise durable beside the loop; HF_SENDING_ON_PROMISED follows, and then `promised` says what came of
     * it; that waits when it is called before. NULL: promises are not made, or wait for the disk. On an error of
     * `promise` the driver waits for the disk itself. */
    int (*promise)(void *ctx, struct hf_owner_pending *pending, struct hf_error *err);
    int (*promised)(void *ctx, struct hf_error *err);
    /* Asks what became of a grant. 1: the container is this host's again. NULL: hf_exchange_revoke(). */
    int (*ask)(void *ctx, struct hf_error *err);
    /* A stage was entered; to be told to people. May be NULL. */
    void (*entered)(void *ctx, enum hf_sending_stage stage);
    /* Sets *err to what CANCELLED, LATE, FAILED or INTERFERED means. NULL: none of them comes. */
    void (*explain)(void *ctx, enum hf_sending_event event, struct hf_error *err);
};

struct hf_sending {
    enum hf_sending_stage stage;
    unsigned timeout_s;     /* for a silent peer */
    unsigned pause_limit_s; /* from `paused_at` to the grant; 0: none */
    int64_t paused_at;      /* when the mover paused the guest, of the loop's clock; 0: unknown, then OFFER sets it */
    /* The driver's own: */
    const struct hf_mover_ops *ops;
    void *ctx;
    struct hf_pump *pump; /* the caller's to close; NULL: there is no connection */
    unsigned noted;       /* events that were not acted on yet */
    unsigned heard;       /* of `needs`, since the last offer */
    bool promising;       /* `promised` was not called yet */
    int64_t asked_at;     /* when the peer began to owe the answer */
};

/* A connection. Everything of an earlier one is forgotten. `stage` is one of those where a connection begins. */
void hf_sending_connect(struct hf_sending *s, const struct hf_mover_ops *ops, void *ctx, struct hf_pump *pump,
                        enum hf_sending_stage stage);

/* After RESUMED: the same connection moves the guest now. The peer is known: hf_sending_go_on() acts on it. */
void hf_sending_begin_again(struct hf_sending *s, enum hf_sending_stage stage);

/* From anywhere. */
void hf_sending_note(struct hf_sending *s, enum hf_sending_event event);
/* An event of the pump; those that mean nothing to a source are dropped. */
void hf_sending_note_exchange(struct hf_sending *s, enum hf_exchange_event event);
/* All events that a pump without the op `event` has seen. */
void hf_sending_note_seen(struct hf_sending *s);
/* Notes a connection that ended, a peer that has been silent for too long, a guest that has been paused for too long.
 */
void hf_sending_look(struct hf_sending *s);

/* Acts on what was noted. Negative: the move failed; `stage` is STAYED or LOST, and the peer was told why. What failed
 * while the stage was over already is not told. */
int hf_sending_go_on(struct hf_sending *s, struct hf_error *err);
/* A failure that is no event: ends it now. Not called when it is over. */
int hf_sending_fail(struct hf_sending *s, const struct hf_error *how, struct hf_error *err);

static inline bool hf_sending_is_over(const struct hf_sending *s)
{
    return hf_sending_stage_is_over(s->stage);
}

/* Whether the peer has asked for the grant. */
static inline bool hf_sending_was_asked(const struct hf_sending *s)
{
    return (s->heard & HF_SENDING_BIT(HF_SENDING_ON_ASKED)) != 0;
}

#endif
