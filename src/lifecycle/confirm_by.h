/* SPDX-License-Identifier: BSD-2-Clause */
/* The signal that ends a trial, as the guest's owner chose it. Pure; any thread. */
#ifndef HF_CONFIRM_BY_H
#define HF_CONFIRM_BY_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

enum hf_signal {
    HF_SIGNAL_MANUAL,  /* 'holdfast confirm'; always accepted, whatever was chosen */
    HF_SIGNAL_UPTIME,  /* so many seconds of running without a reset, after a sign of life */
    HF_SIGNAL_AGENT,   /* the guest opened its agent's port */
    HF_SIGNAL_MAILBOX, /* the firmware reported ExitBootServices */
    HF_SIGNAL_MAX,
};

#define HF_CONFIRM_UPTIME_DEFAULT 300U
#define HF_CONFIRM_UPTIME_LIMIT   604800U
#define HF_TRIAL_BOOTS_DEFAULT    3U
#define HF_TRIAL_BOOTS_LIMIT      1000U
#define HF_TRIAL_TIMEOUT_DEFAULT  300U

struct hf_confirm_by {
    enum hf_signal signal;
    uint32_t seconds; /* HF_SIGNAL_UPTIME only */
};

/* "manual", "agent", "mailbox", "uptime" (300 s) or "uptime:SECONDS" (1 to 604800). HF_EUSAGE otherwise. */
int hf_confirm_by_parse(const char *text, struct hf_confirm_by *ret, struct hf_error *err);

/* "uptime", "agent", ...; NULL outside the enum. */
const char *hf_signal_name(enum hf_signal signal);

/* How many failed boots end a trial, 0: none do. `asked` is the owner's number, negative when none was given: then
 * three, but 0 where only the owner confirms, since then silence is no evidence. */
uint32_t hf_trial_limit(const struct hf_confirm_by *by, int64_t asked);

/* What the watcher of a trial's boot should do now. Times are seconds of *running* guest since this boot began. */
enum hf_watch_verdict {
    HF_WATCH_WAIT,
    HF_WATCH_CONFIRM, /* the uptime signal */
    HF_WATCH_RESET,   /* no sign of life for trial-timeout: reset the guest; the boot has failed */
};

/* `timeout` 0 means that nothing is ever reset. A guest that showed a sign of life is never reset. */
enum hf_watch_verdict hf_watch_judge(const struct hf_confirm_by *by, uint32_t timeout, uint64_t running, bool life);

#endif
