/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiving_table.h"

#define TO(action, stage) {HF_RECEIVING_##action, HF_RECEIVING_##stage}

#define FAILURES(action, stage)                                                                                        \
    [HF_RECEIVING_ON_GAVE_UP] = TO(action, stage), [HF_RECEIVING_ON_CLOSED] = TO(action, stage),                       \
    [HF_RECEIVING_ON_CANCELLED] = TO(action, stage), [HF_RECEIVING_ON_SILENT] = TO(action, stage)
#define ANSWERS [HF_RECEIVING_ON_REVOKED] = TO(REVOKE, REVOKED), [HF_RECEIVING_ON_GRANTED] = TO(CLAIM, CLAIMED)

static const struct hf_receiving_cell table[HF_RECEIVING_STAGES][HF_RECEIVING_EVENTS] = {
    [HF_RECEIVING_MEETING] = {
        FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_PEER] = TO(MEET, RECEIVING),
    },
    [HF_RECEIVING_RECEIVING] = {
        ANSWERS, FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_READY] = TO(INSTALL, COPIED),
    },
    [HF_RECEIVING_COPIED] = {
        ANSWERS, FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_READY] = TO(REFRESH, COPIED),
        [HF_RECEIVING_ON_WANTED] = TO(ASK, ASKED),
    },
    [HF_RECEIVING_ASKED] = {
        ANSWERS, FAILURES(FAIL, FAILED),
        [HF_RECEIVING_ON_READY] = TO(REFRESH, ASKED),
    },
    [HF_RECEIVING_CLAIMED] = {
        FAILURES(END, DONE),
    },
    [HF_RECEIVING_REVOKED] = {
        FAILURES(END, DONE),
        [HF_RECEIVING_ON_READY] = TO(INSTALL, COPIED),
    },
};

struct hf_receiving_cell hf_receiving_cell(enum hf_receiving_stage stage, enum hf_receiving_event event)
{
    struct hf_receiving_cell cell = {HF_RECEIVING_IGNORE, stage};

    if ((unsigned)stage < HF_RECEIVING_STAGES && (unsigned)event < HF_RECEIVING_EVENTS &&
        table[stage][event].action != HF_RECEIVING_IGNORE)
        cell = table[stage][event];
    return cell;
}

bool hf_receiving_stage_is_settled(enum hf_receiving_stage stage)
{
    return stage == HF_RECEIVING_CLAIMED || stage == HF_RECEIVING_REVOKED || stage == HF_RECEIVING_DONE;
}

bool hf_receiving_stage_is_over(enum hf_receiving_stage stage)
{
    return stage >= HF_RECEIVING_DONE;
}
