/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI linker/loader script: the bytes of the fw_cfg file etc/table-loader.
 *
 * A script is a row of 128-byte commands, little-endian throughout. It tells firmware which fw_cfg files to load, where
 * they may lie, which fields of them hold addresses of others, which bytes are checksums, and which addresses the host
 * wants to be told. Producers pad it with zero bytes; a command word of zero is never a command.
 *
 * A *bundle* is a script together with the files it may name: what one guest's fw_cfg device shows to its firmware.
 * Freestanding; nothing here allocates. A bundle borrows all it points to.
 */
#ifndef HOLDFAST_ACPI_SCRIPT_H
#define HOLDFAST_ACPI_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/endian.h>
#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_ACPI_SCRIPT_FILE  "etc/table-loader"
#define HF_ACPI_NAME_SIZE    56u      /* with the NUL, which must be there */
#define HF_ACPI_SCRIPT_MAX   0x10000  /* bytes; QEMU's own limit: 512 commands */
#define HF_ACPI_FILE_MAX     0x400000 /* bytes of one file; QEMU stops at 2 MiB */
#define HF_ACPI_FILES_MAX    512      /* files in one bundle */
#define HF_ACPI_TABLE_HEADER 36u      /* bytes of the header that all tables but FACS begin with */

enum hf_acpi_command {
    HF_ACPI_PADDING = 0,
    HF_ACPI_ALLOCATE = 1,
    HF_ACPI_ADD_POINTER = 2,
    HF_ACPI_ADD_CHECKSUM = 3,
    HF_ACPI_WRITE_POINTER = 4,
};

/* The zone byte of ALLOCATE. 1 and 2 are the baseline that everyone knows; the rest needs an agreement. */
enum hf_acpi_zone {
    HF_ACPI_ZONE_HIGH = 1,  /* below 4 GiB */
    HF_ACPI_ZONE_FSEG = 2,  /* 0xf0000 to 0xfffff, where the RSDP is looked for */
    HF_ACPI_ZONE_64BIT = 3, /* anywhere; needs HF_ACPI_FEATURE_64BIT */
};
#define HF_ACPI_CONTENT_NOACPI 0x80u /* or-ed in: the file holds no ACPI table; needs HF_ACPI_FEATURE_NOACPI */

/* The negotiated domain `acpi-loader`, version 1, and its bits. */
#define HF_ACPI_DOMAIN         "acpi-loader"
#define HF_ACPI_DOMAIN_VERSION 1
#define HF_ACPI_FEATURE_64BIT  (UINT64_C(1) << 0)
#define HF_ACPI_FEATURE_NOACPI (UINT64_C(1) << 1)
#define HF_ACPI_FEATURES       (HF_ACPI_FEATURE_64BIT | HF_ACPI_FEATURE_NOACPI)

