/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One guest's run: its parts, and what is no part of its own yet. Only the files of the first list include it.
 *
 *   supervisor.c     one boot after the other: power-on, start, watch, end
 *   supervision.c    the parts put together: what one needs of another, and what is done between two turns
 *   prepare.c        before QEMU: the container, the owner's arguments, what this boot is
 *   start_qemu.c     QEMU's command line and its process
 *   first_look.c     QEMU while it is still stopped: version, machine, ROMs
 *   guest_events.c   the table of QMP events
 *
 * The parts work with run.h and know nothing of each other:
 *
 *   server_watch.h   the flash server: behind, caught up, died, restarted, verified
 *   reset_watch.h    the guest's resets: stopped, decided, released or turned into a restart
 *   trial_timer.h    a boot on trial: signs of life, signals, time-out
 *   arrival.h        states in files: saved, loaded
 *   mailbox_watch.h  the mailbox: as hardware, its window, what the guest orders through it
 *   guest_clock.h    the guest's clock over restarts of QEMU
 *   departure.h      the running guest leaves for another host
 *   reception.h      a running guest comes from another host
 *
 * One thread, but for guest_work.c's, which touches nothing of this.
 */
#ifndef HF_SUPERVISION_H
#define HF_SUPERVISION_H

#include <limits.h>
#include <sys/types.h>

#include "arguments.h"
#include "arrival.h"
#include "boots.h"
#include "guest_clock.h"
#include "host_offer.h"
#include "machine.h"
#include "mailbox_watch.h"
#include "reset_watch.h"
#include "run.h"
#include "server_watch.h"
#include "departure.h"
#include "reception.h"
#include "supervisor.h"
#include "trial_timer.h"
#include "words.h"

/* Why the guest ends, as QEMU said; of two the later in this list counts. */
enum hf_shutdown {
    HF_SHUTDOWN_NONE,
    HF_SHUTDOWN_RESET, /* -no-reboot: a reset ended QEMU */
    HF_SHUTDOWN_POWER_OFF,
    HF_SHUTDOWN_PANIC, /* until a reset: whatever it was, the guest begins anew */
};

struct hf_supervision {
    struct hf_run run;
    struct hf_guest guest;
    struct hf_arguments arguments;
    struct hf_boot_plan plan;
    struct hf_machine machine;
    struct hf_digest looked_at; /* the image that the machine was made for */
    char boot_id[HF_UUID_TEXT_SIZE];
    char rom_dir[PATH_MAX];
    char socket[PATH_MAX];
    char program[PATH_MAX];
    char vmm[32];                         /* QEMU's major.minor; "" before the first start */
    char resolved[HF_GUEST_MACHINE_SIZE]; /* the machine type that QEMU made of the one named; "" before the first start
                                           */

    int signal_fd;

    struct hf_server_watch server;

    pid_t qemu; /* -1: none runs */
    int qemu_status;
    struct timespec qemu_started;
    struct hf_words words; /* its arguments */
    struct hf_reset_watch resets;
    struct hf_trial_timer trial;
    struct hf_mailbox_watch mailbox;

    unsigned starts; /* of QEMU, in this run */
    struct hf_guest_clock clock;
    struct hf_arrival arrival;
    struct hf_departure departure;
    struct hf_reception reception;

    bool boot_open;            /* the guest has executed in this QEMU, or is about to */
    bool ended_by_owner;       /* the run: a signal to us, or quit on a monitor */
    enum hf_shutdown shutdown; /* in this QEMU */
};

/* supervision.c: the parts, put together. */
void hf_supervision_init(struct hf_supervision *s, const struct hf_run_options *options,
                         const struct hf_reception_options *from);

/* Between turns: does the first thing that run.h's `todo` has. False: there is nothing to do. */
bool hf_supervision_act(struct hf_supervision *s);

/* first_look.c */
int hf_first_look(struct hf_supervision *s, struct hf_error *err);
/* Keeps devices and arguments of this machine in the container. */
int hf_record_machine(struct hf_supervision *s, struct hf_error *err);

/* guest_events.c: handles every event that waits. */
void hf_guest_events(struct hf_supervision *s);

/* prepare.c. open: the container, and what is learned from it. arguments: the owner's, held against it. power_on: what
 * this boot runs; once per start of QEMU. */
int hf_prepare_open(struct hf_supervision *s, struct hf_error *err);
int hf_prepare_arguments(struct hf_supervision *s, struct hf_error *err);
int hf_prepare_power_on(struct hf_supervision *s, enum hf_moment moment, struct hf_error *err);
/* This boot, as the lifecycle wants it told. */
struct hf_boot hf_supervision_boot(const struct hf_supervision *s, enum hf_moment moment);
struct hf_host_offer_place hf_supervision_place(const struct hf_supervision *s);

/* start_qemu.c: stopped, its monitor connected. */
int hf_start_qemu(struct hf_supervision *s, struct hf_error *err);

/* supervisor.c: the guest is about to execute: written down, and from now on watched. Once for each QEMU; then 0. */
int hf_supervision_open_boot(struct hf_supervision *s, struct hf_error *err);

#endif
