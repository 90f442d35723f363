/* SPDX-License-Identifier: BSD-2-Clause */
/* `migrate` of a guest that `run` (or `receive --run`) runs: its supervisor does the work, this asks for it. */
#ifndef HF_LIVE_MIGRATE_H
#define HF_LIVE_MIGRATE_H

#include "peer_probe.h"
#include "verb.h"

/* 1: a supervisor that can be asked runs the guest of this container; *control is connected to it. 0: nobody runs it.
 * HF_EOWNED: somebody runs it who cannot be asked (a manager's server). */
int hf_live_find(const char *container, int *control, struct hf_error *err);

/* Asks it to move the guest over the connection (both descriptors are taken), tells how that goes, and returns how it
 * ended. Takes `control`. A side that is silent for `timeout_s` is given up. An interrupt calls the move off where
 * that is still possible; another one leaves the supervisor to it. The invocation's tail is what QEMU gets over there,
 * when there is one; `probe` is what this host's QEMU shows. *granted (with an error): given away, and no answer came;
 * the same again asks.
 */
int hf_live_migrate(struct hf_invocation *inv, int control, int in, int out, unsigned timeout_s,
                    const struct hf_peer_probe *probe, bool *granted, struct hf_error *err);

/* Waits between two of these; false: interrupted. */
bool hf_live_pause(unsigned seconds);

#endif
