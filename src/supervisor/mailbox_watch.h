/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox of a run. Container and window agree, or negotiation is open again: what is agreed is in the container
 * before the guest reads the answer, and the host's half is made anew from the container whenever another process or
 * host takes over.
 *
 *   mailbox_start.c    as hardware: whether it may be there, its ROM
 *   mailbox_watch.c    the window while the guest runs: questions, stages, the contract
 *   mailbox_arrival.c  the same, of a guest that came from elsewhere
 *   mailbox_files.c    the tables that its firmware gets through it
 *   guest_orders.c     what the guest's operating system orders through it
 */
#ifndef HF_MAILBOX_WATCH_H
#define HF_MAILBOX_WATCH_H

#include "agreement.h"
#include "arguments.h"
#include "domains.h"
#include "guest_work.h"
#include "machine.h"
#include "mailbox_hardware.h"
#include "mailbox_host.h"
#include "mailbox_orders.h"
#include "mailbox_pace.h"
#include "mailbox_window.h"
#include "run.h"

#define HF_NEGOTIATE_ROOM 8192

struct hf_mailbox_watch {
    struct hf_run *run;
    struct hf_machine *machine; /* the guest's; what the mailbox adds to it is set in there */
    void (*booted)(void *ctx);  /* the firmware reported that boot services ended */
    void *ctx;
    struct hf_mailbox_hardware hw; /* of this machine; mode HF_MAILBOX_OFF: it has no mailbox */
    struct hf_mailbox_window window;
    _Alignas(16) uint8_t memory[HF_NEGOTIATE_ROOM]; /* of `negotiate` */
    struct hf_negotiate *negotiate;                 /* NULL: nothing is published yet */
    struct hf_mailbox host;
    struct hf_mailbox_orders orders;
    struct hf_guest_work *work; /* on an image that is all there; NULL: none. No order is looked at meanwhile */
    struct hf_mailbox_job work_job;
    bool work_unheard; /* the guest was reset since: nobody waits for the answer */
    struct hf_mailbox_pace pace;
    struct hf_agreement agreements[HF_DOMAINS_MAX]; /* as the container has them */
    size_t agreement_count;
    unsigned refusals; /* written to the log in this boot */
    unsigned devfn;    /* of the device on the root bus */
    bool files_given;  /* in this boot */
    bool failing;      /* the container does not take what was agreed */
};

/* All of it outlives the watch. `booted` is called with `ctx`. */
void hf_mailbox_watch_init(struct hf_mailbox_watch *m, struct hf_run *run, struct hf_machine *machine,
                           void (*booted)(void *ctx), void *ctx);

/* mailbox_start.c. choose: whether this machine has a mailbox, once per run; refuses by rule. `arrives`: the machine is
 * what it is where the guest comes from. rom: before the ROMs are published. */
int hf_mailbox_start_choose(struct hf_mailbox_watch *m, const struct hf_arguments *arguments, bool arrives,
                            struct hf_error *err);
int hf_mailbox_start_rom(struct hf_mailbox_watch *m, struct hf_error *err);

/* mailbox_watch.c; all of it does nothing where the machine has no mailbox. open: before QEMU. publish: the host's
 * half, while the guest is paused: a new boot, or (`arrived`) a guest that comes with its memory and its contract;
 * when it fails there is no mailbox until the next reset. running: QEMU stopped or went on. */
int hf_mailbox_watch_open(struct hf_mailbox_watch *m, struct hf_error *err);
int hf_mailbox_watch_publish(struct hf_mailbox_watch *m, bool arrived, struct hf_error *err);
void hf_mailbox_watch_running(struct hf_mailbox_watch *m);
void hf_mailbox_watch_close(struct hf_mailbox_watch *m);

/* guest_orders.c; guest_words.h: what the guest is told of a failure; guest_work.h: the long part of an order, in a
 * thread. publish: the host's half was made anew. poll: true when something was ordered. end: nobody there hears an
 * answer; an image that came whole is worked on all the same, and staged when that is done. drop: not even that; waits.
 */
void hf_guest_orders_publish(struct hf_mailbox_watch *m);
bool hf_guest_orders_poll(struct hf_mailbox_watch *m);
void hf_guest_orders_end(struct hf_mailbox_watch *m);
void hf_guest_orders_drop(struct hf_mailbox_watch *m);

/* mailbox_arrival.c: whether what the guest was promised elsewhere can be kept here. HF_EREFUSED "contract". */
int hf_mailbox_arrival_check(struct hf_container *c, struct hf_error *err);

/* Whether resets must be stopped for it. */
static inline bool hf_mailbox_watch_is_on(const struct hf_mailbox_watch *m)
{
    return m->hw.mode != HF_MAILBOX_OFF;
}

/* Whether the guest's driver runs and has not reported that an operating system took over. */
bool hf_mailbox_watch_still_booting(const struct hf_mailbox_watch *m);

#endif
