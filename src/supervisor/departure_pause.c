/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulated guest is paused before its memory is sent: QEMU's emulation can lose what it writes meanwhile. */
#include "departing.h"

/* Also one that its operator paused: resumed while it moves, it would run until it is paused again. */
int hf_departing_pause_emulated(struct hf_departure *d, struct hf_error *err)
{
    struct hf_departing *move = d->move;
    bool emulated = false;
    int r = move->live_emulated ? 0 : hf_departure_is_emulated(d->run, &emulated, err);

    if (r < 0 || !emulated)
        return r;
    if (hf_pause_hold(&d->run->pause, HF_HOLD_MOVE) == HF_PAUSE_STOP)
        r = hf_monitor_execute(d->run->monitor, "stop", NULL, NULL, err);
    move->stood_at = hf_loop_now();
    hf_departing_tell_stage(d, "paused");
    return r;
}

bool hf_departing_end_pause(struct hf_departure *d)
{
    bool held = hf_pause_holds(&d->run->pause, HF_HOLD_MOVE);
    enum hf_pause_want want = hf_pause_drop(&d->run->pause, HF_HOLD_MOVE);

    return held ? want == HF_PAUSE_CONT : d->move->before == HF_DEPARTING_RAN;
}
