/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small but whole machine description for the tests: RSDP, RSDT or XSDT, FADT, FACS, DSDT, an SSDT with a pointer
 * into a device's page, and that page, whose first bytes look like a table of 64 bytes.
 */
#ifndef HF_TEST_ACPI_SAMPLE_H
#define HF_TEST_ACPI_SAMPLE_H

#include <holdfast/acpi_build.h>
#include <holdfast/acpi_check.h>
#include <holdfast/acpi_run.h>

enum { SAMPLE_TABLES, SAMPLE_RSDP, SAMPLE_PAGE, SAMPLE_PARTS };

/* Offsets in the tables part. */
enum {
    SAMPLE_FACS = 0,
    SAMPLE_DSDT = 64,
    SAMPLE_SSDT = SAMPLE_DSDT + 100,
    SAMPLE_FADT = SAMPLE_SSDT + 80,
    SAMPLE_ROOT = SAMPLE_FADT + 244, /* RSDT or XSDT */
    SAMPLE_SIZE = SAMPLE_ROOT + 36 + 16,
    SAMPLE_FIELD = SAMPLE_SSDT + 48, /* the SSDT's pointer to the page and the distance AML adds */
    SAMPLE_BIAS = SAMPLE_SSDT + 60,
};

struct sample {
    bool wide; /* 64-bit pointers throughout */
    uint8_t tables[SAMPLE_SIZE], rsdp[36], page[256];
    struct hf_acpi_part parts[SAMPLE_PARTS];
    struct hf_acpi_pointer pointers[8];
    struct hf_acpi_checksum checksums[8];
    struct hf_acpi_tell tells[1];
    struct hf_acpi_description description;
    struct hf_acpi_file files[SAMPLE_PARTS + 1];
    struct hf_acpi_built built;
    struct hf_acpi_bundle bundle;
    uint8_t address_file[8];
    uint8_t room[65536], work[0x40000];
};

void sample_init(struct sample *s, bool wide);

/* Builds with these bits and makes s->bundle: the parts and the writable etc/device_addr. Returns hf_acpi_build()'s. */
int sample_build(struct sample *s, uint64_t features);

/* Runs the bundle; fails the test when that cannot be done. */
struct hf_acpi_outcome sample_run(struct sample *s, enum hf_acpi_consumer consumer, uint64_t features);

/* The checker's answer for every consumer but qboot, which knows no WRITE_POINTER, unless `consumers` says other. */
int sample_check(struct sample *s, unsigned consumers, uint64_t features, struct hf_acpi_finding *ret);

/* The script's bytes, for tests that damage it; command i. */
struct hf_acpi_record *sample_record(struct sample *s, size_t i);
/* The first command of that kind. */
size_t sample_first(struct sample *s, enum hf_acpi_command command);

#endif
