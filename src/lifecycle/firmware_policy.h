/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who decides which firmware a guest boots with. Each guest has one policy, recorded in its container.
 *
 * The answer depends on the policy, on the moment, on whether this host's VMM is of another version (major.minor) than
 * the one of the guest's last start, and on whether its owner named a versioned machine type. docs/policies.md lists
 * every case; a test holds the page to this function.
 *
 * Pure: no container, no clock. Any thread.
 */
#ifndef HF_FIRMWARE_POLICY_H
#define HF_FIRMWARE_POLICY_H

#include <stdbool.h>

#include <holdfast/error.h>

enum hf_policy {
    HF_POLICY_GUEST,     /* the container; upgrades are explicit */
    HF_POLICY_VERSIONED, /* the container, until the guest starts under another VMM version with no pinned machine */
    HF_POLICY_HOST,      /* the host's current firmware at every power-on and reset */
    HF_POLICY_MAX,
};

enum hf_moment {
    HF_MOMENT_POWER_ON,   /* a new VMM process that is no incoming migration */
    HF_MOMENT_WARM_RESET, /* the VMM process goes on */
    HF_MOMENT_COLD_RESET, /* the VMM is ended and started again: a reset that equals a power cycle, so also a start */
    HF_MOMENT_MAX,
};

enum hf_firmware_source {
    HF_SOURCE_CONTAINER, /* what the container's slots say: active, or what is staged or pending there */
    HF_SOURCE_HOST,      /* the host's current firmware; the variables are carried over, and it is a trial */
};

struct hf_policy_case {
    enum hf_policy policy;
    enum hf_moment moment;
    bool other_vmm; /* the VMM's major.minor differs from that of the guest's last start */
    bool pinned;    /* the owner named a versioned machine type, not an alias and not nothing */
};

enum hf_firmware_source hf_policy_decide(const struct hf_policy_case *c);

/* "guest", "versioned", "host"; NULL for a value outside the enum. */
const char *hf_policy_name(enum hf_policy policy);

/* The policy called `name`. HF_EUSAGE, naming the three, for anything else. */
int hf_policy_parse(const char *name, enum hf_policy *ret, struct hf_error *err);

/* "power-on", "warm reset", "cold reset". */
const char *hf_moment_name(enum hf_moment moment);

/* Whether resets must stop before the next boot executes for this policy alone: host decides at every one. */
static inline bool hf_policy_needs_every_reset(enum hf_policy policy)
{
    return policy == HF_POLICY_HOST;
}

#endif
