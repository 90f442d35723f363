/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of a departure share; nobody else includes it.
 *
 *   departure.c        the stages, and what leads from one to the next
 *   departure_ask.c    the control socket: who asks, and what is told
 *   departure_end.c    gone, called off, or not known
 *   departure_pause.c  a guest that is paused for the whole move
 */
#ifndef HF_DEPARTING_H
#define HF_DEPARTING_H

#include "control.h"
#include "pump.h"
#include "promise_work.h"
#include "stream_relay.h"
#include "supervision.h"

enum hf_departure_stage { HF_MEETING, HF_AHEAD, HF_MOVING, HF_STANDING, HF_GRANTED };

struct hf_departure {
    enum hf_departure_stage stage;
    struct hf_pump *pump; /* NULL: HF_GRANTED, and the connection is gone */
    struct hf_stream_relay *relay;
    char host[HF_HOST_NAME_SIZE];
    json_t *here;                     /* what a probe of the QEMU here showed (probe_told.h); NULL: nobody looked */
    bool only_asks;                   /* a dry run: over once it is known whether the guest may go */
    bool ran;                         /* the guest, when the departure began */
    bool live_emulated;               /* an emulated guest is not stopped for the whole move */
    bool stopped;                     /* by its owner, since */
    bool alive;                       /* the other side was told: on trial, it showed a sign of life */
    int64_t ahead;                    /* and how far its clock was ahead of UTC */
    bool migrating;                   /* QEMU was told to */
    bool standing, completed, failed; /* as QEMU's MIGRATION events said */
    bool ready, asked, cancelled, late;
    bool resumed;                     /* by somebody else, before it was granted */
    bool kept;                        /* `promise` has ended its work */
    struct hf_promise_work *promise;  /* NULL: none, or it is known what came of it */
    int64_t stood_at;
    unsigned timeout_s;     /* for a silent peer */
    unsigned pause_limit_s; /* from pre-switchover to the grant */
    int64_t asked_at;       /* for the answer, once granted */
};

/* departure_ask.c. `line` is stolen. end: the last line; `err` NULL: the guest is gone. */
void hf_departing_tell(struct hf_supervision *s, json_t *line);
void hf_departing_tell_stage(struct hf_supervision *s, const char *stage);
void hf_departing_tell_end(struct hf_supervision *s, const struct hf_error *err);
void hf_departing_tell_progress(void *ctx);                           /* every now and then, while the guest moves */
const char *hf_departing_text(const json_t *object, const char *key); /* "" when there is none */

/* departure.c: a timer's. */
void hf_departing_stood_too_long(void *ctx);
void hf_departing_look_at_clock(void *ctx); /* every now and then, while there is a connection */

/* departure.c: what came of the promise; waits for the disk. */
int hf_departing_promised(struct hf_departure *d, struct hf_error *err);

/* departure_pause.c. Pauses the guest if it is emulated, unless its operator wants it live. */
int hf_departing_pause_emulated(struct hf_supervision *s, struct hf_error *err);
/* The move is over. True: the guest is to run again; false: its operator, or another reason of ours, wants it paused. */
bool hf_departing_end_pause(struct hf_supervision *s);

/* departure_end.c. */
int hf_departing_set_pause(struct hf_supervision *s, bool pause, struct hf_error *err);
void hf_departing_forget(struct hf_supervision *s);
/* Before the grant: as if nothing had happened. */
void hf_departing_abandon(struct hf_supervision *s, const struct hf_error *why);
/* A dry run: it could go. */
void hf_departing_could(struct hf_supervision *s);
void hf_departing_departed(struct hf_supervision *s);
void hf_departing_resumed(struct hf_supervision *s);
void hf_departing_lost(struct hf_supervision *s, const struct hf_error *how);

#endif
