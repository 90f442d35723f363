/* SPDX-License-Identifier: BSD-2-Clause */
#include "sending_table.h"

#define TO(action, stage) {HF_SENDING_##action, HF_SENDING_##stage}

#define ANSWERED       [HF_SENDING_ON_DEPARTED] = TO(END, DEPARTED)
#define NOT_CLAIMED    [HF_SENDING_ON_RESUMED] = TO(END, RESUMED)
/* What can go wrong at any time, and what with a mover that moves the guest. */
#define FAILURES(action, stage)                                                                                        \
    [HF_SENDING_ON_GAVE_UP] = TO(action, stage), [HF_SENDING_ON_CLOSED] = TO(action, stage),                           \
    [HF_SENDING_ON_CANCELLED] = TO(action, stage), [HF_SENDING_ON_SILENT] = TO(action, stage)
#define MOVER_FAILURES [HF_SENDING_ON_LATE] = TO(RECALL, STAYED), [HF_SENDING_ON_FAILED] = TO(RECALL, STAYED),         \
                       [HF_SENDING_ON_INTERFERED] = TO(RECALL, STAYED)

static const struct hf_sending_cell table[HF_SENDING_STAGES][HF_SENDING_EVENTS] = {
    [HF_SENDING_LOOKING] = {
        FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_PEER] = TO(JUDGE, COULD),
    },
    [HF_SENDING_MEETING] = {
        ANSWERED, FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_PEER] = TO(SEND, AHEAD),
        [HF_SENDING_ON_ASKED] = TO(NOTE, MEETING),
    },
    [HF_SENDING_MEETING_PAUSED] = {
        ANSWERED, FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_PEER] = TO(GIVE, OFFERED),
    },
    [HF_SENDING_ASKING] = {
        ANSWERED, NOT_CLAIMED, FAILURES(LOSE, LOST),
        [HF_SENDING_ON_PEER] = TO(ASK, ASKING),
    },
    [HF_SENDING_AHEAD] = {
        ANSWERED, FAILURES(RECALL, STAYED),
        [HF_SENDING_ON_READY] = TO(START, MOVING),
        [HF_SENDING_ON_ASKED] = TO(NOTE, AHEAD),
    },
    [HF_SENDING_MOVING] = {
        ANSWERED, FAILURES(RECALL, STAYED), MOVER_FAILURES,
        [HF_SENDING_ON_PAUSED] = TO(OFFER, OFFERED),
        [HF_SENDING_ON_ASKED] = TO(NOTE, MOVING),
        [HF_SENDING_ON_COMPLETED] = TO(NOTE, MOVING),
    },
    [HF_SENDING_OFFERED] = {
        ANSWERED, FAILURES(RECALL, STAYED), MOVER_FAILURES,
        [HF_SENDING_ON_PROMISED] = TO(KEEP, GRANTED),
        [HF_SENDING_ON_READY] = TO(GRANT, GRANTED),
        [HF_SENDING_ON_ASKED] = TO(GRANT, GRANTED),
        [HF_SENDING_ON_COMPLETED] = TO(GRANT, GRANTED),
    },
    [HF_SENDING_GRANTED] = {
        ANSWERED, NOT_CLAIMED, FAILURES(LOSE, LOST),
        [HF_SENDING_ON_FAILED] = TO(LOSE, LOST),
    },
};

struct hf_sending_cell hf_sending_cell(enum hf_sending_stage stage, enum hf_sending_event event)
{
    struct hf_sending_cell cell = {HF_SENDING_IGNORE, stage};

    if ((unsigned)stage < HF_SENDING_STAGES && (unsigned)event < HF_SENDING_EVENTS &&
        table[stage][event].action != HF_SENDING_IGNORE)
        cell = table[stage][event];
    return cell;
}

bool hf_sending_stage_is_granted(enum hf_sending_stage stage)
{
    return stage == HF_SENDING_GRANTED || stage == HF_SENDING_ASKING || stage == HF_SENDING_LOST;
}

bool hf_sending_stage_is_over(enum hf_sending_stage stage)
{
    return stage >= HF_SENDING_COULD;
}

struct hf_sending_cell hf_sending_fault(enum hf_sending_stage stage)
{
    if (hf_sending_stage_is_granted(stage))
        return (struct hf_sending_cell)TO(LOSE, LOST);
    return (struct hf_sending_cell)TO(RECALL, STAYED);
}
