/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulated guest is paused before its memory is sent: QEMU's emulation can lose what it writes meanwhile. */
#include "departing.h"

/* Also one that its operator paused: resumed while it moves, it would run until it is paused again. */
int hf_departing_pause_emulated(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_departure *d = s->departure;
    bool emulated = false;
    int r = d->live_emulated ? 0 : hf_departure_is_emulated(&s->run, &emulated, err);

    if (r < 0 || !emulated)
        return r;
    if (hf_pause_hold(&s->run.pause, HF_HOLD_MOVE) == HF_PAUSE_STOP)
        r = hf_monitor_execute(s->run.monitor, "stop", NULL, NULL, err);
    d->stood_at = hf_loop_now();
    hf_departing_tell_stage(s, "paused");
    return r;
}

bool hf_departing_end_pause(struct hf_supervision *s)
{
    bool held = hf_pause_holds(&s->run.pause, HF_HOLD_MOVE);
    enum hf_pause_want want = hf_pause_drop(&s->run.pause, HF_HOLD_MOVE);

    return held ? want == HF_PAUSE_CONT : s->departure->ran && !s->departure->stopped;
}
