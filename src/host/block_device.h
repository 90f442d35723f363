/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variable stores on block devices: managers keep them on volumes (LVM, ZFS, RBD), which are longer than the store.
 * What lies behind the store is nobody's and stays as it is.
 */
#ifndef HF_BLOCK_DEVICE_H
#define HF_BLOCK_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

bool hf_block_device_is(const char *path);

/* The store at the device's beginning, without what follows it; allocated. HF_EREFUSED "file": another thing is there.
 */
int hf_block_store_read(const char *path, uint8_t **bytes, uint64_t *size, struct hf_error *err);

/* Writes the pieces in which `now` differs from `was`, synced when it returns. A device has no second name, so an
 * interrupted write leaves a mixture: the caller keeps `was` in a file before. HF_EREFUSED "changed": the device does
 * not begin with `was`; "in-use": it is mounted or a QEMU has it open. */
int hf_block_store_write(const char *path, const uint8_t *was, const uint8_t *now, uint64_t size, struct hf_error *err);

#endif
