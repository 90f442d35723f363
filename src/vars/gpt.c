/* SPDX-License-Identifier: BSD-2-Clause */
#include "gpt.h"

#include <string.h>

#include "crc32.h"
#include "cursor.h"

enum { HEADER = 92, ENTRY = 128, ENTRY_MAX = 4096, ENTRIES_MAX = 1024 };

const struct hf_guid hf_gpt_esp = HF_GUID(0xc12a7328, 0xf81f, 0x11d2, 0xba4b, 0x00a0c93ec93b);

struct header {
    uint8_t signature[8];
    hf_le32 revision, size, crc, reserved;
    hf_le64 own, other, first, last;
    struct hf_guid disk;
    hf_le64 entries;
    hf_le32 count, entry_size, entries_crc;
};
_Static_assert(sizeof(struct header) == HEADER, "GPT header");

static bool header_at(struct hf_cursor head, uint32_t sector_size, struct header *ret)
{
    const uint8_t *bytes;

    hf_cursor_seek(&head, sector_size);
    bytes = hf_cursor_take(&head, HEADER);
    if (!bytes || memcmp(bytes, "EFI PART", 8) != 0)
        return false;
    memcpy(ret, bytes, HEADER);
    return true;
}

static int check_header(struct hf_cursor head, uint32_t sector_size, const struct header *h, struct hf_error *err)
{
    uint32_t size = hf_le32_get(h->size), entry = hf_le32_get(h->entry_size), count = hf_le32_get(h->count), crc;
    uint8_t copy[4096];
    const uint8_t *bytes;

    if (size < HEADER || size > sector_size)
        return hf_error_set(err, HF_EDAMAGED, "partition table: a header of %u bytes; it has 92 to %u", size,
                            sector_size);
    hf_cursor_seek(&head, sector_size);
    bytes = hf_cursor_take(&head, size);
    if (!bytes)
        return hf_error_set(err, HF_EDAMAGED, "partition table: truncated header");
    memcpy(copy, bytes, size);
    memset(copy + offsetof(struct header, crc), 0, sizeof h->crc);
    crc = hf_crc32(0, copy, size);
    if (crc != hf_le32_get(h->crc))
        return hf_error_set(err, HF_EDAMAGED, "partition table: header checksum 0x%08x; its bytes give 0x%08x",
                            hf_le32_get(h->crc), crc);
    if (hf_le64_get(h->own) != 1)
        return hf_error_set(err, HF_EDAMAGED, "partition table: the header says it is at block %llu; it is at 1",
                            (unsigned long long)hf_le64_get(h->own));
    if (entry < ENTRY || entry > ENTRY_MAX || entry % 8 || count == 0 || count > ENTRIES_MAX)
        return hf_error_set(err, HF_EDAMAGED,
                            "partition table: %u entries of %u bytes; at most %d of %d to %d are supported", count,
                            entry, ENTRIES_MAX, ENTRY, ENTRY_MAX);
    return 0;
}

static int take_entries(struct hf_cursor head, uint32_t sector_size, const struct header *h, const uint8_t **entries,
                        struct hf_error *err)
{
    uint64_t block = hf_le64_get(h->entries);
    uint32_t bytes = hf_le32_get(h->entry_size) * hf_le32_get(h->count), crc;
    const uint8_t *found;

    if (block > head.size / sector_size)
        head.bad = true;
    else
        hf_cursor_seek(&head, block * sector_size);
    found = hf_cursor_take(&head, bytes);
    if (!found)
        return hf_error_set(err, HF_EDAMAGED,
                            "partition table: its %u bytes of entries are not in the first %zu bytes of the image",
                            bytes, head.size);
    crc = hf_crc32(0, found, bytes);
    if (crc != hf_le32_get(h->entries_crc))
        return hf_error_set(err, HF_EDAMAGED,
                            "partition table: checksum of the entries 0x%08x; their bytes give 0x%08x",
                            hf_le32_get(h->entries_crc), crc);
    *entries = found;
    return 0;
}

int hf_gpt_read(const void *head, size_t size, uint64_t image_size, struct hf_gpt *ret, struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(head, size);
    uint32_t sector_size = 512;
    struct header h;
    int r;

    if (!header_at(c, sector_size, &h)) {
        sector_size = 4096;
        if (!header_at(c, sector_size, &h))
            return hf_error_set(err, HF_EDAMAGED, "no GUID partition table: 'EFI PART' not found at block 1");
    }
    r = check_header(c, sector_size, &h, err);
    if (r < 0)
        return r;
    struct hf_gpt gpt = {.sector_size = sector_size,
                         .sectors = image_size / sector_size,
                         .entry_size = hf_le32_get(h.entry_size),
                         .count = hf_le32_get(h.count)};
    r = take_entries(c, sector_size, &h, &gpt.entries, err);
    if (r == 0)
        *ret = gpt;
    return r;
}

bool hf_gpt_next(const struct hf_gpt *gpt, uint32_t *at, struct hf_gpt_partition *ret)
{
    static const struct hf_guid unused;

    while (*at < gpt->count) {
        struct hf_cursor c = hf_cursor_of(gpt->entries + (size_t)*at * gpt->entry_size, gpt->entry_size);
        struct hf_gpt_partition p = {.number = ++*at};
        uint64_t last;

        hf_cursor_copy(&c, &p.type, sizeof p.type);
        hf_cursor_copy(&c, &p.id, sizeof p.id);
        p.first = hf_cursor_le64(&c);
        last = hf_cursor_le64(&c);
        if (hf_guid_equal(&p.type, &unused) || p.first > last || last >= gpt->sectors)
            continue;
        p.sectors = last - p.first + 1;
        *ret = p;
        return true;
    }
    return false;
}

int hf_gpt_find(const struct hf_gpt *gpt, uint32_t number, struct hf_gpt_partition *ret, struct hf_error *err)
{
    struct hf_gpt_partition p, found;
    unsigned n = 0;

    for (uint32_t at = 0; hf_gpt_next(gpt, &at, &p);)
        if (number ? p.number == number : hf_guid_equal(&p.type, &hf_gpt_esp)) {
            found = p;
            n++;
        }
    if (n == 0 && number)
        return hf_error_set(err, HF_ENOTFOUND, "partition %u: not found", number);
    if (n == 0)
        return hf_error_set(err, HF_ENOTFOUND, "EFI System Partition: not found; --partition N takes another one");
    if (n > 1)
        return hf_error_set(err, HF_EUSAGE, "%u EFI System Partitions; say which with --partition N", n);
    *ret = found;
    return 0;
}
