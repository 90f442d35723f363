/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stopping a guest for reasons of ours without getting in the way of others that pause and resume it.
 *
 *   running --hold--> stopped by us --last hold dropped--> running
 *   stopped by the owner --hold, drop--> stopped by the owner
 *   stopped by us, owner says `cont` --> stopped again by us, until the last hold is dropped
 *
 * QEMU tells nobody about a `stop` of a guest that is stopped already: an owner's stop during a hold goes unseen.
 *
 * Pure: it says which command to send. One per QEMU process.
 */
#ifndef HF_PAUSE_H
#define HF_PAUSE_H

#include <stdbool.h>

enum hf_hold {
    HF_HOLD_STORAGE = 1 << 0, /* what the guest wrote cannot be stored now */
    HF_HOLD_SERVER = 1 << 1,  /* the flash's server is being started again */
    HF_HOLD_COPY = 1 << 2,    /* the bank is being copied from the guest */
    HF_HOLD_MOVE = 1 << 3,    /* it is emulated and moves to another host */
};

enum hf_pause_want { HF_PAUSE_NOTHING, HF_PAUSE_STOP, HF_PAUSE_CONT };

struct hf_pause {
    unsigned holds;
    bool running; /* as far as QEMU said */
    bool ours;    /* it would run if it were not for the holds */
};

/* `running`: whether the guest's processors run now. */
void hf_pause_init(struct hf_pause *p, bool running);

enum hf_pause_want hf_pause_hold(struct hf_pause *p, enum hf_hold hold);
enum hf_pause_want hf_pause_drop(struct hf_pause *p, enum hf_hold hold);

/* QEMU's STOP and RESUME events. */
void hf_pause_on_stop(struct hf_pause *p);
enum hf_pause_want hf_pause_on_resume(struct hf_pause *p);

static inline bool hf_pause_holds(const struct hf_pause *p, enum hf_hold hold)
{
    return (p->holds & (unsigned)hold) != 0;
}

#endif
