/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the guest's variables make its firmware run signed code only. */
#ifndef HF_SECURE_BOOT_H
#define HF_SECURE_BOOT_H

#include "variables.h"

/* Keys are enrolled (a PK) and the switch of the firmware's menu is not off. Variables that cannot be read enforce
 * nothing: firmware formats them. */
bool hf_secure_boot_enforced(const struct hf_variables *v);

#endif
