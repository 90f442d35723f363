/* SPDX-License-Identifier: BSD-2-Clause */
#include "confirm_by.h"

#include <string.h>

#include "cleanup.h"

static const char *const signal_names[] = {
    [HF_SIGNAL_MANUAL] = "manual",
    [HF_SIGNAL_UPTIME] = "uptime",
    [HF_SIGNAL_AGENT] = "agent",
    [HF_SIGNAL_MAILBOX] = "mailbox",
};
_Static_assert(HF_ARRAY_SIZE(signal_names) == HF_SIGNAL_MAX, "one name per signal");

const char *hf_signal_name(enum hf_signal signal)
{
    return (unsigned)signal < HF_SIGNAL_MAX ? signal_names[signal] : NULL;
}

/* Decimal digits alone, 1 to the limit; 0 when it is anything else. */
static uint32_t parse_seconds(const char *text)
{
    uint32_t n = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || n > HF_CONFIRM_UPTIME_LIMIT)
            return 0;
        n = n * 10 + (uint32_t)(*p - '0');
    }
    return n <= HF_CONFIRM_UPTIME_LIMIT ? n : 0;
}

int hf_confirm_by_parse(const char *text, struct hf_confirm_by *ret, struct hf_error *err)
{
    if (strncmp(text, "uptime:", 7) == 0) {
        uint32_t seconds = parse_seconds(text + 7);

        if (seconds == 0)
            return hf_error_set(err, HF_EUSAGE, "confirm-by '%.40s': invalid number of seconds; use 1 to %u", text,
                                HF_CONFIRM_UPTIME_LIMIT);
        *ret = (struct hf_confirm_by){HF_SIGNAL_UPTIME, seconds};
        return 0;
    }
    for (unsigned i = 0; i < HF_SIGNAL_MAX; i++) {
        if (strcmp(text, signal_names[i]) == 0) {
            *ret = (struct hf_confirm_by){(enum hf_signal)i, i == HF_SIGNAL_UPTIME ? HF_CONFIRM_UPTIME_DEFAULT : 0};
            return 0;
        }
    }
    return hf_error_set(err, HF_EUSAGE, "confirm-by '%.40s': unknown; use manual, uptime:SECONDS, agent or mailbox",
                        text);
}

uint32_t hf_trial_limit(const struct hf_confirm_by *by, int64_t asked)
{
    if (asked >= 0)
        return asked > HF_TRIAL_BOOTS_LIMIT ? HF_TRIAL_BOOTS_LIMIT : (uint32_t)asked;
    return by->signal == HF_SIGNAL_MANUAL ? 0 : HF_TRIAL_BOOTS_DEFAULT;
}

enum hf_watch_verdict hf_watch_judge(const struct hf_confirm_by *by, uint32_t timeout, uint64_t running, bool life)
{
    if (life)
        return by->signal == HF_SIGNAL_UPTIME && running >= by->seconds ? HF_WATCH_CONFIRM : HF_WATCH_WAIT;
    return timeout != 0 && running >= timeout ? HF_WATCH_RESET : HF_WATCH_WAIT;
}
