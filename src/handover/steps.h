/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds a container while it is handed over from one host to another, and which step may follow which.
 *
 * The table in steps.c and the Spin model in model/handover.pml are two forms of one thing: tests/handover/table.py
 * compares them state by state, tests/handover/model.py searches the model exhaustively. docs/handover.md tells the story
 * in words.
 *
 * Pure: no I/O, no clock. What a step changes of the holder must be durable in the container before the step's
 * message is sent.
 */
#ifndef HF_STEPS_H
#define HF_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

/* What a container says of its own host. Stored in the container as these numbers; never renumber. */
enum hf_holder {
    HF_HOLDER_NONE = 0,     /* there is no container here yet */
    HF_HOLDER_INCOMING = 1, /* a copy that may be read and owns nothing */
    HF_HOLDER_REVOKED = 2,  /* a copy that promised never to claim its attempt */
    HF_HOLDER_OWNED = 3,    /* the one host that writes */
    HF_HOLDER_GRANTED = 4,  /* gave it away and has not heard: neither writes nor runs */
    HF_HOLDER_DEPARTED = 5, /* the other host owns it */
    HF_HOLDER_MAX,
};

enum hf_side { HF_SIDE_SOURCE, HF_SIDE_DESTINATION };

/* Numbers travel in frames (frame.h); never renumber. */
enum hf_message {
    HF_MESSAGE_NONE = 0,
    HF_MESSAGE_OFFER = 1,   /* here is the state as of the flush */
    HF_MESSAGE_READY = 2,   /* it is durable in my incoming copy */
    HF_MESSAGE_GRANT = 3,   /* it is yours: claim it */
    HF_MESSAGE_CLAIMED = 4, /* I own it */
    HF_MESSAGE_REVOKE = 5,  /* have you claimed it? if not, never do */
    HF_MESSAGE_REFUSED = 6, /* I have not, and never will */
    HF_MESSAGE_MAX,
};

enum hf_step {
    HF_STEP_OFFER,   /* source: a new attempt begins; the guest runs on */
    HF_STEP_FLUSH,   /* source: the guest is paused, its last write is in the container */
    HF_STEP_SEND,    /* source: the state travels */
    HF_STEP_CANCEL,  /* source: as if nothing had happened */
    HF_STEP_READY,   /* destination: the state is in the incoming copy */
    HF_STEP_PROMISE, /* source: on its disk it is granted already, and nobody was told */
    HF_STEP_RETRACT, /* source: after a promise, as if nothing had happened */
    HF_STEP_GRANT,   /* source: its commit point */
    HF_STEP_CLAIM,   /* destination: the commit point of the hand-over; owner and epoch change in one commit */
    HF_STEP_DEPART,  /* source: heard that it was claimed */
    HF_STEP_REVOKE,  /* source: asks for it back */
    HF_STEP_REFUSE,  /* destination: promises never to claim */
    HF_STEP_RESUME,  /* source: owns it again, with an epoch that no claim of this attempt can reach */
    HF_STEP_MAX,
};

/* Where a container stands. */
struct hf_handover_state {
    enum hf_holder holder;
    uint32_t attempt; /* source: the newest it began; destination: the one its copy belongs to */
    bool flushed;     /* source only, not durable: see HF_STEP_FLUSH */
    bool promised;    /* source only, not durable: GRANTED, and as long as this is known, no GRANT was said */
};

/* The step that answers `message` of `attempt` at this side, or HF_STEP_MAX when the message means nothing here and is
 * dropped (stale, repeated, or of another attempt). *answer gets the message to send for it, which for a repeated
 * question may be other than NONE although nothing changes. */
enum hf_step hf_step_for(enum hf_side side, const struct hf_handover_state *s, enum hf_message message,
                         uint32_t attempt, enum hf_message *answer);

/* Takes a step: *s becomes what must be durable before the step's message is sent. HF_EPROTO with the names of step
 * and holder when the table does not allow it; *s is then untouched. `attempt` is the message's (or the new one for
 * OFFER). */
int hf_step_take(enum hf_step step, uint32_t attempt, struct hf_handover_state *s, struct hf_error *err);

/* What a step sends; HF_MESSAGE_NONE for none. */
enum hf_message hf_step_sends(enum hf_step step);

/* By how much the epoch rises with a step: 1 for a claim, 2 for a resume, else 0. */
unsigned hf_step_epochs(enum hf_step step);

bool hf_holder_may_write(enum hf_holder holder);

/* Names as in the model: "OWNED", "claim", "GRANT"; "?" for a number out of range. */
const char *hf_holder_name(enum hf_holder holder);
const char *hf_step_name(enum hf_step step);
const char *hf_message_name(enum hf_message message);

#endif
