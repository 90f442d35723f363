/* SPDX-License-Identifier: BSD-2-Clause */
#include "trial_watch.h"

#include <string.h>

#include "banks.h"

void hf_trial_watch_begin(struct hf_trial_watch *w, int64_t now_ms)
{
    *w = (struct hf_trial_watch){.last_ms = now_ms, .running = true};
}

void hf_trial_watch_tick(struct hf_trial_watch *w, int64_t now_ms, bool running)
{
    if (w->running && now_ms > w->last_ms)
        w->running_ms += now_ms - w->last_ms;
    w->last_ms = now_ms;
    w->running = running;
}

void hf_trial_watch_reads(struct hf_trial_watch *w, uint64_t reads)
{
    if (!w->have_reads)
        w->reads = reads;
    else if (reads > w->reads)
        w->life = true;
    w->have_reads = true;
}

void hf_trial_watch_bank(struct hf_trial_watch *w, struct hf_container *c)
{
    uint64_t commits = w->commits;
    struct hf_digest now;

    if (w->life || hf_container_commits(c, &commits, NULL) < 0 || (w->have_vars && commits == w->commits))
        return;
    w->commits = commits;
    if (hf_bank_digest(c, HF_BANK_VARS, &now, NULL) < 0)
        memset(&now, 0, sizeof now);
    else if (w->have_vars && !hf_digest_equal(&now, &w->vars))
        w->life = true;
    if (!w->have_vars)
        w->vars = now;
    w->have_vars = true;
}
