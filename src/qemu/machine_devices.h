/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of devices that a machine has, QEMU's names for them, each once; and for a controller with a drive on it
 * also its name with "/drive" behind: "ich9-ahci ich9-ahci/drive ide-cd virtio-blk-pci ". QEMU's answers are hostile:
 * a name that is none is passed over, and what does not fit makes the whole list unknown.
 */
#ifndef HF_MACHINE_DEVICES_H
#define HF_MACHINE_DEVICES_H

#include "monitor.h"

/* Fills `list`, a space after each name; "" when it would not fit. HF_EPROTO, and what the monitor fails with. */
int hf_machine_devices(struct hf_monitor *m, char *list, size_t size, struct hf_error *err);

#endif
