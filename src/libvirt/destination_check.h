/* SPDX-License-Identifier: BSD-2-Clause */
/* Preflight of a domain's move, with what the destination says of itself. */
#ifndef HF_DESTINATION_CHECK_H
#define HF_DESTINATION_CHECK_H

#include <stdbool.h>

#include "container.h"
#include "domain_probe.h"
#include "exchange.h"

/* hf_peer_check() with what the probe saw of the domain. */
int hf_destination_check(struct hf_container *c, struct hf_domain_probe *probe, const struct hf_exchange_peer *peer,
                         bool *probed, struct hf_error *err);

#endif
