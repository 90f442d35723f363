/* SPDX-License-Identifier: BSD-2-Clause */
#include "trial_watch.h"

#include <string.h>

#include "block_reads.h"

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

void hf_trial_watch_disks(struct hf_trial_watch *w, const json_t *blockstats)
{
    uint64_t reads = hf_block_reads(blockstats);

    if (!w->have_reads)
        w->reads = reads;
    else if (reads > w->reads)
        w->life = true;
    w->have_reads = true;
}

void hf_trial_watch_flash(struct hf_trial_watch *w)
{
    w->life = true;
}

const char *hf_trial_watch_opened_port(const json_t *data)
{
    return json_is_true(json_object_get(data, "open")) ? json_string_value(json_object_get(data, "id")) : NULL;
}
