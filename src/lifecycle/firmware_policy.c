/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware_policy.h"

#include <string.h>

#include "cleanup.h"

static const char *const policy_names[] = {
    [HF_POLICY_GUEST] = "guest",
    [HF_POLICY_VERSIONED] = "versioned",
    [HF_POLICY_HOST] = "host",
};
_Static_assert(HF_ARRAY_SIZE(policy_names) == HF_POLICY_MAX, "one name per policy");

static const char *const moment_names[] = {
    [HF_MOMENT_POWER_ON] = "power-on",
    [HF_MOMENT_WARM_RESET] = "warm reset",
    [HF_MOMENT_COLD_RESET] = "cold reset",
};
_Static_assert(HF_ARRAY_SIZE(moment_names) == HF_MOMENT_MAX, "one name per moment");

/* A start is where a VMM process begins that did not exist before. A migrated guest that resets warm under another
 * version has not started there: its machine is still the one that it brought along. */
static bool is_start(enum hf_moment moment)
{
    return moment == HF_MOMENT_POWER_ON || moment == HF_MOMENT_COLD_RESET;
}

enum hf_firmware_source hf_policy_decide(const struct hf_policy_case *c)
{
    switch (c->policy) {
    case HF_POLICY_HOST:
        return HF_SOURCE_HOST;
    case HF_POLICY_VERSIONED:
        return is_start(c->moment) && c->other_vmm && !c->pinned ? HF_SOURCE_HOST : HF_SOURCE_CONTAINER;
    case HF_POLICY_GUEST:
    default:
        return HF_SOURCE_CONTAINER;
    }
}

const char *hf_policy_name(enum hf_policy policy)
{
    return (unsigned)policy < HF_POLICY_MAX ? policy_names[policy] : NULL;
}

int hf_policy_parse(const char *name, enum hf_policy *ret, struct hf_error *err)
{
    for (unsigned i = 0; i < HF_POLICY_MAX; i++) {
        if (strcmp(name, policy_names[i]) == 0) {
            *ret = (enum hf_policy)i;
            return 0;
        }
    }
    return hf_error_set(err, HF_EUSAGE, "policy '%s': unknown; use guest, versioned or host", name);
}

const char *hf_moment_name(enum hf_moment moment)
{
    return (unsigned)moment < HF_MOMENT_MAX ? moment_names[moment] : NULL;
}
