/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flash server under a guest. What it answered for outlives it, and QEMU repeats what it had not answered, so a
 * server that died is only a pause; the guest is stopped meanwhile and its bank is compared afterwards all the same.
 *
 *   behind      the guest is stopped (HF_HOLD_STORAGE), unless its owner has it run on without storage
 *   caught up   it continues
 *   died        it is stopped (HF_HOLD_SERVER), the server is started again until that succeeds, and HF_TODO_VERIFY is
 *               noted: hf_server_watch_verify() lets the guest continue
 */
#ifndef HF_SERVER_WATCH_H
#define HF_SERVER_WATCH_H

#include "machine.h"
#include "nbd_server.h"
#include "run.h"

struct hf_server_watch {
    struct hf_run *run;
    const struct hf_machine *machine; /* the guest's; its socket is where QEMU finds the banks */
    struct hf_nbd_server *server;     /* NULL: none was started */
    bool without_storage;             /* the owner's word */
};

/* Both outlive the watch. */
void hf_server_watch_init(struct hf_server_watch *w, struct hf_run *run, const struct hf_machine *machine);

/* `incoming`: the container is being received; hf_server_watch_claimed() tells that it is ours. */
int hf_server_watch_start(struct hf_server_watch *w, bool incoming, struct hf_error *err);
void hf_server_watch_claimed(struct hf_server_watch *w);
/* Another server, for the container as it is now. The guest is paused. */
int hf_server_watch_renew(struct hf_server_watch *w, struct hf_error *err);
/* Harmless when none runs. */
void hf_server_watch_stop(struct hf_server_watch *w);

/* One thing that the server said. */
void hf_server_watch_hear(struct hf_server_watch *w, const struct hf_nbd_status *status);

/* Without storage, as the owner says. */
void hf_server_watch_go_on(struct hf_server_watch *w);

/* Between turns (HF_TODO_VERIFY). The hold goes only when the container is known to have what the guest sees.
 * `complete`: the guest's memory is all here and its flash is this container's, so that there is something to compare.
 */
void hf_server_watch_verify(struct hf_server_watch *w, bool complete);

#endif
