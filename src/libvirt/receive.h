/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The destination of `holdfast libvirt migrate`, as the source starts it over ssh: receives the container, puts in
 * place what libvirt's domain will look for, and has a guard serve it to the QEMU that waits for its guest.
 *
 *      migrate (source)                 receive                        guard        hook, QEMU
 *        intro, state  ------------->   copy in place
 *                                       publish, start a guard ------>
 *        libvirt's migration  ------------------------------------------------->   migrate, prepare, start
 *                                                                       <-------   QEMU's first write
 *                                       <------ the guest is about to write
 *        stop, flush, state  <-------   ask
 *        GRANT  -------------------->   claim, durable
 *                                       claimed ---------------------->  the write is taken
 *        DEPARTED  <-----------------   CLAIMED
 *
 * The first write waits until the container is this host's. When the source is gone before it granted, it waits for
 * ever, and with it the guest: nobody but the source's own host may let it run then.
 */
#ifndef HF_RECEIVE_H
#define HF_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

struct hf_receive_request {
    int in, out;
    const char *version;
    unsigned timeout_s; /* for a source that is silent while it is waited for */
    /* Where libvirt's migration is another program's (fetch.h); else NULL and -1: */
    const char *uuid, *origin; /* which domain is wanted, and from which host */
    int answer;                /* gets "ok" (guard_link.h) when libvirt's migration can begin */
    bool *answered;            /* whether it did */
    bool settling;             /* the answer to an earlier grant is all that is wanted */
};

/* Returns when the source has nothing more to say. HF_EREFUSED "root"; HF_EPROTO; HF_ETIMEDOUT: it was silent for
 * `timeout_s` while it was waited for (not so while libvirt moves the guest, which is paused here); HF_ECANCELED:
 * SIGINT, SIGTERM or SIGHUP, and the source was told; what an exchange may return. */
int hf_libvirt_receive(const struct hf_receive_request *q, struct hf_error *err);

#endif
