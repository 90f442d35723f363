/* SPDX-License-Identifier: BSD-2-Clause */
/* One change of a guest's firmware life: a transaction, the record as it was, and as it is to be. */
#ifndef HF_LIFE_WORK_H
#define HF_LIFE_WORK_H

#include "life_record.h"

struct hf_life_work {
    struct hf_container *c;
    int64_t at; /* seconds since 1970 */
    struct hf_life_record was, now;
    struct hf_error *err;
};

/* Begins the transaction and loads the record. Whatever it returns, hf_life_end() follows. */
int hf_life_begin(struct hf_life_work *w, struct hf_container *c, int64_t at, struct hf_error *err);

/* The same for an operator's verb: a start that was killed before its guest executed leaves an applied image behind,
 * which is taken back first. Where the process that started it still runs, it is left alone. */
int hf_life_begin_by_hand(struct hf_life_work *w, struct hf_container *c, int64_t at, struct hf_error *err);

/* With `r` 0 saves the record and commits durably, or throws all of it away when `dry_run`; with an error throws it
 * away. Returns the error, `r` included. */
int hf_life_end(struct hf_life_work *w, int r, bool dry_run);

/* Moves w->now.life on as the table says and gives the decision; HF_EREFUSED when it refuses. */
int hf_life_step(struct hf_life_work *w, enum hf_life_event event, enum hf_decision *decision);

#endif
