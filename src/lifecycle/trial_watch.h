/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One boot of a trial, watched: how long the guest has run, and whether it showed a sign of life. Garbage firmware
 * hangs without any event, so time alone proves nothing. A sign of life is a write of the guest's variables, or a read
 * of one of its disks.
 *
 * No clock, no VMM: times and counts go in. One thread at a time.
 */
#ifndef HF_TRIAL_WATCH_H
#define HF_TRIAL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "container.h"
#include "digest.h"

struct hf_trial_watch {
    int64_t running_ms; /* of running guest since the boot began */
    int64_t last_ms;    /* of the clock, at the last tick */
    bool running;       /* the guest ran then */
    bool life;
    bool have_reads;
    uint64_t reads; /* by all disks, when the boot began */
    bool have_vars;
    uint64_t commits;      /* of the container, when its variables were looked at */
    struct hf_digest vars; /* the variables when the boot began; zero: the guest has none */
};

/* A boot begins at `now_ms` of any steady clock. */
void hf_trial_watch_begin(struct hf_trial_watch *w, int64_t now_ms);

/* Time passed; `running` says whether the guest runs from now on. Call it at least when that changes. */
void hf_trial_watch_tick(struct hf_trial_watch *w, int64_t now_ms, bool running);

/* How many reads all disks have had. The first number of a boot is where counting begins, so ask at once. */
void hf_trial_watch_reads(struct hf_trial_watch *w, uint64_t reads);

/* Looks at the variables in the container, which change when the guest writes them. The first look of a boot is what
 * they are compared with. Cheap while nothing was committed. */
void hf_trial_watch_bank(struct hf_trial_watch *w, struct hf_container *c);

static inline uint64_t hf_trial_watch_seconds(const struct hf_trial_watch *w)
{
    return (uint64_t)w->running_ms / 1000;
}

#endif
