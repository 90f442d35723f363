/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A boot of the guest's own firmware, in a machine of the guest's shape with disks of zeros, until it first tries to
 * boot something: it reads a disk, or says so on its debug console (SeaBIOS). What it does afterwards is not waited
 * for.
 */
#ifndef HF_PROBE_BOOT_H
#define HF_PROBE_BOOT_H

#include "probe_machine.h"
#include "probe_rules.h"

/* `machine` has files for its banks; the variables are written. *ret says how it went: that the firmware does not get
 * there in `limit_ms` is no error, nor that QEMU ends (ret->why, in `words`). HF_ENOTFOUND, HF_EIO, HF_ENOMEM. */
int hf_probe_boot(const struct hf_probe_machine *machine, unsigned limit_ms, struct hf_boot_try *ret, char words[192],
                  struct hf_error *err);

#endif
