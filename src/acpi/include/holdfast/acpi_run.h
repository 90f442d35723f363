/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a given firmware makes of a given script: interpreters that behave as each known consumer does, its mistakes
 * included. They answer which tables the operating system will find, where, and what went wrong, without running the
 * firmware.
 *
 * Modelled: SeaBIOS 1.11 and later, OVMF and AAVMF of 2018 and later (edk2's AcpiPlatformDxe or AcpiPlatformLib with
 * its AcpiTableDxe), qboot. `features` adds what none of them has: an understanding of the extended script.
 *
 * Nothing is allocated: the caller gives hf_acpi_run_room() bytes, and the outcome points into them (and into the
 * bundle), valid as long as both are. One run per work area; no state between runs; any thread.
 */
#ifndef HOLDFAST_ACPI_RUN_H
#define HOLDFAST_ACPI_RUN_H

#include <holdfast/acpi_script.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hf_acpi_consumer { HF_ACPI_SEABIOS, HF_ACPI_OVMF, HF_ACPI_QBOOT, HF_ACPI_CONSUMERS };
#define HF_ACPI_CONSUMER_BIT(c) (1u << (c))
#define HF_ACPI_EVERY_CONSUMER  (HF_ACPI_CONSUMER_BIT(HF_ACPI_CONSUMERS) - 1)

/* "seabios", "ovmf", "qboot". */
HF_PUBLIC const char *hf_acpi_consumer_name(enum hf_acpi_consumer consumer);
/* The consumer of that name; HF_ENOTFOUND, with the names there are. */
HF_PUBLIC int hf_acpi_consumer_find(const char *name, enum hf_acpi_consumer *ret, struct hf_error *err);

/* What the guest ends up with. From good to bad. */
enum hf_acpi_verdict {
    HF_ACPI_COMPLETE, /* every command worked; all tables found are sound; FADT and DSDT are among them */
    HF_ACPI_DAMAGED,  /* the operating system finds tables, but a command failed or a table is not sound */
    HF_ACPI_NONE,     /* it finds none of the host's tables */
    HF_ACPI_STOPPED,  /* the firmware stops: the guest does not boot */
};
HF_PUBLIC const char *hf_acpi_verdict_text(enum hf_acpi_verdict verdict);

enum hf_acpi_reason {
    HF_ACPI_OK = 0,
    HF_ACPI_BAD_SCRIPT_SIZE,
    HF_ACPI_UNKNOWN_COMMAND,
    HF_ACPI_NAME_NOT_ENDED,
    HF_ACPI_ALIGN_NOT_POWER,
    HF_ACPI_ALIGN_TOO_BIG,
    HF_ACPI_ZONE_UNKNOWN,
    HF_ACPI_FILE_MISSING,
    HF_ACPI_FILE_EMPTY,
    HF_ACPI_FILE_INDEX, /* qboot: the 21st and later file of the directory */
    HF_ACPI_NO_MEMORY,
    HF_ACPI_TWICE,
    HF_ACPI_NOT_ALLOCATED,
    HF_ACPI_FIELD_SIZE,
    HF_ACPI_FIELD_RANGE,
    HF_ACPI_TARGET_RANGE,
    HF_ACPI_DOES_NOT_FIT,
    HF_ACPI_CHECKSUM_RANGE,
    HF_ACPI_NO_SUCH_WRITABLE,
    HF_ACPI_NOT_WRITABLE,
    HF_ACPI_TOO_MANY_TABLES,
    HF_ACPI_TABLE_TWICE, /* a second FADT, DSDT or FACS */
    HF_ACPI_TABLE_UNSOUND,
    HF_ACPI_NO_ROOT,
    HF_ACPI_NO_FADT,
    HF_ACPI_NO_DSDT,
    HF_ACPI_REASONS,
};
HF_PUBLIC const char *hf_acpi_reason_text(enum hf_acpi_reason reason);

