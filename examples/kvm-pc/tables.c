/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine with next to nothing in it, in ACPI: RSDP, RSDT, FACP, FACS, DSDT, and one device with a page of data. */
#include "pc.h"

#include <string.h>

enum { RSDP, TABLES, DATA };

/* Offsets in the part of tables. */
enum { FACS = 0, DSDT = 64, DSDT_SIZE = 36 + 34, FACP = 192, FACP_SIZE = 116, RSDT = 320, RSDT_SIZE = 40, END = 384 };

/* In the DSDT: Name (ADDR, Buffer (8)) and Name (BIAS, DWord), by which AML finds the data: ADDR + BIAS. */
enum { ADDR_AT = DSDT + 36 + 9, BIAS_AT = ADDR_AT + 8 + 6 };

static uint8_t rsdp[20] = "RSD PTR \0HFOLD \0";
static uint8_t tables[END];
static uint8_t data[DATA_SIZE] = "data of a device, no table";

static void header(unsigned at, const char *signature, uint32_t length, uint8_t revision)
{
    hf_le32 size = hf_le32_of(length);

    memcpy(tables + at, signature, 4);
    memcpy(tables + at + 4, size.b, 4);
    tables[at + 8] = revision;
    memcpy(tables + at + 10, "HFOLD KVM-PC  \1\0\0\0HFLD\1\0\0", 26);
}

/* The value of a pointer's field before it is patched is the builder's: an offset in the target. */
static const struct hf_acpi_part parts[] = {
    [RSDP] = {.file = "etc/acpi/rsdp", .bytes = rsdp, .size = sizeof rsdp, .align = 16, .flags = HF_ACPI_PART_FSEG},
    [TABLES] = {.file = "etc/acpi/tables", .bytes = tables, .size = sizeof tables, .align = 64},
    [DATA] =
        {.file = "etc/example_data", .bytes = data, .size = sizeof data, .align = 4096, .flags = HF_ACPI_PART_DATA},
};
static const struct hf_acpi_pointer pointers[] = {
    {.part = RSDP, .offset = 16, .size = 4, .target_part = TABLES, .target_offset = RSDT},
    {.part = TABLES, .offset = RSDT + 36, .size = 4, .target_part = TABLES, .target_offset = FACP},
    {.part = TABLES, .offset = FACP + 36, .size = 4, .target_part = TABLES, .target_offset = FACS},
    {.part = TABLES, .offset = FACP + 40, .size = 4, .target_part = TABLES, .target_offset = DSDT},
    {.part = TABLES,
     .offset = ADDR_AT,
     .size = 8,
     .target_part = DATA,
     .target_offset = 0,
     .bias_offset = BIAS_AT,
     .bias_size = 4},
};
static const struct hf_acpi_checksum checksums[] = {
    {.part = RSDP, .result = 8, .start = 0, .length = 20},
    {.part = TABLES, .result = DSDT + 9, .start = DSDT, .length = DSDT_SIZE},
    {.part = TABLES, .result = FACP + 9, .start = FACP, .length = FACP_SIZE},
    {.part = TABLES, .result = RSDT + 9, .start = RSDT, .length = RSDT_SIZE},
};
static const struct hf_acpi_tell tells[] = {
    {.file = "etc/example_addr", .file_offset = 0, .size = 8, .target_part = DATA, .target_offset = 0},
};

static void fill(void)
{
    hf_le32 size = hf_le32_of(64);

    memcpy(tables + FACS, "FACS", 4);
    memcpy(tables + FACS + 4, size.b, 4);
    header(DSDT, "DSDT", DSDT_SIZE, 2);
    /* clang-format off */
    memcpy(tables + DSDT + 36, "\x08" "ADDR\x11\x0b\x0a\x08", 9);
    memcpy(tables + ADDR_AT + 8, "\x08" "BIAS\x0c", 6);
    memcpy(tables + BIAS_AT + 4, "\x08" "REV_\x0a\1", 7);
    /* clang-format on */
    header(FACP, "FACP", FACP_SIZE, 1);
    tables[FACP + 46] = 9; /* SCI */
    header(RSDT, "RSDT", RSDT_SIZE, 1);
}

const struct hf_acpi_description *pc_tables(void)
{
    static const struct hf_acpi_description d = {.parts = parts,
                                                 .pointers = pointers,
                                                 .checksums = checksums,
                                                 .tells = tells,
                                                 .part_count = sizeof parts / sizeof parts[0],
                                                 .pointer_count = sizeof pointers / sizeof pointers[0],
                                                 .checksum_count = sizeof checksums / sizeof checksums[0],
                                                 .tell_count = 1};

    if (tables[FACS] == 0)
        fill();
    return &d;
}
