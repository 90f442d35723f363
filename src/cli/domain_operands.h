/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libvirt:NAME in place of a container's path: the container of that adopted domain (its name or UUID) of
 * qemu:///system. A file of such a name is ./libvirt:NAME. Which operands are containers follows from the verb's
 * synopsis (G.hold).
 */
#ifndef HF_DOMAIN_OPERANDS_H
#define HF_DOMAIN_OPERANDS_H

#include "verb.h"

#define HF_DOMAIN_PREFIX "libvirt:"

/* Whether operand `n`, from 0, is a container by the synopsis. */
bool hf_takes_container(const struct hf_verb *verb, int n);

/* Puts paths in place of domain names. HF_ENOTFOUND: no such domain, or not adopted. HF_EUSAGE: no name behind the
 * prefix. */
int hf_domain_operands(struct hf_invocation *inv, struct hf_error *err);

#endif
