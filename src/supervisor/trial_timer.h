/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot of a trial, watched over time: signs of life (trial_watch.h), the signals that confirm, and the time-out of
 * a guest that shows none. In a boot that is on no trial it only counts how long the guest has run.
 */
#ifndef HF_TRIAL_TIMER_H
#define HF_TRIAL_TIMER_H

#include <jansson.h>

#include "boots.h"
#include "run.h"
#include "trial_watch.h"

/* What it needs of the rest of the run. */
struct hf_trial_timer_ops {
    /* The guest's driver runs and has not reported that an operating system took over. */
    bool (*still_booting)(void *ctx);
    /* A reset will be stopped, so that it is decided what follows a boot that failed. */
    bool (*can_reset)(void *ctx);
    void *ctx;
};

struct hf_trial_timer {
    struct hf_run *run;
    const struct hf_watch *wanted; /* by the lifecycle, in this boot */
    struct hf_trial_timer_ops ops;
    struct hf_trial_watch watch;
    bool timed_out; /* we reset it: it showed no sign of life */
};

/* `run`, `wanted` and what `ops` works on outlive the timer. */
void hf_trial_timer_init(struct hf_trial_timer *t, struct hf_run *run, const struct hf_watch *wanted,
                         const struct hf_trial_timer_ops *ops);

/* begin: a boot begins now. end: QEMU is about to end. */
void hf_trial_timer_begin(struct hf_trial_timer *t);
void hf_trial_timer_end(struct hf_trial_timer *t);

/* What has to be decided now: confirm, reset, or neither. Every second, by itself. */
void hf_trial_timer_judge(struct hf_trial_timer *t);

/* The guest has shut down, and QEMU still answers. */
void hf_trial_timer_last_look(struct hf_trial_timer *t);
/* Whether the guest showed a sign of life in this boot; its last writes are in the container. */
bool hf_trial_timer_life(struct hf_trial_timer *t);
/* Whether the boot was reset for want of one. Asked once. */
bool hf_trial_timer_take_time_out(struct hf_trial_timer *t);

/* QEMU stopped or went on. VSERPORT_CHANGE. The firmware reported that boot services ended. */
void hf_trial_timer_running(struct hf_trial_timer *t);
void hf_trial_timer_port(struct hf_trial_timer *t, const json_t *data);
void hf_trial_timer_booted(struct hf_trial_timer *t);

/* Pure. The id of the port that the guest just opened, by the data of VSERPORT_CHANGE, or NULL. Whether that is the
 * agent's says the device's property "name": HF_AGENT_PORT_NAME. */
#define HF_AGENT_PORT_NAME "org.qemu.guest_agent.0"
const char *hf_trial_opened_port(const json_t *data);

#endif
