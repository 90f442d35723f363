/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often the host looks at the window: at once again while the guest asks, seldom once an operating system runs,
 * never more than a budget whatever the guest does. Pure: the clock goes in. One thread at a time.
 */
#ifndef HF_MAILBOX_PACE_H
#define HF_MAILBOX_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "mailbox_wire.h"

#define HF_MAILBOX_BUSY_MS     1 /* while questions come, and HF_MAILBOX_LINGER_MS after */
#define HF_MAILBOX_LINGER_MS   50
#define HF_MAILBOX_BOOT_MS     10  /* until boot services end */
#define HF_MAILBOX_CALM_MS     500 /* afterwards, and where no driver came in HF_MAILBOX_PATIENCE_MS */
#define HF_MAILBOX_PATIENCE_MS 120000
#define HF_MAILBOX_BUDGET      200 /* looks in one second that may follow each other within HF_MAILBOX_BUSY_MS */

struct hf_mailbox_pace {
    int64_t began_ms, busy_until_ms, second;
    unsigned spent;
};

/* A boot begins. */
void hf_mailbox_pace_begin(struct hf_mailbox_pace *p, int64_t now_ms);

/* Whether an operating system took over and nobody answers any more in this boot. */
bool hf_mailbox_pace_is_over(enum hf_mailbox_stage stage, bool boot_only);

/* After a look: how long until the next, or -1 for never again in this boot. `busy`: something was answered. */
int hf_mailbox_pace_next(struct hf_mailbox_pace *p, int64_t now_ms, bool busy, enum hf_mailbox_stage stage,
                         bool boot_only);

#endif
