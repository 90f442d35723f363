/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "acpi_sample.h"
#include "acpi_table.h"

static void table(uint8_t *at, const char *signature, uint32_t length, uint8_t revision)
{
    memcpy(at, signature, 4);
    hf_acpi_put(at + 4, 4, length);
    at[8] = revision;
    memcpy(at + 10, "HFTESTSAMPLE  ", 14);
}

static void pointer(struct sample *s, uint32_t part, uint32_t offset, uint32_t size, uint32_t to, uint32_t target)
{
    s->pointers[s->description.pointer_count++] = (struct hf_acpi_pointer){
        .part = part, .offset = offset, .size = size, .target_part = to, .target_offset = target};
}

static void checksum(struct sample *s, uint32_t part, uint32_t result, uint32_t start, uint32_t length)
{
    s->checksums[s->description.checksum_count++] =
        (struct hf_acpi_checksum){.part = part, .result = result, .start = start, .length = length};
}

static void table_checksum(struct sample *s, uint32_t at)
{
    checksum(s, SAMPLE_TABLES, at + 9, at, hf_acpi_get32(s->tables + at + 4));
}

static void fill_tables(struct sample *s)
{
    table(s->tables + SAMPLE_FACS, "FACS", 64, 0);
    table(s->tables + SAMPLE_DSDT, "DSDT", 100, 1);
    table(s->tables + SAMPLE_SSDT, "SSDT", 80, 1);
    table(s->tables + SAMPLE_FADT, "FACP", s->wide ? 244 : 116, s->wide ? 5 : 1);
    table(s->tables + SAMPLE_ROOT, s->wide ? "XSDT" : "RSDT", s->wide ? 36 + 16 : 36 + 8, 1);
    memset(s->tables + SAMPLE_DSDT + 36, 0xa3, 64);
    s->tables[SAMPLE_DSDT + 9] = 0x5a; /* the builder must not care */
    memcpy(s->rsdp, "RSD PTR ", 8);
    memcpy(s->rsdp + 9, "HFTEST", 6);
    s->rsdp[15] = s->wide ? 2 : 0;
    hf_acpi_put(s->rsdp + 20, 4, s->wide ? 36 : 0);
    memset(s->page, 0x11, sizeof s->page);
    hf_acpi_put(s->page + 4, 4, 64);
}

static void fill_links(struct sample *s)
{
    unsigned w = s->wide ? 8 : 4;

    pointer(s, SAMPLE_TABLES, SAMPLE_FADT + (s->wide ? 132 : 36), w, SAMPLE_TABLES, SAMPLE_FACS);
    pointer(s, SAMPLE_TABLES, SAMPLE_FADT + (s->wide ? 140 : 40), w, SAMPLE_TABLES, SAMPLE_DSDT);
    pointer(s, SAMPLE_TABLES, SAMPLE_FIELD, w, SAMPLE_PAGE, 0);
    s->pointers[s->description.pointer_count - 1].bias_offset = SAMPLE_BIAS;
    s->pointers[s->description.pointer_count - 1].bias_size = 1;
    pointer(s, SAMPLE_TABLES, SAMPLE_ROOT + 36, w, SAMPLE_TABLES, SAMPLE_FADT);
    pointer(s, SAMPLE_TABLES, SAMPLE_ROOT + 36 + w, w, SAMPLE_TABLES, SAMPLE_SSDT);
    pointer(s, SAMPLE_RSDP, s->wide ? 24 : 16, w, SAMPLE_TABLES, SAMPLE_ROOT);
    if (s->wide)
        checksum(s, SAMPLE_RSDP, 32, 0, 36); /* outer before inner: the builder has to turn them round */
    checksum(s, SAMPLE_RSDP, 8, 0, 20);
    table_checksum(s, SAMPLE_DSDT);
    table_checksum(s, SAMPLE_SSDT);
    table_checksum(s, SAMPLE_FADT);
    table_checksum(s, SAMPLE_ROOT);
    s->tells[0] =
        (struct hf_acpi_tell){.file = "etc/device_addr", .size = 8, .target_part = SAMPLE_PAGE, .target_offset = 16};
}

void sample_init(struct sample *s, bool wide)
{
    memset(s, 0, sizeof *s);
    s->wide = wide;
    fill_tables(s);
    s->parts[SAMPLE_TABLES] = (struct hf_acpi_part){
        .file = "etc/acpi/tables", .bytes = s->tables, .align = 64, .size = sizeof s->tables, .multiple = 4096};
    s->parts[SAMPLE_RSDP] = (struct hf_acpi_part){
        .file = "etc/acpi/rsdp", .bytes = s->rsdp, .align = 16, .size = wide ? 36 : 20, .flags = HF_ACPI_PART_FSEG};
    s->parts[SAMPLE_PAGE] = (struct hf_acpi_part){.file = "etc/device_page",
                                                  .bytes = s->page,
                                                  .align = 4096,
                                                  .size = sizeof s->page,
                                                  .multiple = 4096,
                                                  .flags = HF_ACPI_PART_DATA};
    s->description = (struct hf_acpi_description){.parts = s->parts,
                                                  .part_count = SAMPLE_PARTS,
                                                  .pointers = s->pointers,
                                                  .checksums = s->checksums,
                                                  .tells = s->tells,
                                                  .tell_count = 1,
                                                  .script_multiple = 4096};
    fill_links(s);
}

int sample_build(struct sample *s, uint64_t features)
{
    struct hf_acpi_file more = {.name = "etc/device_addr", .bytes = s->address_file, .size = 8, .writable = true};
    int r = hf_acpi_build(&s->description, features, s->room, sizeof s->room, &s->built, NULL);

    if (r == 0)
        s->bundle = hf_acpi_built_bundle(&s->built, &more, 1, s->files);
    return r;
}

struct hf_acpi_outcome sample_run(struct sample *s, enum hf_acpi_consumer consumer, uint64_t features)
{
    struct hf_acpi_options options = {.features = features};
    struct hf_acpi_outcome o;

    assert_int_equal(hf_acpi_run(&s->bundle, consumer, &options, s->work, sizeof s->work, &o, NULL), 0);
    return o;
}

int sample_check(struct sample *s, unsigned consumers, uint64_t features, struct hf_acpi_finding *ret)
{
    struct hf_acpi_question q = {.consumers = consumers, .features = features};

    if (consumers == 0)
        q.consumers = HF_ACPI_CONSUMER_BIT(HF_ACPI_SEABIOS) | HF_ACPI_CONSUMER_BIT(HF_ACPI_OVMF);
    assert_true(hf_acpi_check_room(&s->bundle) <= sizeof s->work);
    return hf_acpi_check(&s->bundle, &q, s->work, sizeof s->work, ret, NULL);
}

struct hf_acpi_record *sample_record(struct sample *s, size_t i)
{
    return (struct hf_acpi_record *)(void *)(uintptr_t)(s->bundle.script + i * sizeof(struct hf_acpi_record));
}

size_t sample_first(struct sample *s, enum hf_acpi_command command)
{
    for (size_t i = 0; i < hf_acpi_command_count(&s->bundle); i++)
        if (hf_acpi_decode(&s->bundle, i).command == command)
            return i;
    fail_msg("no such command in the script");
    return 0;
}
