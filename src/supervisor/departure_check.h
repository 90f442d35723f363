/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the guest that runs may leave for a host: preflight, with what QEMU itself says of the guest now. */
#ifndef HF_DEPARTURE_CHECK_H
#define HF_DEPARTURE_CHECK_H

#include "exchange.h"
#include "run.h"

/* Whether QEMU emulates the guest's processors, as it says itself. */
int hf_departure_is_emulated(struct hf_run *run, bool *emulated, struct hf_error *err);

/* hf_peer_check() of the guest that runs under QEMU `vmm` (major.minor); `here` is this host's probe, or NULL.
 * *findings, the caller's reference, has them all, the mere notes too; NULL: it was not judged. */
int hf_departure_check(struct hf_run *run, const char *vmm, const struct hf_exchange_peer *peer, const json_t *here,
                       json_t **findings, bool *probed, struct hf_error *err);

#endif
