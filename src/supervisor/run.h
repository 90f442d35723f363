/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every part of a supervisor works with: the loop, QEMU's monitor, the container, and how to tell, to fail and to
 * pause. A part includes this and no other part; supervisor.c composes the parts.
 *
 * Callbacks of the loop only note what happened (in `todo`, in `pause`) or send without waiting; what waits for answers
 * is done from supervisor.c between two turns. One thread.
 */
#ifndef HF_RUN_H
#define HF_RUN_H

#include <limits.h>

#include "boots.h"
#include "container.h"
#include "loop.h"
#include "monitor.h"
#include "pause.h"
#include "supervisor.h"

enum hf_todo {
    HF_TODO_VERIFY = 1 << 0,  /* compare the container's bank with the guest's */
    HF_TODO_DECIDE = 1 << 1,  /* the guest is stopped at a reset */
    HF_TODO_ARRIVED = 1 << 2, /* a saved state is loaded; the guest has not run */
    HF_TODO_DEPART = 1 << 3,  /* news for departure.c */
    HF_TODO_RECEIVE = 1 << 4, /* news for reception.c */
    HF_TODO_MOVE_IN = 1 << 5, /* time for what a guest that came can wait for */
};

struct hf_run {
    const struct hf_run_options *options;
    struct hf_container *container;
    char dir[PATH_MAX]; /* of this guest in the runtime directory */
    struct hf_loop loop;
    struct hf_monitor *monitor; /* NULL: there is no QEMU */
    struct hf_pause pause;
    unsigned todo;                 /* of enum hf_todo */
    bool restart;                  /* end QEMU and start it anew: */
    enum hf_moment restart_moment; /* a reset that became one */
    struct hf_error fault;         /* why the run must end; code HF_OK: none */
};

void hf_run_init(struct hf_run *run, const struct hf_run_options *options);

/* One sentence for the owner. */
void hf_run_say(const struct hf_run *run, const char *fmt, ...) HF_PRINTF(2, 3);

/* The first fault stays. */
void hf_run_fail(struct hf_run *run, const struct hf_error *err);

/* Does what pause.h wants, without waiting. */
void hf_run_pause(struct hf_run *run, enum hf_pause_want want);

/* Whether QEMU can be asked. */
bool hf_run_has_qemu(const struct hf_run *run);

#endif
