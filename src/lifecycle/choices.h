/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest's owner has set, as the lifecycle uses it. */
#ifndef HF_CHOICES_H
#define HF_CHOICES_H

#include "confirm_by.h"
#include "container.h"
#include "firmware_policy.h"

struct hf_choices {
    enum hf_policy policy;
    struct hf_confirm_by by; /* the signal that ends a trial */
    uint32_t trial_limit;    /* failed boots that bring the fallback back; 0: it never comes back by itself */
    bool at_power_on;        /* what is staged is not applied at a reset */
    uint32_t timeout;        /* seconds without a sign of life until a guest on trial is reset; 0: never */
};

/* HF_EDAMAGED when a setting holds what `set` does not allow. */
int hf_choices_get(struct hf_container *c, struct hf_choices *choices, struct hf_error *err);

/* In a transaction: records the signal, "uptime:SECONDS" and all, in the settings. HF_EUSAGE. */
int hf_choices_set_signal(struct hf_container *c, const char *text, int64_t now, struct hf_error *err);

#endif
