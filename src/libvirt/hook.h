/* SPDX-License-Identifier: BSD-2-Clause */
/* What libvirt's hook does for an adopted domain. It never calls libvirt, which waits for it. */
#ifndef HF_HOOK_H
#define HF_HOOK_H

#include <stddef.h>

#include <holdfast/error.h>

/* One call, with libvirt's words and the domain's XML. An error ends the start, with its text as the reason. Domains
 * that are not adopted, and operations that do not concern us, are 0 at once.
 *
 *   migrate  a domain is about to arrive: its container is here, or is fetched (fetch.h); HF_EREFUSED "moving" when it
 * is not known from where, or why the guest cannot live here prepare  the guard decides which firmware this start gets
 * and publishes it start    it compares the published bytes once more and serves the variables to the user that QEMU
 * will be started  it notes the machine release  it brings everything in and ends restore  the next start loads a saved
 * state: the firmware stays reconnect  libvirtd is back: a guard that was lost is replaced */
int hf_libvirt_hook(const char *operation, const char *part, const char *xml, size_t size, struct hf_error *err);

#endif
