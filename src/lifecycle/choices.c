/* SPDX-License-Identifier: BSD-2-Clause */
#include "choices.h"

#include <stdio.h>
#include <string.h>

#include "mailbox_hardware.h"
#include "settings.h"

/* A guest whose firmware reports its boot needs no waiting, so that is what counts there unless its owner chose. */
static int signal_in_effect(struct hf_container *c, char value[HF_SETTING_VALUE_SIZE], struct hf_error *err)
{
    struct hf_mailbox_hardware hw;
    bool chosen;
    int r = hf_setting_is_set(c, "confirm-by", &chosen, err);

    if (r == 0)
        r = hf_setting_get(c, "confirm-by", value, err);
    if (r == 0)
        r = hf_mailbox_hardware_get(c, &hw, err);
    if (r == 0 && !chosen && hw.present && hw.rom && hw.mode != HF_MAILBOX_OFF)
        (void)snprintf(value, HF_SETTING_VALUE_SIZE, "%s", hf_signal_name(HF_SIGNAL_MAILBOX));
    return r;
}

static int get_signal(struct hf_container *c, struct hf_confirm_by *by, struct hf_error *err)
{
    char value[HF_SETTING_VALUE_SIZE];
    int64_t seconds;
    int r = signal_in_effect(c, value, err);

    if (r == 0)
        r = hf_confirm_by_parse(value, by, err);
    if (r < 0 || by->signal != HF_SIGNAL_UPTIME)
        return r;
    r = hf_setting_number(c, "confirm-uptime", &seconds, err);
    if (r == 0)
        by->seconds = (uint32_t)seconds;
    return r;
}

int hf_choices_get(struct hf_container *c, struct hf_choices *choices, struct hf_error *err)
{
    char value[HF_SETTING_VALUE_SIZE], upgrade[HF_SETTING_VALUE_SIZE];
    int64_t boots = 0, timeout = 0;
    struct hf_choices found;
    int r = hf_setting_get(c, "policy", value, err);

    if (r == 0)
        r = hf_policy_parse(value, &found.policy, err);
    if (r == 0)
        r = get_signal(c, &found.by, err);
    if (r == 0)
        r = hf_setting_get(c, "upgrade-at", upgrade, err);
    if (r == 0)
        r = hf_setting_number(c, "trial-boots", &boots, err);
    if (r == 0)
        r = hf_setting_number(c, "trial-timeout", &timeout, err);
    if (r == -HF_EUSAGE) {
        (void)hf_error_prefix(err, r, "settings: ");
        if (err)
            err->code = HF_EDAMAGED;
        return -HF_EDAMAGED;
    }
    if (r < 0)
        return r;
    found.trial_limit = hf_trial_limit(&found.by, boots);
    found.timeout = (uint32_t)timeout;
    found.at_power_on = strcmp(upgrade, "power-on") == 0;
    *choices = found;
    return 0;
}

int hf_choices_set_signal(struct hf_container *c, const char *text, int64_t now, struct hf_error *err)
{
    struct hf_confirm_by by;
    char seconds[16];
    int r = hf_confirm_by_parse(text, &by, err);

    if (r == 0)
        r = hf_setting_set(c, "confirm-by", hf_signal_name(by.signal), now, err);
    if (r < 0 || by.signal != HF_SIGNAL_UPTIME)
        return r;
    (void)snprintf(seconds, sizeof seconds, "%u", by.seconds);
    return hf_setting_set(c, "confirm-uptime", seconds, now, err);
}
