/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that sees through libvirt what becomes of a domain, for its guard, while a boot matters: a trial is under
 * way, or something is staged.
 *
 *      libvirt --- events ---> witness --- watching, beat, saw ---> guard
 *                                      <------- orders ------------
 *
 * The guard starts it before QEMU runs and again when it is gone; it ends by itself once nothing has to be watched. A
 * boot counts as failed only where a witness saw it (trial.h).
 *
 * Where other firmware waits, or would come back, a reset of the guest is followed by the domain's end and its start:
 * to libvirt a power cycle. The guest has ended by itself then. It is paused in its first moments after the reset;
 * where that came late, nothing is ended: it may have begun to write its disks. libvirt's <on_reboot> is left as it is,
 * since with `destroy` there libvirt makes virDomainReboot() a power-off.
 */
#ifndef HF_WITNESS_H
#define HF_WITNESS_H

#include <holdfast/error.h>

/* Returns when the guard says that nothing is left to watch, or is gone. Logs what goes wrong with the domain. */
int hf_witness_run(const char *uuid, struct hf_error *err);

#endif
