/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One boot of a trial, watched: how long the guest has run, whether it showed a sign of life, whether its agent came.
 * Garbage firmware hangs without any event, so time alone proves nothing. A sign of life is a flash write, or a read of
 * one of the guest's disks.
 *
 * Pure: answers, events and the clock go in. One thread at a time.
 */
#ifndef HF_TRIAL_WATCH_H
#define HF_TRIAL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define HF_AGENT_PORT_NAME "org.qemu.guest_agent.0"

struct hf_trial_watch {
    int64_t running_ms; /* of running guest since the boot began */
    int64_t last_ms;    /* of the clock, at the last tick */
    bool running;       /* the guest ran then */
    bool life;
    bool have_reads;
    uint64_t reads; /* by all disks, when the boot began */
};

/* A boot begins at `now_ms` of any steady clock. */
void hf_trial_watch_begin(struct hf_trial_watch *w, int64_t now_ms);

/* Time passed; `running` says whether the guest runs from now on. Call it at least when that changes. */
void hf_trial_watch_tick(struct hf_trial_watch *w, int64_t now_ms, bool running);

/* QEMU's answer to query-blockstats. The first one of a boot is where counting begins, so ask at once. What cannot be
 * read counts as no sign. */
void hf_trial_watch_disks(struct hf_trial_watch *w, const json_t *blockstats);

/* The guest wrote its variables. */
void hf_trial_watch_flash(struct hf_trial_watch *w);

/* Data of a VSERPORT_CHANGE event: the id of the port that the guest just opened, or NULL. Whether that is the agent's
 * says the device's property "name": HF_AGENT_PORT_NAME. */
const char *hf_trial_watch_opened_port(const json_t *data);

static inline uint64_t hf_trial_watch_seconds(const struct hf_trial_watch *w)
{
    return (uint64_t)w->running_ms / 1000;
}

#endif
