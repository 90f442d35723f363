/* SPDX-License-Identifier: BSD-2-Clause */
/* --all and --match: one verb for many adopted domains of qemu:///system, each with its own outcome. */
#ifndef HF_EACH_DOMAIN_H
#define HF_EACH_DOMAIN_H

#include "verb.h"

/* Runs the verb for each domain, by name, with its container as the first operand: for people a line for each. One that
 * fails does not keep the others from being done. Returns the highest exit status of all; HF_ENOTFOUND when no adopted
 * domain matches. */
int hf_each_domain(struct hf_invocation *inv, struct hf_error *err);

#endif
