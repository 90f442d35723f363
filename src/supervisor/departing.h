/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of a departure share; nobody else includes it.
 *
 *   departure.c        QEMU as the mover of a move (sending.h)
 *   departure_ask.c    the control socket: who asks, and what is told
 *   departure_end.c    departed, cancelled, or not known
 */
#ifndef HF_DEPARTING_H
#define HF_DEPARTING_H

#include "departure.h"
#include "promise_work.h"
#include "sending.h"
#include "stream_relay.h"

/* How far QEMU's migration got: what has to be undone. */
enum hf_departure_qemu {
    HF_DEPARTURE_QEMU_IDLE,
    HF_DEPARTURE_QEMU_MIGRATING, /* it was told to */
    HF_DEPARTURE_QEMU_CONTINUED, /* and, at pre-switchover, to go on */
};

/* What is asked of the guest where the move fails. From any of them its operator may pause it: STOPPED. */
enum hf_departing_before {
    HF_DEPARTING_PAUSED, /* it was, when the move began: it stays paused */
    HF_DEPARTING_RAN,    /* it did: it runs on */
    HF_DEPARTING_STOPPED /* its operator paused it since: the move fails, and it stays paused */
};

struct hf_departing {
    struct hf_sending sending; /* its pump is NULL in LOST */
    enum hf_departure_qemu qemu;
    struct hf_stream_relay *relay;
    struct hf_promise_work *promise; /* NULL: none, or it is known what came of it */
    char host[HF_HOST_NAME_SIZE];
    json_t *here; /* what a probe of the QEMU here showed (probe_told.h); NULL: nobody looked */
    int64_t stood_at;
    /* Facts of the guest: */
    bool live_emulated; /* an emulated guest is not stopped for the whole move */
    enum hf_departing_before before;
    bool alive;    /* the peer was told: on trial, it showed a sign of life */
    int64_t clock; /* and how far its clock was ahead of UTC */
};

/* departure.c */
extern const struct hf_mover_ops hf_departing_mover; /* ctx: the departure */

/* departure_ask.c. `line` is stolen. end: the last line; `err` NULL: the guest is gone. */
void hf_departing_tell(struct hf_departure *d, json_t *line);
void hf_departing_tell_stage(struct hf_departure *d, const char *stage);
void hf_departing_tell_end(struct hf_departure *d, const struct hf_error *err);
void hf_departing_tell_progress(void *ctx);                           /* every now and then, while the guest moves */
const char *hf_departing_text(const json_t *object, const char *key); /* "" when there is none */

/* departure.c: a timer's, every now and then, while there is a connection. */
void hf_departing_look_at_clock(void *ctx);

/* departure_end.c. Whether QEMU emulates the guest's processors, as it says itself. */
int hf_departing_is_emulated(struct hf_run *run, bool *emulated, struct hf_error *err);
/* Pauses the guest if it is emulated, unless its operator wants it live. */
int hf_departing_pause_emulated(struct hf_departure *d, struct hf_error *err);
/* The move is over. True: the guest is to run again; false: its operator, or another reason of ours, wants it paused.
 */
bool hf_departing_end_pause(struct hf_departure *d);

int hf_departing_set_pause(struct hf_departure *d, bool pause, struct hf_error *err);
void hf_departing_forget(struct hf_departure *d);
/* After the stage of the same name. stayed: as if nothing had happened. */
void hf_departing_could(struct hf_departure *d);
void hf_departing_departed(struct hf_departure *d);
void hf_departing_resumed(struct hf_departure *d);
void hf_departing_stayed(struct hf_departure *d, const struct hf_error *why);
void hf_departing_lost(struct hf_departure *d, const struct hf_error *how);

#endif
