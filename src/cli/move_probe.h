/* SPDX-License-Identifier: BSD-2-Clause */
/* The probe of `migrate`: what this host's QEMU shows, before anybody is asked; and what is said where none is
 * compared. */
#ifndef HF_MOVE_PROBE_H
#define HF_MOVE_PROBE_H

#include "exchange.h"
#include "peer_probe.h"
#include "verb.h"

/* Tells why not where nothing can be probed. A container that is given away is not probed: its move only asks. */
int hf_move_probe_begin(const struct hf_invocation *inv, struct hf_container *c, bool running,
                        struct hf_peer_probe *ret, struct hf_error *err);

/* Tells that the destination, of an older version, did not probe. */
void hf_move_probe_missed(const struct hf_invocation *inv, const char *host);

/* What is sent along with the introduction: NULL, or an object, the caller's reference. */
json_t *hf_move_probe_extra(const struct hf_peer_probe *probe);

#endif
