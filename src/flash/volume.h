/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware volumes, their files and the files' sections (Platform Initialization specification, volume 3).
 *
 * Every walk is over bytes that may be cut short: what does not fit ends the walk. Offsets count from the bytes given.
 */
#ifndef HF_VOLUME_H
#define HF_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/endian.h>
#include <holdfast/guid.h>

/* The header on flash, with one run of the block map and its terminator: what edk2 writes. */
struct hf_volume_header {
    uint8_t zero[16];
    struct hf_guid filesystem;
    hf_le64 length;
    uint8_t signature[4]; /* "_FVH" */
    hf_le32 attributes;
    hf_le16 header_length;
    hf_le16 checksum; /* the header's 16-bit words add up to 0 */
    hf_le16 ext_header;
    uint8_t reserved;
    uint8_t revision;
    hf_le32 block_count, block_size, end_count, end_size;
};
_Static_assert(sizeof(struct hf_volume_header) == 0x48, "EFI_FIRMWARE_VOLUME_HEADER with one run");
_Static_assert(offsetof(struct hf_volume_header, checksum) == 50, "PI 1.7 vol. 3, 3.2.1.1");

struct hf_volume {
    struct hf_guid filesystem, name;
    uint64_t length;
    size_t header_length, files_at;
    uint32_t attributes, block_count, block_size;
    uint8_t revision;
    bool checksum_ok;
};

struct hf_ffs_file {
    struct hf_guid name;
    uint8_t type;
    size_t offset, body, end; /* of the header, of the contents, past the contents */
};

struct hf_section {
    uint8_t type;
    size_t body, end;
    struct hf_guid guid; /* of a GUID-defined section; its data starts at `body` */
};

enum { HF_FFS_SEC_CORE = 0x03, HF_FFS_DXE_CORE = 0x05, HF_FFS_VOLUME = 0x0B };
enum { HF_SECTION_GUIDED = 0x02, HF_SECTION_PE32 = 0x10, HF_SECTION_TE = 0x12, HF_SECTION_VOLUME = 0x17 };

extern const struct hf_guid hf_guid_nvdata, hf_guid_ffs2, hf_guid_ffs3, hf_guid_lzma;

/* False when no volume header starts at bytes[0]. The volume may be longer than the bytes. */
bool hf_volume_open(const uint8_t *bytes, size_t size, struct hf_volume *volume);

/* The file at or after *at (start with volume->files_at); moves *at past it. */
bool hf_volume_next(const uint8_t *bytes, size_t size, const struct hf_volume *volume, size_t *at,
                    struct hf_ffs_file *file);

/* The section at or after *at, before `end`; sections are aligned to 4 from `start`. */
bool hf_section_next(const uint8_t *bytes, size_t start, size_t end, size_t *at, struct hf_section *section);

/* The machine field of the PE or TE image in a file's sections; 0 when there is none. */
uint16_t hf_section_machine(const uint8_t *bytes, size_t body, size_t end);

#endif
