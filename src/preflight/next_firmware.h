/* SPDX-License-Identifier: BSD-2-Clause */
/* Which firmware a guest runs at its first boot after a move, and why. Pure. */
#ifndef HF_NEXT_FIRMWARE_H
#define HF_NEXT_FIRMWARE_H

#include "preflight.h"

/* Fills `firmware`, `code_digest`, `firmware_there` and `firmware_why` of `*v`, whose `qemu` is chosen already. */
void hf_next_firmware(const struct hf_guest_needs *guest, const struct hf_host_caps *host, struct hf_verdict *v);

#endif
