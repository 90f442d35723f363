/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores inside qcow2 images, which Fedora, RHEL and SUSE ship nothing else than. The format is QEMU's, and so is the
 * program that reads and writes it: qemu-img, over memory, never over a path that the image names.
 */
#ifndef HF_QCOW2_H
#define HF_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

bool hf_qcow2_is(const void *bytes, size_t size);

/* By the header alone: whether it is complete in itself and at most `max` bytes long inside. HF_EDAMAGED; HF_EREFUSED
 * "qcow2": a backing file, a data file, encryption, too long; HF_EVERSION. */
int hf_qcow2_check(const void *bytes, size_t size, uint64_t max, uint64_t *inside, struct hf_error *err);

/* hf_qcow2_check(), then the bytes inside; allocated. HF_ENOTFOUND: qemu-img is not installed. HF_EDAMAGED: it cannot
 * read the image; the text is its own. */
int hf_qcow2_unpack(const void *bytes, size_t size, uint64_t max, uint8_t **raw, uint64_t *raw_size,
                    struct hf_error *err);

/* hf_file_read(), and what is inside of a qcow2 image; *packed (may be NULL) says which. Of a block device, the store
 * at its beginning (block_device.h). */
int hf_bank_file_read(const char *path, uint64_t max, uint8_t **bytes, uint64_t *size, bool *packed,
                      struct hf_error *err);

/* The other way. */
int hf_qcow2_pack(const void *raw, size_t raw_size, uint8_t **bytes, uint64_t *size, struct hf_error *err);

#endif
