/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_pace.h"

void hf_mailbox_pace_begin(struct hf_mailbox_pace *p, int64_t now_ms)
{
    *p = (struct hf_mailbox_pace){.began_ms = now_ms, .second = now_ms / 1000};
}

/* Whether another quick look is within the second's budget. */
static bool afford(struct hf_mailbox_pace *p, int64_t now_ms)
{
    if (p->second != now_ms / 1000) {
        p->second = now_ms / 1000;
        p->spent = 0;
    }
    return p->spent++ < HF_MAILBOX_BUDGET;
}

bool hf_mailbox_pace_is_over(enum hf_mailbox_stage stage, bool boot_only)
{
    return boot_only && stage >= HF_MAILBOX_STAGE_EXIT_BOOT;
}

int hf_mailbox_pace_next(struct hf_mailbox_pace *p, int64_t now_ms, bool busy, enum hf_mailbox_stage stage,
                         bool boot_only)
{
    bool booting = stage < HF_MAILBOX_STAGE_EXIT_BOOT;

    if (hf_mailbox_pace_is_over(stage, boot_only))
        return -1;
    if (busy)
        p->busy_until_ms = now_ms + HF_MAILBOX_LINGER_MS;
    if (now_ms < p->busy_until_ms)
        return afford(p, now_ms) ? HF_MAILBOX_BUSY_MS : HF_MAILBOX_BOOT_MS;
    if (booting && (stage > HF_MAILBOX_STAGE_NONE || now_ms - p->began_ms < HF_MAILBOX_PATIENCE_MS))
        return HF_MAILBOX_BOOT_MS;
    return HF_MAILBOX_CALM_MS;
}
