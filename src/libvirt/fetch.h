/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain that a manager migrates with libvirt alone (virsh migrate, virt-manager, OpenStack): its destination fetches
 * the container. The exchange, its steps and what a crash leaves are those of migrate.h and receive.h; only who begins
 * is another: libvirt's hook here, and at the source a process that this host starts there (give.h).
 *
 *      manager     hook here            fetch                          give (source)
 *        migrate --> migrate begin ---->   "give UUID"  ------------->   may it go? (preflight)
 *                                          copy in place  <-----------   intro, state
 *                    lets it in  <------   guard waits
 *        libvirt moves the guest           |
 *        QEMU's first write here ------>   ask  --------------------->   the guest is paused: flush, state
 *                                          claim  <-------------------   GRANT
 *        success  <---------------------   the write is taken
 *
 * What fails before "lets it in" is libvirt's error, and nothing was moved. What fails after it and before the claim
 * ends the domain here, so that libvirt resumes the guest at the source; a source that had granted is asked what became
 * of that and hears that it was not claimed.
 */
#ifndef HF_FETCH_H
#define HF_FETCH_H

#include <holdfast/error.h>

struct hf_fetch_request {
    const char *uuid, *origin; /* the source, by its name: origin.h */
    const char *version;       /* of this holdfast */
    unsigned timeout_s;        /* for a source that is silent */
};

/* Until the guest is here, or does not come. `answer` gets a line of guard_link.h once. */
int hf_libvirt_fetch(const struct hf_fetch_request *q, int answer, struct hf_error *err);

/* After a fetch that ended otherwise: ends the domain here unless the container was claimed or libvirt has finished the
 * migration, and tells the source. HF_EOWNED: it is being received again. */
int hf_libvirt_abandon(const struct hf_fetch_request *q, struct hf_error *err);

#endif
