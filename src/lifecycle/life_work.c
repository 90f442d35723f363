/* SPDX-License-Identifier: BSD-2-Clause */
#include "life_work.h"

#include <string.h>

#include "applied.h"
#include "owner.h"

int hf_life_begin(struct hf_life_work *w, struct hf_container *c, int64_t at, struct hf_error *err)
{
    int r;

    memset(w, 0, sizeof *w);
    w->c = c;
    w->at = at;
    w->err = err;
    r = hf_begin(c, err);
    if (r == 0)
        r = hf_life_load(c, &w->was, err);
    if (r == 0)
        w->now = w->was;
    return r;
}

int hf_life_begin_by_hand(struct hf_life_work *w, struct hf_container *c, int64_t at, struct hf_error *err)
{
    struct hf_runner runner;
    int r = hf_life_begin(w, c, at, err);

    if (r < 0 || w->now.life != HF_LIFE_APPLIED)
        return r;
    r = hf_runner_get(hf_container_id(c), &runner, err);
    return r == -HF_ENOTFOUND ? hf_applied_take_back(c, at, &w->now, err) : r;
}

int hf_life_end(struct hf_life_work *w, int r, bool dry_run)
{
    if (r == 0 && !dry_run) {
        r = hf_life_save(w->c, &w->was, &w->now, w->err);
        if (r == 0)
            return hf_commit(w->c, HF_DURABLE, w->err);
    }
    hf_abort(w->c);
    return r;
}

int hf_life_step(struct hf_life_work *w, enum hf_life_event event, enum hf_decision *decision)
{
    const struct hf_move *move;
    int r = hf_lifecycle_try(w->now.life, event, &move, w->err);

    if (r < 0)
        return r;
    w->now.life = move->next;
    *decision = move->decision;
    return 0;
}