struct hf_acpi_record {
    hf_le32 command;
    union {
        struct {
            char file[HF_ACPI_NAME_SIZE];
            hf_le32 align; /* a power of two; at most 4096 for OVMF */
            uint8_t zone;
        } allocate;
        struct {
            char dest[HF_ACPI_NAME_SIZE]; /* holds the field */
            char src[HF_ACPI_NAME_SIZE];  /* its address is added to the field */
            hf_le32 offset;
            uint8_t size; /* 1, 2, 4 or 8 */
        } pointer;
        struct {
            char file[HF_ACPI_NAME_SIZE];
            hf_le32 result; /* must be zero in the file */
            hf_le32 start;
            hf_le32 length;
        } checksum;
        struct {
            char dest[HF_ACPI_NAME_SIZE]; /* a writable fw_cfg file, never loaded */
            char src[HF_ACPI_NAME_SIZE];
            hf_le32 dest_offset;
            hf_le32 src_offset;
            uint8_t size;
        } write;
        uint8_t bytes[124];
    } u;
};
_Static_assert(sizeof(struct hf_acpi_record) == 128, "a command is 128 bytes");
_Static_assert(offsetof(struct hf_acpi_record, u.allocate.align) == 60, "ALLOCATE: align");
_Static_assert(offsetof(struct hf_acpi_record, u.allocate.zone) == 64, "ALLOCATE: zone");
_Static_assert(offsetof(struct hf_acpi_record, u.pointer.src) == 60, "ADD_POINTER: source");
_Static_assert(offsetof(struct hf_acpi_record, u.pointer.offset) == 116, "ADD_POINTER: offset");
_Static_assert(offsetof(struct hf_acpi_record, u.pointer.size) == 120, "ADD_POINTER: size");
_Static_assert(offsetof(struct hf_acpi_record, u.checksum.result) == 60, "ADD_CHECKSUM: result");
_Static_assert(offsetof(struct hf_acpi_record, u.checksum.start) == 64, "ADD_CHECKSUM: start");
_Static_assert(offsetof(struct hf_acpi_record, u.checksum.length) == 68, "ADD_CHECKSUM: length");
_Static_assert(offsetof(struct hf_acpi_record, u.write.dest_offset) == 116, "WRITE_POINTER: destination offset");
_Static_assert(offsetof(struct hf_acpi_record, u.write.src_offset) == 120, "WRITE_POINTER: source offset");
_Static_assert(offsetof(struct hf_acpi_record, u.write.size) == 124, "WRITE_POINTER: size");

/* One fw_cfg file. Its place in the bundle's array is its place in the fw_cfg directory (qboot cares). */
struct hf_acpi_file {
    const char *name;
    const uint8_t *bytes;
    size_t size;
    bool writable; /* may be the destination of WRITE_POINTER */
};

struct hf_acpi_bundle {
    const uint8_t *script;
    size_t script_size;
    const struct hf_acpi_file *files;
    size_t count;
};

#define HF_ACPI_NO_FILE (-1)
#define HF_ACPI_NO_NAME (-2) /* the name in the command is not NUL terminated */

/* A command with its names looked up: `dest` and `src` index the bundle's files, or are one of the two above. Fields
 * that the command does not have are zero (files: HF_ACPI_NO_FILE). ALLOCATE and ADD_CHECKSUM use `dest`. */
struct hf_acpi_cmd {
    uint32_t command;
    int32_t dest, src;
    uint32_t offset;     /* of the field or of the result byte */
    uint32_t src_offset; /* WRITE_POINTER */
    uint32_t start, length;
    uint32_t align;
    uint8_t zone, size;
};

/* Whole commands in the script; a trailing part of one is not counted. */
static inline size_t hf_acpi_command_count(const struct hf_acpi_bundle *b)
{
    return b->script_size / sizeof(struct hf_acpi_record);
}

/* The command at `index`, which must be below hf_acpi_command_count(). */
HF_PUBLIC struct hf_acpi_cmd hf_acpi_decode(const struct hf_acpi_bundle *b, size_t index);

/* Checks the sizes and counts of a bundle against the limits above. HF_EREFUSED (rule "limits"). */
HF_PUBLIC int hf_acpi_bundle_check(const struct hf_acpi_bundle *b, struct hf_error *err);

/* Files that came without their rights: marks those of `files` (the bundle's own array) as writable that addresses are
 * told through, or the script would make no sense. */
HF_PUBLIC void hf_acpi_assume_writable(const struct hf_acpi_bundle *b, struct hf_acpi_file *files);

/* One line that says what the command at `index` does, with the signatures of the tables it touches:
 * "ADD_POINTER etc/acpi/tables+0x2c (FACP) 4 bytes -> etc/acpi/tables+0x40 (DSDT)". Returns its length. A line that
 * does not fit is cut with "..."; 256 bytes are enough for every command. */
HF_PUBLIC size_t hf_acpi_show(const struct hf_acpi_bundle *b, size_t index, char *buf, size_t size);

/* "HIGH", "FSEG", "64BIT" with or without ", no ACPI"; "unknown (0x..)". Writes at most `size` bytes. */
HF_PUBLIC size_t hf_acpi_zone_text(uint8_t zone, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
