/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether this host would run an adopted domain: asked before a domain is changed. */
#ifndef HF_HOST_READY_H
#define HF_HOST_READY_H

#include "domain_access.h"

/* A domain of this name is never run: a hook that is called for it says so. */
#define HF_HOOK_PROBE "holdfast-hook-probe"

/* HF_EREFUSED "hook": libvirt has no hook of ours, or does not call it; "apparmor": QEMU's profile does not let it
 * reach the socket. The text says what to do. `d` is the domain: the hook is tried with another of its type and
 * emulator. */
int hf_host_ready(struct hf_virt *virt, const struct hf_domain *d, struct hf_error *err);

/* What the hook answers for HF_HOOK_PROBE. */
int hf_host_ready_answer(struct hf_error *err);

#endif
