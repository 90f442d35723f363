/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the supervisor share; nobody else includes it.
 *
 *   supervisor.c     one boot after the other: power-on, start, watch, end
 *   first_look.c     QEMU while it is still stopped: version, machine, ROMs
 *   guest_events.c   the table of QMP events
 *   server_watch.c   the flash server: behind, caught up, died, restarted, verified
 *
 * Callbacks of the loop only note what happened (in `todo`, in `pause`) or send without waiting; what waits for answers
 * is done from supervisor.c between two turns. One thread.
 */
#ifndef HF_SUPERVISION_H
#define HF_SUPERVISION_H

#include <limits.h>
#include <sys/types.h>

#include "arguments.h"
#include "boots.h"
#include "container.h"
#include "loop.h"
#include "machine.h"
#include "monitor.h"
#include "nbd_server.h"
#include "pause.h"
#include "resets.h"
#include "supervisor.h"
#include "words.h"

enum hf_todo {
    HF_TODO_VERIFY = 1 << 0, /* compare the container's bank with the guest's */
};

struct hf_supervision {
    const struct hf_run_options *options;
    struct hf_container *container;
    struct hf_guest guest;
    struct hf_arguments arguments;
    struct hf_boot_plan plan;
    struct hf_machine machine;
    char boot_id[HF_UUID_TEXT_SIZE];
    char dir[PATH_MAX]; /* of this guest in the runtime directory */
    char rom_dir[PATH_MAX];
    char socket[PATH_MAX];
    char program[PATH_MAX];

    struct hf_loop loop;
    int signal_fd;
    unsigned todo;

    struct hf_nbd_server *server;
    unsigned server_deaths;
    bool without_storage; /* the owner's word */

    pid_t qemu; /* -1: none runs */
    int qemu_status;
    struct timespec qemu_started;
    struct hf_words words; /* its arguments */
    struct hf_monitor *monitor;
    struct hf_pause pause;
    struct hf_resets resets;

    bool ended_by_owner; /* a signal to us, or quit on a monitor */
    bool panicked;
    bool powered_off;
    bool reset_ended;      /* -no-reboot: a reset ended QEMU */
    struct hf_error fault; /* why the run must end; code HF_OK: none */
};

void hf_supervision_say(const struct hf_supervision *s, const char *fmt, ...) HF_PRINTF(2, 3);

/* The first fault stays. */
void hf_supervision_fail(struct hf_supervision *s, const struct hf_error *err);

/* Does what pause.h wants, without waiting. */
void hf_supervision_pause(struct hf_supervision *s, enum hf_pause_want want);

/* first_look.c */
int hf_first_look(struct hf_supervision *s, struct hf_error *err);

/* guest_events.c: handles every event that waits. */
void hf_guest_events(struct hf_supervision *s);

/* server_watch.c */
int hf_server_watch_start(struct hf_supervision *s, struct hf_error *err);
void hf_server_watch_verify(struct hf_supervision *s);
void hf_server_watch_go_on(struct hf_supervision *s); /* without storage, as the owner says */
int hf_server_watch_stop(struct hf_supervision *s, struct hf_error *err);

#endif
