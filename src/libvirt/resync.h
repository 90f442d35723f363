/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After the server of a running domain's variables died, where libvirt knows no <reconnect> (before 9.1 or so).
 *
 * QEMU then fails every flash write in between, and the first one after, and the guest cannot notice: the store would
 * have a hole. So nothing is served again until the guest is paused:
 *
 *      pause the guest -> start the server -> make QEMU connect -> take the bank from the guest's memory, in one
 *      commit -> let the guest go on
 *
 * Until the commit the container holds what was written before the server died, afterwards all of it.
 */
#ifndef HF_RESYNC_H
#define HF_RESYNC_H

#include <holdfast/error.h>

/* Runs in a process of its own beside the guard, which it asks for the server and hands the bank to, or tells that the
 * domain does not run any more. HF_EPROTO: its memory at that place does not look like variables. */
int hf_libvirt_resync(const char *uuid, struct hf_error *err);

#endif
