/* SPDX-License-Identifier: BSD-2-Clause */
/* Preflight of a domain's move, with what the destination says of itself. */
#ifndef HF_DESTINATION_CHECK_H
#define HF_DESTINATION_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "container.h"
#include "domain_probe.h"

/* HF_EREFUSED with a rule of docs/preflight.md, its words and the remedy: now or at the next reset the guest would not
 * live there. HF_EPROTO: that is no description. *probed: what the QEMUs of both hosts show was compared. */
int hf_destination_check(struct hf_container *c, const struct hf_domain_probe *probe, const char *caps, size_t size,
                         bool *probed, struct hf_error *err);

#endif
