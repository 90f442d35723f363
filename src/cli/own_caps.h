/* SPDX-License-Identifier: BSD-2-Clause */
/* This host as other hosts see it: what `holdfast caps` prints and `holdfast receive` tells its peer. */
#ifndef HF_OWN_CAPS_H
#define HF_OWN_CAPS_H

#include "verb.h"

/* With the QEMUs of the repeatable option --qemu, or the usual ones; `directory` is where containers lie. The caller's
 * reference. */
int hf_own_caps(const struct hf_invocation *inv, const char *directory, json_t **ret, struct hf_error *err);

#endif
