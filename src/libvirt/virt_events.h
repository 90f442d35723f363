/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to one domain, as libvirt tells it while it happens, and QEMU's own words where libvirt's say less: QEMU
 * tells a guest's reset from an operator's. A connection that is to hear of events is opened with
 * hf_virt_events_open().
 *
 * One thread; libvirt's event loop is the process's.
 */
#ifndef HF_VIRT_EVENTS_H
#define HF_VIRT_EVENTS_H

#include "virt.h"

enum hf_virt_event {
    HF_VIRT_RESET,      /* the guest was reset, and runs on */
    HF_VIRT_SHUTDOWN,   /* QEMU is about to end */
    HF_VIRT_PANIC,      /* the guest reported one */
    HF_VIRT_LAST_RESET, /* the guest was reset, and QEMU is about to end for it */
    HF_VIRT_AGENT,      /* the guest opened its agent's port */
    HF_VIRT_EVENT_MAX,
};

struct hf_virt_saw {
    enum hf_virt_event event;
    bool by_guest; /* RESET, SHUTDOWN: the guest did it itself */
    int64_t at_ms; /* RESET: by the host's clock, in ms since 1970 */
};

struct hf_virt_events {
    const char *uuid; /* of the domain; it need not be known to libvirt yet */
    void (*saw)(void *ctx, const struct hf_virt_saw *saw);
    void (*each_second)(void *ctx);
    void *ctx;
};

/* Connects to qemu:///system and hears of everything from now on. Asks for no domain, so libvirt may be in a hook.
 * HF_EIO, HF_ENOTFOUND as in virt.h. `events` lives as long as the connection. */
int hf_virt_events_open(const struct hf_virt_events *events, struct hf_virt **out, struct hf_error *err);

/* One turn of the loop: calls what `events` names. HF_EIO: the connection is gone. */
int hf_virt_events_turn(struct hf_virt *v, struct hf_error *err);

/* With a connection of hf_virt_events_open(), of its domain (hf_virt_find()): how many reads all its disks have had since
 * its QEMU began; a reset. */
int hf_virt_reads(struct hf_virt *v, uint64_t *reads, struct hf_error *err);
int hf_virt_reset(struct hf_virt *v, struct hf_error *err);

#endif
