/* SPDX-License-Identifier: BSD-2-Clause */
/* How libvirt started a domain's QEMU, by QEMU's own command line. */
#ifndef HF_QEMU_START_H
#define HF_QEMU_START_H

#include <stdbool.h>

/* It was started with -incoming: the guest goes on from a saved state, a snapshot with memory or another host, whatever
 * libvirt's verb for it is. False also when that cannot be told. */
bool hf_qemu_awaits_state(const char *domain);

#endif
