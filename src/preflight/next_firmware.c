/* SPDX-License-Identifier: BSD-2-Clause */
#include "next_firmware.h"

#include <string.h>

#include "format.h"

static const struct hf_firmware_caps *firmware_there(const struct hf_host_caps *host, const char *name,
                                                     const char *arch)
{
    for (size_t i = 0; i < host->firmware_count; i++)
        if (strcmp(host->firmware[i].name, name) == 0 && strcmp(host->firmware[i].arch, arch) == 0)
            return &host->firmware[i];
    return NULL;
}

static bool other_version(const struct hf_vmm_version *last, const struct hf_qemu_caps *qemu)
{
    return qemu && last->major && (qemu->version.major != last->major || qemu->version.minor != last->minor);
}

/* Why the policy says what it says at that boot. */
static void explain(const struct hf_guest_needs *g, const struct hf_firmware_caps *there, struct hf_verdict *v)
{
    const char *boot = g->running ? "next reset" : "power-on", *machine = g->machine[0] ? g->machine : g->resolved;
    unsigned major = v->qemu ? v->qemu->version.major : 0, minor = v->qemu ? v->qemu->version.minor : 0;
    char *why = v->firmware_why;
    const size_t size = sizeof v->firmware_why;

    if (g->staged)
        hf_format(why, size, "it is staged, and applied at the %s", boot);
    else if (g->policy == HF_POLICY_GUEST)
        hf_format(why, size, "policy guest: the container decides, whatever the host has");
    else if (v->firmware == HF_SOURCE_HOST && !there)
        hf_format(why, size, "policy %s, but the host has no firmware '%s'", hf_policy_name(g->policy), g->firmware);
    else if (v->firmware == HF_SOURCE_HOST && !v->firmware_there)
        hf_format(why, size, "policy %s, but '%s' there is the image that was rolled back here",
                  hf_policy_name(g->policy), there->name);
    else if (g->policy == HF_POLICY_HOST)
        hf_format(why, size, "policy host: what the host has at the %s", boot);
    else if (v->firmware == HF_SOURCE_HOST)
        hf_format(why, size, "policy versioned: QEMU %u.%u there, %u.%u at the last start, and '%s' is not pinned",
                  major, minor, g->vmm.major, g->vmm.minor, machine);
    else if (g->pinned)
        hf_format(why, size, "policy versioned: machine type '%s' is pinned", machine);
    else if (!other_version(&g->vmm, v->qemu))
        hf_format(why, size, "policy versioned: QEMU %u.%u as at the last start", major, minor);
    else
        hf_format(why, size, "policy versioned: a reset is no start; the next power-on under QEMU %u.%u takes '%s'%s",
                  major, minor, g->firmware, there ? "" : ", which is not there");
}

/* What decides at the first boot that can change anything: the next reset of a guest that runs, else its power-on. */
void hf_next_firmware(const struct hf_guest_needs *guest, const struct hf_host_caps *host, struct hf_verdict *v)
{
    const struct hf_firmware_caps *there = firmware_there(host, guest->firmware, guest->arch);
    struct hf_policy_case c = {
        .policy = guest->policy,
        .moment = guest->running ? HF_MOMENT_WARM_RESET : HF_MOMENT_POWER_ON,
        .other_vmm = other_version(&guest->vmm, v->qemu),
        .pinned = guest->pinned,
    };

    v->firmware = hf_policy_decide(&c);
    v->code_digest = guest->staged ? guest->staged : guest->code_digest;
    if (v->firmware == HF_SOURCE_HOST && there && !guest->staged &&
        !(guest->rejected && strcmp(guest->rejected, there->digest) == 0))
        v->firmware_there = there;
    explain(guest, there, v);
}
