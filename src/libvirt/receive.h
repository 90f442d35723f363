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

#include <stdint.h>

#include <holdfast/error.h>

/* Returns when the source has nothing more to say. HF_EREFUSED "root"; HF_EPROTO; HF_ETIMEDOUT: it was silent for
 * `timeout_s` while it was waited for (not so while libvirt moves the guest, which is paused here); HF_ECANCELED:
 * SIGINT, SIGTERM or SIGHUP, and the source was told; what an exchange may return. */
int hf_libvirt_receive(int in, int out, const char *version, unsigned timeout_s, struct hf_error *err);

#endif
