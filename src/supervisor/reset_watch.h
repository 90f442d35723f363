/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets of the guest: stopped before the next boot executes where something must be decided or counted, then released
 * in the same process, or turned into a restart of QEMU (hf_run.restart). How they are stopped is resets.h's.
 */
#ifndef HF_RESET_WATCH_H
#define HF_RESET_WATCH_H

#include "arguments.h"
#include "boots.h"
#include "host_offer.h"
#include "resets.h"
#include "run.h"
#include "same_machine.h"

/* What it needs of the rest of the run. */
struct hf_reset_watch_ops {
    bool (*stops)(void *ctx);   /* resets are stopped, whatever the lifecycle wants */
    bool (*is_ours)(void *ctx); /* false: the guest is still being received */
    struct hf_boot (*boot)(void *ctx, enum hf_moment moment);
    struct hf_host_offer_place (*place)(void *ctx);
    enum hf_ending (*ending)(void *ctx, bool by_guest); /* of the boot that a reset ended */
    void (*planned)(void *ctx, const struct hf_boot_plan *plan);
    int (*next_boot)(void *ctx, struct hf_error *err); /* in the same process; the guest is still stopped */
    void (*released)(void *ctx);                       /* that boot runs */
    void *ctx;
};

struct hf_reset_watch {
    struct hf_run *run;
    const struct hf_arguments *arguments; /* the owner's */
    struct hf_reset_watch_ops ops;
    struct hf_resets resets;
    struct hf_shape *shape; /* of the machine as it started */
    struct hf_watch wanted; /* by the lifecycle: what to watch in this boot */
    uint64_t seen_commits;  /* of the container, when `wanted` was read */
    bool cold;              /* a reset of the guest ends QEMU and starts it again */
    bool reset_asked;       /* by an operator who did not want to wait for the guest's own */
};

/* `run`, `arguments` and what `ops` works on outlive the watch. */
void hf_reset_watch_init(struct hf_reset_watch *w, struct hf_run *run, const struct hf_arguments *arguments,
                         const struct hf_reset_watch_ops *ops);

/* begin: QEMU is there and runs nothing yet. end: it is about to end. */
int hf_reset_watch_begin(struct hf_reset_watch *w, struct hf_error *err);
void hf_reset_watch_end(struct hf_reset_watch *w);

/* Resets are stopped from now on, or not, as the container says now. */
int hf_reset_watch_look(struct hf_reset_watch *w, struct hf_error *err);

/* Between turns (HF_TODO_DECIDE). */
void hf_reset_watch_decide(struct hf_reset_watch *w);

/* SHUTDOWN: true when it is no end of the guest (a stopped reset, an echo of our own quit). RESET. */
bool hf_reset_watch_on_shutdown(struct hf_reset_watch *w, const char *reason);
void hf_reset_watch_on_reset(struct hf_reset_watch *w);

/* No reset is under way. Armed: the next one will be stopped. */
bool hf_reset_watch_is_at_rest(const struct hf_reset_watch *w);
bool hf_reset_watch_is_armed(const struct hf_reset_watch *w);
/* The firmware is on trial in this boot. */
bool hf_reset_watch_on_trial(const struct hf_reset_watch *w);

#endif
