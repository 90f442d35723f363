/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk image's partition table: every partition that is told lies in the image. The first 8 bytes are the image's
 * size; the checksums are made right, so that what is behind them is reached. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "crc32.h"
#include "gpt.h"

static void look(const uint8_t *head, size_t size, uint64_t image_size)
{
    struct hf_gpt_partition p;
    struct hf_gpt gpt;

    if (hf_gpt_read(head, size, image_size, &gpt, NULL) < 0)
        return;
    for (uint32_t at = 0; hf_gpt_next(&gpt, &at, &p);) {
        MUST(p.number >= 1 && p.number <= gpt.count);
        MUST(p.sectors && p.first < gpt.sectors && p.sectors <= gpt.sectors - p.first);
    }
    (void)hf_gpt_find(&gpt, 0, &p, NULL);
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void mend(uint8_t *head, size_t size, size_t sector)
{
    uint8_t *h = head + sector;
    uint64_t entries, bytes;
    uint32_t crc;

    if (size < sector + 92)
        return;
    entries = (uint64_t)u32_at(h + 72) * sector;
    bytes = (uint64_t)u32_at(h + 80) * u32_at(h + 84);
    if (entries <= size && bytes <= size - entries) {
        crc = hf_crc32(0, head + entries, (size_t)bytes);
        memcpy(h + 88, &crc, 4);
    }
    memset(h + 16, 0, 4);
    if (u32_at(h + 12) <= size - sector) {
        crc = hf_crc32(0, h, u32_at(h + 12));
        memcpy(h + 16, &crc, 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint64_t image_size;
    uint8_t *head;

    if (size < sizeof image_size)
        return 0;
    memcpy(&image_size, bytes, sizeof image_size);
    bytes += sizeof image_size;
    size -= sizeof image_size;
    look(bytes, size, image_size);
    head = (uint8_t *)malloc(size + 1);
    if (!head)
        return 0;
    memcpy(head, bytes, size);
    mend(head, size, 512);
    look(head, size, image_size);
    free(head);
    return 0;
}
