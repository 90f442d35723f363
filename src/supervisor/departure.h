/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest leaves for another host while it runs (docs/handover.md). Asked for over the control socket. The stages are
 * those of every move (sending.h), with QEMU as the mover:
 *
 *   MEETING   who is there, and may the guest go?                             nothing has moved
 *   AHEAD     the container travels                                           the guest runs
 *   MOVING    QEMU's migration, through the same connection                   the guest runs; an emulated one is paused
 *   OFFERED   pre-switchover: QEMU goes on into the other process while what  the guest is paused
 *             changed in the container follows; until both are over there
 *   GRANTED   given away: only the peer's word ends this                      the guest is paused
 *
 * Anything that goes wrong before GRANTED ends the departure, and the guest runs on here. In GRANTED a connection that
 * ends leaves the guest paused (LOST) until somebody asks to migrate it again; the answer then says where it runs.
 *
 * An emulated guest is paused before QEMU begins (HF_HOLD_MOVE), unless the caller wants it live: QEMU's emulation can
 * lose stores of a guest that runs while its memory is copied (docs/handover.md).
 */
#ifndef HF_DEPARTURE_H
#define HF_DEPARTURE_H

#include "control.h"
#include "run.h"

/*
 * Where the guest is, as far as this host knows. A departure that is under way changes nothing of that.
 *
 *         +----------+  started  +------+  failed, or not claimed  +----------+  resumed
 *         | STARTING | --------> | HERE | -----------------------> | RESUMING | ---------> HERE
 *         +----------+ <-------- +------+                          +----------+
 *                     QEMU ended  |  |  claimed by the destination
 *                                 |  +------------------------------------> DEPARTED
 *                                 |  QEMU ended in GRANTED
 *                                 +---------------------------------------> UNKNOWN
 */
enum hf_whereabouts {
    HF_GUEST_STARTING, /* it was not started in this QEMU, or is not this host's yet */
    HF_GUEST_HERE,
    HF_GUEST_RESUMING, /* a departure is over, and the guest is not yet as it was before */
    HF_GUEST_DEPARTED, /* it has left; nothing here is ours any more */
    HF_GUEST_UNKNOWN,  /* only the destination knows which host owns it */
    HF_GUEST_WHEREABOUTS_MAX,
};

/* What that means: whether the container may be written once QEMU has ended, and why no departure may begin (NULL: it
 * may). */
struct hf_whereabouts_row {
    bool ours;
    const char *no_departure;
};
const struct hf_whereabouts_row *hf_whereabouts_row(enum hf_whereabouts where);

/* The guest as it is now. The texts are borrowed, until the loop turns. */
struct hf_departure_guest {
    const char *vmm;     /* QEMU's major.minor */
    const char *machine; /* the machine type that QEMU made of the one named */
    bool is_reset;       /* now: what follows is not decided */
    bool on_trial;       /* its firmware, in this boot */
    bool alive;          /* it showed a sign of life in this boot */
    int64_t clock;       /* seconds that it is ahead of UTC */
};

/* What it needs of the rest of the run. */
struct hf_departure_ops {
    struct hf_departure_guest (*guest)(void *ctx);
    int (*renew)(void *ctx, struct hf_error *err); /* the flash's server: the container is ours at a newer epoch */
    void *ctx;
};

struct hf_departing;

struct hf_departure {
    struct hf_run *run;
    struct hf_departure_ops ops;
    struct hf_control *control; /* NULL: nobody is heard */
    bool caller_waits;          /* the peer of `control` is the one that asked for the departure */
    enum hf_whereabouts whereabouts;
    struct hf_departing *move; /* NULL: the guest does not leave */
};

/* `run` and what `ops` works on outlive it. */
void hf_departure_init(struct hf_departure *d, struct hf_run *run, const struct hf_departure_ops *ops);

/* For the life of a run: listens for who asks. */
int hf_departure_listen(struct hf_departure *d, struct hf_error *err);
void hf_departure_close(struct hf_departure *d);

/* STARTING is over. */
void hf_departure_started(struct hf_departure *d);
/* Between turns (HF_TODO_DEPART). */
void hf_departure_go_on(struct hf_departure *d);
/* QEMU has ended: so does a departure. */
void hf_departure_end(struct hf_departure *d);
/* QMP's MIGRATION; false: it is none of ours. STOP. RESUME. */
bool hf_departure_on_migration(struct hf_departure *d, const json_t *data);
void hf_departure_on_stop(struct hf_departure *d);
void hf_departure_on_resume(struct hf_departure *d);
/* The container was given away: nothing here may write it. */
bool hf_departure_is_granted(const struct hf_departure *d);

#endif
