/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to adopt and clone: the commit of both. */
#ifndef HF_ADOPT_DEFINE_H
#define HF_ADOPT_DEFINE_H

#include "adoption.h"
#include "domain_access.h"

/* Defines the domain anew with its firmware at this adoption's published file and socket, and saves the adoption. */
int hf_adopt_define(struct hf_domain_access *access, struct hf_adoption *adoption, bool has_vars, struct hf_error *err);

#endif
