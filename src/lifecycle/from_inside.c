/* SPDX-License-Identifier: BSD-2-Clause */
#include "from_inside.h"

#include <string.h>

#include "choices.h"
#include "settings.h"

/* Any other signal is the guest's own word already: its agent, its firmware, its running on. */
static int may_confirm(struct hf_container *c, struct hf_error *err)
{
    char allowed[HF_SETTING_VALUE_SIZE];
    struct hf_choices choices;
    int r = hf_choices_get(c, &choices, err);

    if (r == 0)
        r = hf_setting_get(c, "guest-confirm", allowed, err);
    if (r < 0 || choices.by.signal != HF_SIGNAL_MANUAL || !strcmp(allowed, "on"))
        return r;
    return hf_error_refuse(err, "guest-confirm",
                           "confirm-by is manual: confirm the trial on the host, or allow the guest to with 'holdfast "
                           "set G.hold guest-confirm=on'");
}

int hf_guest_may(struct hf_container *c, const struct hf_life_record *record, enum hf_life_event event,
                 struct hf_error *err)
{
    if (record->life == HF_LIFE_ROLLBACK && !record->back.by_guest)
        return hf_error_refuse(
            err, "host-decided",
            "a rollback from the host waits for the next boot: it can be cancelled or changed only on the host");
    if (record->life == HF_LIFE_STAGED && event == HF_EVENT_STAGE && !record->staged_by_guest)
        return hf_error_refuse(
            err, "host-decided",
            "what was staged on the host waits for the next boot: it can be replaced or added to only on the host");
    return record->life == HF_LIFE_TRIAL && event == HF_EVENT_CONFIRM ? may_confirm(c, err) : 0;
}