#define HF_ACPI_AT_END UINT32_MAX /* `command` of a fault found after the last command */

struct hf_acpi_fault {
    uint32_t command; /* index in the script, from 0 */
    enum hf_acpi_reason reason;
};

enum hf_acpi_place { HF_ACPI_PLACE_FSEG, HF_ACPI_PLACE_LOW, HF_ACPI_PLACE_ANY };

/* A file in the guest's memory, as it is after the last command. */
struct hf_acpi_blob {
    const struct hf_acpi_file *file;
    uint8_t *bytes;
    uint64_t address;
    enum hf_acpi_place place; /* what the firmware asked its allocator for */
    bool kept;                /* still there when the operating system starts */
};

/* A table that the operating system finds. `address` is where the script put it; OVMF installs a copy elsewhere. */
struct hf_acpi_table {
    const uint8_t *bytes;
    uint32_t length;
    uint64_t address;
    bool sound; /* length and checksum agree (FACS: length) */
};

/* What a WRITE_POINTER told the host. */
struct hf_acpi_told {
    uint32_t command;
    const struct hf_acpi_file *file;
    uint32_t offset;
    uint64_t value; /* 0 once the firmware took it back */
    uint8_t size;
    bool replayed; /* written again by the firmware's S3 resume */
};

struct hf_acpi_outcome {
    enum hf_acpi_consumer consumer;
    enum hf_acpi_verdict verdict;
    uint64_t root; /* guest address of the RSDP; 0: none, or (OVMF) the firmware makes its own */
    const struct hf_acpi_fault *faults;
    size_t fault_count;
    const struct hf_acpi_blob *blobs;
    size_t blob_count;
    const struct hf_acpi_table *tables;
    size_t table_count;
    const struct hf_acpi_told *told;
    size_t told_count;
};

/* Where the machine has memory for blobs. All zero: 32 KiB of F segment at 0xf8000, 64 MiB below 2 GiB, and 64 MiB
 * below 8 GiB. A machine without memory above 4 GiB has high_size 0 and any non-zero low_size. */
struct hf_acpi_memory {
    uint64_t fseg, fseg_size;
    uint64_t low, low_size;
    uint64_t high, high_size;
};

struct hf_acpi_options {
    uint64_t features; /* HF_ACPI_FEATURE_...: what this firmware understands beyond the baseline */
    struct hf_acpi_memory memory;
    bool no_s3; /* the machine has no S3: nothing is saved for replay */
    /* When not NULL: the address for a file, 0 for "no memory"; it is then not checked against `memory`. */
    uint64_t (*where)(void *context, const struct hf_acpi_file *file, uint32_t align, enum hf_acpi_place place);
    void *context;
    uint64_t reserved[2]; /* 0; for members of later versions. Anything else is HF_EUSAGE */
};

/* Bytes that hf_acpi_run() needs for this bundle. At most the files' sizes plus 128 KiB plus 32 bytes a file. */
HF_PUBLIC size_t hf_acpi_run_room(const struct hf_acpi_bundle *bundle);

/* Runs the script. `options` may be NULL. `work` needs no alignment.
 * HF_ENOMEM: `size` is below hf_acpi_run_room(). HF_EREFUSED: the bundle is over a limit. A bad script is not an error:
 * it has an outcome. */
HF_PUBLIC int hf_acpi_run(const struct hf_acpi_bundle *bundle, enum hf_acpi_consumer consumer,
                          const struct hf_acpi_options *options, void *work, size_t size, struct hf_acpi_outcome *ret,
                          struct hf_error *err);

/* The table with this 4-letter signature, the n-th of them from 0; NULL when there is none. */
HF_PUBLIC const struct hf_acpi_table *hf_acpi_outcome_table(const struct hf_acpi_outcome *o, const char *signature,
                                                            unsigned n);

#ifdef __cplusplus
}
#endif
#endif
