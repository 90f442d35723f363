/* SPDX-License-Identifier: BSD-2-Clause */
/* The partitions of a disk image (GUID partition table, UEFI specification 2.10, 5.3). Pure; the image is hostile. */
#ifndef HF_GPT_H
#define HF_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>
#include <holdfast/guid.h>

#define HF_GPT_HEAD (1u << 20) /* bytes of the image's beginning in which header and entries are looked for */

struct hf_gpt {
    uint32_t sector_size; /* 512 or 4096 */
    uint64_t sectors;     /* of the whole image */
    const uint8_t *entries;
    uint32_t entry_size, count;
};

struct hf_gpt_partition {
    uint32_t number; /* from 1 */
    struct hf_guid type, id;
    uint64_t first, sectors;
};

extern const struct hf_guid hf_gpt_esp; /* EFI System Partition */

/* `head`: the first bytes of an image of `image_size` bytes; the entries lie in them. HF_EDAMAGED: no such table, or a
 * checksum or size is wrong; the text names the field. */
int hf_gpt_read(const void *head, size_t size, uint64_t image_size, struct hf_gpt *ret, struct hf_error *err);

/* The next partition that is used, from `*at` (0 to begin); false at the end. One that lies outside the image is not
 * used. */
bool hf_gpt_next(const struct hf_gpt *gpt, uint32_t *at, struct hf_gpt_partition *ret);

/* The partition with this number; 0: the one EFI System Partition. HF_ENOTFOUND; HF_EUSAGE: there are several. */
int hf_gpt_find(const struct hf_gpt *gpt, uint32_t number, struct hf_gpt_partition *ret, struct hf_error *err);

#endif
