/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what the step table does, found by trying every step in every state: one line for each state and attempt in
 * which a step is possible,
 *
 *     step  side  name  message that brings it about  holder flushed promised  attempt  holder flushed promised  sends  epochs
 *
 * and one for each question that is answered without a step,
 *
 *     answer  message  holder  attempt  answer
 *
 * `attempt` is the message's, or the new one, against the container's: -1, 0 or 1. `promised` is of a granted container.
 */
#include <stdio.h>
#include <stdlib.h>

#include "steps.h"

#define ATTEMPT 2 /* the container's */

static enum hf_side side_of(enum hf_step step)
{
    return step == HF_STEP_READY || step == HF_STEP_CLAIM || step == HF_STEP_REFUSE ? HF_SIDE_DESTINATION
                                                                                    : HF_SIDE_SOURCE;
}

/* What is heard and what is done follow the same rule. */
static enum hf_message message_for(enum hf_step step, const struct hf_handover_state *s, uint32_t attempt)
{
    enum hf_message found = HF_MESSAGE_NONE, answer;

    for (unsigned m = 1; m < HF_MESSAGE_MAX; m++) {
        if (hf_step_for(side_of(step), s, (enum hf_message)m, attempt, &answer) != step)
            continue;
        if (found != HF_MESSAGE_NONE || answer != hf_step_sends(step))
            abort();
        found = (enum hf_message)m;
    }
    return found;
}

static void try_step(enum hf_step step, const struct hf_handover_state *s, uint32_t attempt)
{
    struct hf_handover_state after = *s;
    enum hf_message on = message_for(step, s, attempt);

    if (hf_step_take(step, attempt, &after, NULL) < 0) {
        if (on != HF_MESSAGE_NONE)
            abort();
        return;
    }
    printf("step %s %s %s %s %d %d %d %s %d %d %s %u\n", side_of(step) == HF_SIDE_SOURCE ? "src" : "dst",
           hf_step_name(step), hf_message_name(on), hf_holder_name(s->holder), s->flushed, s->promised,
           (int)attempt - ATTEMPT, hf_holder_name(after.holder), after.flushed, after.promised,
           hf_message_name(hf_step_sends(step)), hf_step_epochs(step));
}

static void try_question(enum hf_message message, const struct hf_handover_state *s, uint32_t attempt)
{
    enum hf_message answer;

    if (hf_step_for(HF_SIDE_DESTINATION, s, message, attempt, &answer) == HF_STEP_MAX && answer != HF_MESSAGE_NONE)
        printf("answer %s %s %d %s\n", hf_message_name(message), hf_holder_name(s->holder), (int)attempt - ATTEMPT,
               hf_message_name(answer));
}

static void try_all(const struct hf_handover_state *s)
{
    for (uint32_t attempt = ATTEMPT - 1; attempt <= ATTEMPT + 1; attempt++) {
        for (int step = 0; step < HF_STEP_MAX; step++)
            if (side_of((enum hf_step)step) == HF_SIDE_SOURCE || (!s->flushed && !s->promised))
                try_step((enum hf_step)step, s, attempt);
        for (unsigned m = 1; m < HF_MESSAGE_MAX && !s->flushed && !s->promised; m++)
            try_question((enum hf_message)m, s, attempt);
    }
}

int main(void)
{
    for (unsigned holder = 0; holder < HF_HOLDER_MAX; holder++)
        for (int flags = 0; flags < 4; flags++)
            if (!(flags & 2) || holder == HF_HOLDER_GRANTED)
                try_all(&(struct hf_handover_state){(enum hf_holder)holder, ATTEMPT, flags & 1, flags & 2});
    return 0;
}
