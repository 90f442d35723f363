/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_tables.h"

#include <stdio.h>
#include <string.h>

#include <holdfast/acpi_build.h>

/*
 * The table as bytes: a device without resources, so that no operating system takes the window away from the PCI device
 * that it belongs to.
 *
 *   DefinitionBlock ("", "SSDT", 2, "HOLDFS", "MAILBOX ", 1)
 *   {
 *       Scope (\_SB)
 *       {
 *           Device (HFMB)
 *           {
 *               Name (_HID, "HFMB0001")
 *               Name (_STA, 0x0B)
 *               Name (_DSD, Package ()
 *               {
 *                   ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),     // device properties
 *                   Package ()
 *                   {
 *                       Package () {"holdfast,pci-address", "0000:00:SS.F"},
 *                       Package () {"holdfast,log", QWORD},              // linked by the script
 *                       Package () {"holdfast,log-offset", DWORD},       // to be added: a suppressor is before it
 *                       Package () {"holdfast,log-size", DWORD},
 *                   }
 *               })
 *           }
 *       }
 *   }
 *
 * Each length counts from its own first byte to the end of what it holds.
 */
struct ssdt {
    uint8_t header[36];
    uint8_t scope[8];
    uint8_t device[8];
    uint8_t hid[15];
    uint8_t sta[7];
    uint8_t dsd[9];
    uint8_t uuid[20];
    uint8_t list[4];
    uint8_t address_name[26];
    uint8_t address[13];
    uint8_t log_name[18];
    hf_le64 log;
    uint8_t offset_name[25];
    hf_le32 offset;
    uint8_t size_name[23];
    hf_le32 size;
};
_Static_assert(sizeof(struct ssdt) == 0xe4, "the lengths below are of this table");

static const struct ssdt table = {
    .header = "SSDT\344\0\0\0\002\0HOLDFSMAILBOX \001\0\0\0HFST\001\0\0",
    .scope = {0x10, 0x4f, 0x0b, '\\', '_', 'S', 'B', '_'},
    .device = {0x5b, 0x82, 0x46, 0x0b, 'H', 'F', 'M', 'B'},
    .hid = {0x08, '_', 'H', 'I', 'D', 0x0d, 'H', 'F', 'M', 'B', '0', '0', '0', '1', 0},
    .sta = {0x08, '_', 'S', 'T', 'A', 0x0a, 0x0b},
    .dsd = {0x08, '_', 'D', 'S', 'D', 0x12, 0x44, 0x09, 2},
    .uuid = {0x11, 0x13, 0x0a, 0x10, 0x14, 0xd8, 0xff, 0xda, 0xba, 0x6e,
             0x8c, 0x4d, 0x8a, 0x91, 0xbc, 0x9b, 0xbf, 0x4a, 0xa3, 0x01},
    .list = {0x12, 0x4c, 0x07, 4},
    .address_name = "\022\046\002\015holdfast,pci-address\0\015",
    .log_name = "\022\031\002\015holdfast,log\0\016",
    .offset_name = "\022\034\002\015holdfast,log-offset\0\014",
    .size_name = "\022\032\002\015holdfast,log-size\0\014",
};

enum { PART_TABLE, PART_LOG, PART_LIST, PARTS };
_Static_assert(PARTS + 1 == HF_MAILBOX_TABLE_FILES, "the parts and the script");

struct room {
    struct ssdt table;
    uint8_t log[HF_MAILBOX_LOG_SIZE];
    uint8_t list[8]; /* the driver has no root to hang the table on, so a pointer to it comes from here */
    uint8_t built[];
};

static int fill(const struct hf_mailbox_tables *t, struct room *room, struct hf_error *err)
{
    char address[13];

    if (t->slot > 31 || t->function > 7)
        return hf_error_set(err, HF_EUSAGE, "invalid PCI slot %u, function %u; the limits are 31 and 7", t->slot,
                            t->function);
    (void)snprintf(address, sizeof address, "0000:00:%02x.%x", t->slot & 31, t->function & 7);
    room->table = table;
    memcpy(room->table.address, address, sizeof address);
    room->table.size = hf_le32_of(sizeof room->log);
    memset(room->log, 0, sizeof room->log);
    memcpy(room->log, t->log, strnlen(t->log, sizeof room->log - 1));
    memset(room->list, 0, sizeof room->list);
    return 0;
}

int hf_mailbox_tables_build(const struct hf_mailbox_tables *t, uint64_t features, void *memory, size_t size,
                            struct hf_mailbox_blob files[HF_MAILBOX_TABLE_FILES], struct hf_error *err)
{
    struct room *room = memory;
    const struct hf_acpi_part parts[PARTS] = {
        [PART_TABLE] = {.file = "etc/holdfast/ssdt",
                        .bytes = (uint8_t *)&room->table,
                        .size = sizeof room->table,
                        .align = 64},
        [PART_LOG] = {.file = "etc/holdfast/log",
                      .bytes = room->log,
                      .size = sizeof room->log,
                      .align = 4096,
                      .flags = HF_ACPI_PART_DATA},
        [PART_LIST] = {.file = "etc/holdfast/tables",
                       .bytes = room->list,
                       .size = sizeof room->list,
                       .align = 8,
                       .flags = HF_ACPI_PART_DATA},
    };
    const struct hf_acpi_pointer pointers[] = {
        {.part = PART_TABLE,
         .offset = offsetof(struct ssdt, log),
         .size = 8,
         .target_part = PART_LOG,
         .bias_offset = offsetof(struct ssdt, offset),
         .bias_size = 4},
        {.part = PART_LIST, .size = 8, .target_part = PART_TABLE},
    };
    const struct hf_acpi_checksum sum = {.part = PART_TABLE, .result = 9, .length = sizeof room->table};
    const struct hf_acpi_description d = {.parts = parts,
                                          .pointers = pointers,
                                          .checksums = &sum,
                                          .part_count = PARTS,
                                          .pointer_count = 2,
                                          .checksum_count = 1};
    struct hf_acpi_built built;
    int r = size < sizeof *room ? hf_error_set(err, HF_ENOMEM, "tables: buffer of %zu bytes is too small", size)
                                : fill(t, room, err);

    if (r == 0)
        r = hf_acpi_build(&d, features, room->built, size - sizeof *room, &built, err);
    if (r < 0)
        return r;
    files[0] = (struct hf_mailbox_blob){built.script.name, built.script.bytes, built.script.size};
    for (size_t i = 0; i < PARTS; i++)
        files[1 + i] = (struct hf_mailbox_blob){built.files[i].name, built.files[i].bytes, built.files[i].size};
    return 0;
}
