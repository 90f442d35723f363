/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of a domain's move share; nobody else includes it.
 *
 *   migrate.c           what is moved, from the first look to the report
 *   moving_container.c  the container's way: sent ahead, flushed, granted
 *   give.c              the same where libvirt's migration is another program's
 *   moving_back.c       when that did not go well: asked again, taken back, or followed
 */
#ifndef HF_MOVING_H
#define HF_MOVING_H

#include "domain_probe.h"
#include "intro.h"
#include "migrate.h"
#include "mover.h"
#include "peer_link.h"
#include "sending.h"

struct hf_moving {
    const struct hf_migrate_request *q;
    struct hf_migrate_report report;
    struct hf_virt *here; /* the mover's */
    struct hf_virt_state state;
    struct hf_intro intro;
    struct hf_container *container;
    struct hf_domain_probe probe;
    struct hf_peer_link way;
    struct hf_loop loop;
    struct hf_sending sending; /* its pump is this one's to close; NULL: there is no connection */
    struct hf_mover *mover;
    int signals, frozen; /* frozen: the connection that keeps our guard from serving; -1: it serves */
    uint64_t sent;       /* of the guest, by libvirt, when it was asked last */
    int64_t looked_at;   /* when libvirt was asked for the guest last */
    int64_t busy_at;     /* when it was last seen to migrate it; only where that is another program's doing */
};

/* migrate.c. prepare: everything before the connection; begin: makes it. */
int hf_moving_prepare(struct hf_moving *m, struct hf_error *err);
int hf_moving_begin(struct hf_moving *m, struct hf_error *err);
void hf_moving_done(struct hf_moving *m);

int64_t hf_moving_now(void);
void hf_moving_wait_ms(long ms);

/* moving_container.c. watch: for signals and libvirt. run: until it is over, or an error. */
int hf_moving_watch(struct hf_moving *m, struct hf_error *err);
int hf_moving_connect(struct hf_moving *m, enum hf_sending_stage stage, struct hf_error *err);
void hf_moving_disconnect(struct hf_moving *m);
int hf_moving_run(struct hf_moving *m, struct hf_error *err);
bool hf_moving_is_granted(struct hf_moving *m);
/* libvirt has ended the guest here for good. */
bool hf_moving_has_left(const struct hf_moving *m);

/* Whether the peer said that it owns the container. */
static inline bool hf_moving_is_departed(const struct hf_moving *m)
{
    return m->sending.stage == HF_SENDING_DEPARTED;
}

/* moving_back.c. `err`: what went wrong; what it means is added. */
int hf_moving_take_back(struct hf_moving *m, struct hf_error *err);
int hf_moving_explain(struct hf_moving *m, struct hf_error *err);
/* Tells the other host why nothing comes of it. */
void hf_moving_give_up(struct hf_moving *m, const char *why);
/* After it was found out what became of an attempt that had died. */
void hf_moving_clean_up(struct hf_moving *m);

#endif
