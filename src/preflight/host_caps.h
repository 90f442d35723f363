/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host can offer a guest, as `holdfast caps` prints it: JSON, schema 1. It is written on one host and read on
 * another, so every value is hostile and every array is bounded.
 *
 *   {"schema": 1, "host": "alpha", "holdfast": "0.1.0",
 *    "container": {"reads": 1, "writes": 1},
 *    "qemu": [{"program": "/usr/bin/qemu-system-x86_64", "arch": "x86_64", "version": "7.2.22",
 *              "machines": [{"name": "pc-q35-7.2", "alias": "q35", "deprecated": false}, ...],
 *              "accelerators": ["kvm", "tcg"], "smm": true, "devices": ["ivshmem-plain", "ich9-ahci", "tpm-crb", ...],
 *              "block-drivers": ["nbd", ...]}],
 *    "nbdkit": "1.32.5", "swtpm": true,
 *    "firmware": [{"name": "ovmf", "arch": "x86_64", "digest": "SHA-256", "size": 3653632, "vars-size": 540672}],
 *    "roms": [{"name": "vgabios-stdvga.bin", "size": 39936, "digest": "SHA-256"}],
 *    "domains": [{"name": "acpi-loader", "version": 1, "bits": "0000...03"}],
 *    "epochs": [{"id": "CONTAINER-ID", "epoch": 7, "departed": true}], "epochs-more": false,
 *    "free-bytes": 123456789}
 */
#ifndef HF_HOST_CAPS_H
#define HF_HOST_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <holdfast/error.h>

#define HF_CAPS_TEXT_MAX    256  /* bytes of any string, the NUL included */
#define HF_CAPS_ENTRIES_MAX 4096 /* of any array */
#define HF_CAPS_FILE_MAX    (4U << 20)
#define HF_DOMAIN_BITS      256

struct hf_vmm_version {
    unsigned major, minor, micro;
};

/* The oldest QEMU that runs a guest of holdfast's. */
#define HF_QEMU_OLDEST_MAJOR 7
#define HF_QEMU_OLDEST_MINOR 2

struct hf_machine_caps {
    const char *name;
    const char *alias; /* NULL when it has none */
    bool deprecated;
};

struct hf_qemu_caps {
    const char *program, *arch;
    struct hf_vmm_version version;
    struct hf_machine_caps *machines;
    size_t machine_count;
    bool smm; /* some accelerator of it offers system management mode here */
    const json_t *devices, *accelerators, *block_drivers; /* arrays of strings; see hf_qemu_has() */
};

struct hf_firmware_caps {
    const char *name, *arch, *digest; /* digest: 64 lower-case hexadecimal digits */
    uint64_t size, vars_size;         /* vars_size 0: none */
};

struct hf_rom_caps {
    const char *name, *digest;
    uint64_t size;
};

struct hf_domain_bits {
    uint8_t byte[HF_DOMAIN_BITS / 8]; /* bit n is byte n/8, value 1 << n%8 */
};

struct hf_domain_caps {
    const char *name;
    unsigned version;
    struct hf_domain_bits bits;
};

struct hf_epoch_caps {
    const char *id;
    uint64_t epoch;
    bool departed;
};

struct hf_host_caps {
    const char *host, *holdfast;
    unsigned reads_format, writes_format;
    const char *nbdkit; /* its version; NULL: not installed */
    bool swtpm;
    struct hf_qemu_caps *qemus;
    struct hf_firmware_caps *firmware;
    struct hf_rom_caps *roms;
    struct hf_domain_caps *domains;
    struct hf_epoch_caps *epochs;
    size_t qemu_count, firmware_count, rom_count, domain_count, epoch_count;
    bool epochs_more; /* the host has seen more containers than it lists */
    uint64_t free_bytes;
    json_t *json; /* what the strings above live in */
};

/* Reads `json` (borrowed; a reference is kept). HF_EUSAGE names the first key that is missing or of the wrong type, or
 * over its limit; HF_EVERSION for another schema. Free with hf_host_caps_free(). */
int hf_host_caps_read(json_t *json, struct hf_host_caps **ret, struct hf_error *err);

/* NULL is allowed. */
void hf_host_caps_free(struct hf_host_caps *caps);

/* The newest QEMU for an architecture that knows the machine (name or alias; NULL: any), or NULL. */
const struct hf_qemu_caps *hf_host_caps_qemu(const struct hf_host_caps *caps, const char *arch, const char *machine);

/* The machine by name or alias, or NULL. */
const struct hf_machine_caps *hf_qemu_machine(const struct hf_qemu_caps *qemu, const char *name);

/* Whether a string stands in one of a QEMU's arrays. */
bool hf_qemu_has(const json_t *array, const char *what);

/* "7.2" and "7.2.22" both; HF_EUSAGE otherwise. */
int hf_vmm_version_parse(const char *text, struct hf_vmm_version *ret, struct hf_error *err);

/* <0, 0, >0, by major, minor, micro. */
int hf_vmm_version_compare(struct hf_vmm_version a, struct hf_vmm_version b);

#endif
