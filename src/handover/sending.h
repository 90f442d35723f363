/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source of a move: acts on the table of sending_table.h. What moves the guest is a mover: QEMU by QMP
 * (supervisor), libvirt (libvirt), or nothing where the guest is off (cli). The container travels through a pump, which
 * is the caller's.
 *
 * Events are noted from anywhere and acted on by hf_sending_go_on(): at once, from a pump with the op `event`, or
 * between two turns of the loop, where a mover's functions turn the loop themselves. The caller looks at `stage`
 * afterwards and does what follows from the end of a move. One thread.
 */
#ifndef HF_SENDING_H
#define HF_SENDING_H

#include <stdint.h>

#include "pump.h"
#include "sending_table.h"

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
/* Whether the peer has asked for the grant. */
bool hf_sending_was_asked(const struct hf_sending *s);

static inline bool hf_sending_is_over(const struct hf_sending *s)
{
    return hf_sending_stage_is_over(s->stage);
}

#endif
