/* SPDX-License-Identifier: BSD-2-Clause */
#include "pause.h"

void hf_pause_init(struct hf_pause *p, bool running)
{
    *p = (struct hf_pause){.running = running};
}

enum hf_pause_want hf_pause_hold(struct hf_pause *p, enum hf_hold hold)
{
    bool first = p->holds == 0;

    p->holds |= (unsigned)hold;
    if (!first || !p->running)
        return HF_PAUSE_NOTHING;
    p->ours = true;
    return HF_PAUSE_STOP;
}

enum hf_pause_want hf_pause_drop(struct hf_pause *p, enum hf_hold hold)
{
    bool held = p->holds != 0;

    p->holds &= ~(unsigned)hold;
    if (!held || p->holds || !p->ours)
        return HF_PAUSE_NOTHING;
    p->ours = false;
    return HF_PAUSE_CONT;
}

void hf_pause_on_stop(struct hf_pause *p)
{
    p->running = false;
}

enum hf_pause_want hf_pause_on_resume(struct hf_pause *p)
{
    p->running = true;
    if (p->holds == 0)
        return HF_PAUSE_NOTHING;
    p->ours = true;
    return HF_PAUSE_STOP;
}
