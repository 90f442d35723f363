/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_summary.h"

#include <stdio.h>
#include <string.h>

#include "owner_steps.h"
#include "variables.h"
#include "writeback.h"

static int read_keys(struct hf_container *c, struct hf_guest_summary *s, struct hf_error *err)
{
    struct hf_variables v;
    struct hf_key_state state;
    int r = hf_variables_of_bank(c, &v, err);

    if (r < 0)
        return r;
    if (v.readable)
        r = hf_key_state_read(v.store.vars, v.store.count, &state, err);
    else
        hf_key_state_unreadable(v.why.text, &state);
    s->has_vars = v.bytes != NULL;
    hf_variables_done(&v);
    if (r < 0)
        return r;
    s->keys = state.verdict;
    s->key_mode = state.mode;
    memcpy(s->key_words, state.words, sizeof s->key_words);
    hf_key_state_done(&state);
    return 0;
}

static void look_around(struct hf_container *c, struct hf_guest_summary *s)
{
    struct hf_queue_state q;
    struct hf_runner runner;

    s->behind = hf_writeback_look(c, &q, NULL) == 0 && hf_queue_is_behind(&q);
    if (s->behind) {
        s->behind_since = q.behind_since;
        s->behind_bytes = q.bytes;
    }
    if (hf_runner_get(hf_container_id(c), &runner, NULL) == 0)
        s->runner = runner.pid;
}

static int read_all(struct hf_container *c, struct hf_guest_summary *s, struct hf_error *err)
{
    struct hf_guest guest;
    int r = hf_begin(c, err); /* all of it from one moment */

    if (r == 0)
        r = hf_guest_get(c, &guest, err);
    if (r == 0)
        r = hf_outlook_get(c, &s->outlook, err);
    if (r == 0)
        r = hf_owner_standing(c, &s->owner, err);
    if (r == 0)
        r = read_keys(c, s, err);
    hf_abort(c);
    if (r < 0)
        return r;
    snprintf(s->uuid, sizeof s->uuid, "%s", guest.uuid);
    look_around(c, s);
    return 0;
}

int hf_guest_summary_read(const char *path, int64_t now, struct hf_guest_summary *summary, struct hf_error *err)
{
    struct hf_guest_summary s;
    struct hf_container *c;
    int r = hf_container_open(path, HF_OPEN_LOOK, now, &c, err);

    if (r < 0)
        return r;
    memset(&s, 0, sizeof s);
    r = read_all(c, &s, err);
    hf_container_done(&c);
    if (r == 0)
        *summary = s;
    return r;
}
