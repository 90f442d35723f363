/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a domain has to be paused by holdfast, and the pause itself.
 *
 * Two files of its run directory say it: HF_HOLD_MARK is there while the guard wants the guest paused, and
 * HF_PAUSED_MARK while holdfast has paused it. A guest that its operator paused has no mark, and is never resumed.
 *
 * libvirt may make its callers wait, and a process that a hook waits for must not call it: the guard only sets its
 * mark, and has a process of its own bring the guest in line. Those processes work one after the other, under a lock.
 */
#ifndef HF_DOMAIN_PAUSE_H
#define HF_DOMAIN_PAUSE_H

#include "virt.h"

/* The guard's wish. Never calls libvirt. */
int hf_domain_pause_want(const char *uuid, bool want, struct hf_error *err);
bool hf_domain_pause_is_wanted(const char *uuid);

/* Pauses the domain, or resumes it, as the marks say. HF_ENOTFOUND: there is no such domain. */
int hf_domain_pause_align(const char *uuid, struct hf_error *err);

/* To pause the guest for a while: enter pauses it, leave resumes it unless the guard wants
 * it paused. *lock keeps others from aligning it meanwhile; close it without leaving and the guest stays paused. */
int hf_domain_pause_enter(struct hf_virt *v, const char *uuid, int *lock, struct hf_error *err);
int hf_domain_pause_leave(struct hf_virt *v, const char *uuid, int lock, struct hf_error *err);

#endif
