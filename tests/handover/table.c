/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints what the step table does, found by trying every step in every state: side, step, message that brings it
 * about, holders it starts from, holder it leads to, message it sends, epochs. */
#include <stdio.h>

#include "steps.h"

static void print_step(enum hf_step step)
{
    enum hf_side side =
        step == HF_STEP_READY || step == HF_STEP_CLAIM || step == HF_STEP_REFUSE ? HF_SIDE_DESTINATION : HF_SIDE_SOURCE;
    enum hf_message on = HF_MESSAGE_NONE, answer;
    enum hf_holder to = HF_HOLDER_MAX;
    unsigned from = 0;

    for (int mode = 0; mode < 4; mode++)
        for (unsigned holder = 0; holder < HF_HOLDER_MAX; holder++)
            for (uint32_t attempt = 1; attempt < 3; attempt++) {
                struct hf_handover_state s = {(enum hf_holder)holder, 1, mode & 1, mode & 2};

                for (unsigned m = 1; m < HF_MESSAGE_MAX; m++)
                    if (hf_step_for(side, &s, (enum hf_message)m, attempt, &answer) == step)
                        on = (enum hf_message)m;
                if (hf_step_take(step, attempt, &s, NULL) == 0) {
                    from |= 1U << holder;
                    to = s.holder;
                }
            }
    printf("%s %s %s %#x %s %s %u\n", side == HF_SIDE_SOURCE ? "src" : "dst", hf_step_name(step), hf_message_name(on),
           from, hf_holder_name(to), hf_message_name(hf_step_sends(step)), hf_step_epochs(step));
}

int main(void)
{
    for (int step = 0; step < HF_STEP_MAX; step++)
        print_step((enum hf_step)step);
    return 0;
}
