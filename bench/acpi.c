/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A loader script as large as that of pc-q35 with vmgenid: 128 KiB of tables, an 8 KiB DSDT and eight more tables,
 * RSDP, a page of a device. Printed: microseconds to build it, to check it for SeaBIOS and OVMF (which interprets it
 * twice), to interpret it once, and all three; processor time, so that a busy machine does not show.
 */
#include <holdfast/acpi_build.h>
#include <holdfast/acpi_check.h>
#include <holdfast/acpi_run.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TABLES = 9, TABLES_SIZE = 11000, ROUNDS = 4000, REPEATS = 11 };

static uint8_t tables[TABLES_SIZE], rsdp[20], page[4096], work[0x100000], room[0x80000];
static struct hf_acpi_pointer pointers[32];
static struct hf_acpi_checksum checksums[16];
static const struct hf_acpi_tell tells[] = {{.file = "etc/vmgenid_addr", .size = 8, .target_part = 2}};
static const struct hf_acpi_part parts[] = {
    {.file = "etc/acpi/tables", .bytes = tables, .size = sizeof tables, .align = 64, .multiple = 0x20000},
    {.file = "etc/acpi/rsdp", .bytes = rsdp, .size = sizeof rsdp, .align = 16, .flags = HF_ACPI_PART_FSEG},
    {.file = "etc/vmgenid_guid",
     .bytes = page,
     .size = 4000,
     .align = 4096,
     .multiple = 4096,
     .flags = HF_ACPI_PART_DATA},
};
static struct hf_acpi_description machine = {.parts = parts,
                                             .part_count = 3,
                                             .pointers = pointers,
                                             .checksums = checksums,
                                             .tells = tells,
                                             .tell_count = 1,
                                             .script_multiple = 4096};

static void table(uint32_t at, const char *signature, uint32_t length)
{
    hf_le32 n = hf_le32_of(length);

    memcpy(tables + at, signature, 4);
    memcpy(tables + at + 4, &n, 4);
    if (memcmp(signature, "FACS", 4) != 0)
        checksums[machine.checksum_count++] =
            (struct hf_acpi_checksum){.part = 0, .result = at + 9, .start = at, .length = length};
}

static void pointer(uint32_t part, uint32_t offset, uint32_t to, uint32_t target)
{
    pointers[machine.pointer_count++] =
        (struct hf_acpi_pointer){.part = part, .offset = offset, .size = 4, .target_part = to, .target_offset = target};
}

static void describe(void)
{
    static const char *const names[] = {"FACP", "APIC", "HPET", "MCFG", "WAET", "SSDT", "SRAT"};
    uint32_t at = 64 + 8400, root = 10000;

    table(0, "FACS", 64);
    table(64, "DSDT", 8400);
    for (unsigned i = 0; i < 7; i++, at += 200) {
        table(at, names[i], i == 0 ? 116 : 180);
        pointer(0, root + 36 + 4 * i, 0, at);
    }
    pointer(0, 64 + 8400 + 36, 0, 0);
    pointer(0, 64 + 8400 + 40, 0, 64);
    pointer(0, 64 + 8400 + 5 * 200 + 60, 2, 0);
    pointers[machine.pointer_count - 1].bias_offset = 64 + 8400 + 5 * 200 + 70;
    pointers[machine.pointer_count - 1].bias_size = 1;
    table(root, "RSDT", 36 + 28);
    memcpy(rsdp, "RSD PTR ", 8);
    pointer(1, 16, 0, root);
    checksums[machine.checksum_count++] = (struct hf_acpi_checksum){.part = 1, .result = 8, .start = 0, .length = 20};
    page[4] = 40; /* looks like a table's length: it gets its gap */
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static struct hf_acpi_built built;
static struct hf_acpi_file files[4];
static struct hf_acpi_bundle bundle;

static void build(void)
{
    static const uint8_t address[8];
    const struct hf_acpi_file more = {.name = "etc/vmgenid_addr", .bytes = address, .size = 8, .writable = true};

    if (hf_acpi_build(&machine, 0, room, sizeof room, &built, NULL) < 0)
        abort();
    bundle = hf_acpi_built_bundle(&built, &more, 1, files);
}

static void check(void)
{
    struct hf_acpi_question q = {.consumers =
                                     HF_ACPI_CONSUMER_BIT(HF_ACPI_SEABIOS) | HF_ACPI_CONSUMER_BIT(HF_ACPI_OVMF)};
    struct hf_error err;

    if (hf_acpi_check(&bundle, &q, work, sizeof work, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

static void run(void)
{
    struct hf_acpi_outcome o;

    if (hf_acpi_run(&bundle, HF_ACPI_OVMF, NULL, work, sizeof work, &o, NULL) < 0 || o.verdict != HF_ACPI_COMPLETE)
        abort();
}

static void all(void)
{
    build();
    check();
    run();
}

static void measure(const char *what, void (*step)(void))
{
    double times[REPEATS];

    for (unsigned i = 0; i < REPEATS; i++) {
        double start = now();

        for (unsigned n = 0; n < ROUNDS / REPEATS; n++)
            step();
        times[i] = (now() - start) / (ROUNDS / REPEATS);
    }
    qsort(times, REPEATS, sizeof times[0], by_value);
    printf("%-28s %6.1f us\n", what, times[REPEATS / 2]);
}

int main(void)
{
    describe();
    if (hf_acpi_check_room(&(struct hf_acpi_bundle){.script_size = HF_ACPI_SCRIPT_MAX}) > sizeof work)
        return 1;
    build();
    printf("%zu commands, %zu bytes of tables\n",
           machine.part_count + machine.pointer_count + machine.checksum_count + machine.tell_count, files[0].size);
    measure("build", build);
    measure("check", check);
    measure("interpret", run);
    measure("build, check and interpret", all);
    return 0;
}
