/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault-tolerant writes: how firmware survives a power cut while it rewrites the variable region.
 *
 *   allocate a write header, a record        (working block)
 *   erase the spare area, copy the new blocks there
 *   SpareComplete          <- from here on the truth is in the spare area
 *   erase the target blocks, copy the spare area there
 *   DestinationComplete    <- from here on the target is whole
 *   Complete, put back what the spare area held
 *
 * Between the two middle marks the variable region may hold anything; firmware copies the spare area over it at its
 * next start, and so must everybody who reads the store before that.
 */
#ifndef HF_FTW_H
#define HF_FTW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/endian.h>
#include <holdfast/flash_image.h>

struct hf_ftw_work_header {
    struct hf_guid signature;
    hf_le32 crc; /* over this header with crc and state all ones */
    uint8_t state[4];
    hf_le64 queue_size;
};
_Static_assert(sizeof(struct hf_ftw_work_header) == 32, "EFI_FAULT_TOLERANT_WORKING_BLOCK_HEADER");

struct hf_ftw_write_header {
    uint8_t flags; /* a bit that is 0 is set: allocated, writes allocated, complete */
    uint8_t pad[3];
    struct hf_guid caller;
    uint8_t pad2[4];
    hf_le64 writes, private_size;
};
_Static_assert(sizeof(struct hf_ftw_write_header) == 40, "EFI_FAULT_TOLERANT_WRITE_HEADER");
_Static_assert(offsetof(struct hf_ftw_write_header, writes) == 24, "natural alignment of a UINT64");

struct hf_ftw_record {
    uint8_t flags; /* boot block, spare complete, destination complete */
    uint8_t pad[7];
    hf_le64 lba, offset, length, relative; /* relative: target minus spare area, signed */
};
_Static_assert(sizeof(struct hf_ftw_record) == 40, "EFI_FAULT_TOLERANT_WRITE_RECORD");

enum { HF_FTW_ALLOCATED = 1, HF_FTW_WRITES = 2, HF_FTW_COMPLETE = 4 };
enum { HF_FTW_BOOT_BLOCK = 1, HF_FTW_SPARE_DONE = 2, HF_FTW_TARGET_DONE = 4 };

extern const struct hf_guid hf_guid_ftw;

struct hf_ftw {
    bool valid;            /* the working block's header is good; else firmware starts a new one */
    bool pending;          /* the spare area replaces image[target .. target + length) */
    size_t target, length; /* in whole blocks */
    const char *problem;   /* a write is pending, but its record makes no sense; NULL otherwise */
};

/* Looks at the working block of a bank with this layout; `size` must be at least the layout's volume. */
void hf_ftw_read(const uint8_t *bytes, size_t size, const struct hf_layout_info *layout, struct hf_ftw *ftw);

/* Copies the spare area into place and empties the queue, as firmware does at its next start. `ftw` must be pending. */
void hf_ftw_replay(uint8_t *bytes, const struct hf_layout_info *layout, const struct hf_ftw *ftw);

/* Writes an empty working block and an erased spare area. */
void hf_ftw_format(uint8_t *bytes, const struct hf_layout_info *layout);

#endif
