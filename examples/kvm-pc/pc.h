/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest PC that SeaBIOS boots on: one CPU on /dev/kvm, RAM, a ROM, the few ports below, and fw_cfg from
 * libholdfast-fw. What a VMM author looks for stands in platform.c; the rest is what any VMM has already.
 */
#ifndef PC_H
#define PC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/acpi_build.h>
#include <holdfast/fwcfg_negotiate.h>

#define RAM_SIZE   (32u << 20)
#define ROM_MAX    (256u << 10)
#define TABLES_MAX 0x4000u
#define SCRIPT_MAX 0x4000u
#define DATA_SIZE  4096u

/* What this VMM can do; the guest's firmware decides how much of it is used. */
struct abilities {
    bool negotiation; /* false: a VMM of before, without the two files */
    uint64_t acpi;    /* HF_ACPI_FEATURE bits that it supports */
    bool always;      /* the mistake of 2017: uses them whether the firmware agreed or not */
};

struct platform { /* platform.c */
    struct abilities able;
    struct hf_fwcfg *fwcfg;
    struct hf_negotiate *negotiate;
    struct hf_fwcfg_negotiate glue;
    struct hf_acpi_lazy lazy;
    uint8_t rsdp[64], tables[TABLES_MAX], script[SCRIPT_MAX], data[2 * DATA_SIZE];
    hf_le64 told; /* etc/example_addr: where the firmware put the device's data */
    hf_le32 wait; /* etc/boot-fail-wait */
};

struct pc {
    uint8_t *ram, *rom;
    size_t rom_size;
    struct platform platform;
    int kvm, vm, cpu;
    /* devices.c */
    uint8_t cmos[128], cmos_at;
    uint32_t pci_at;
    uint8_t host_bridge[256];
    bool reset_asked;
    void (*print)(void *opaque, char c); /* the debug console */
    void *print_opaque;
};

enum pc_stop { PC_RESET, PC_INTERRUPTED, PC_FAILED };

/* machine.c: a new virtual machine around the same RAM, from the reset vector until something ends it. */
int pc_power(struct pc *pc, struct hf_error *err);
enum pc_stop pc_run(struct pc *pc, const volatile bool *stop, struct hf_error *err);
void pc_unpower(struct pc *pc);

/* devices.c: one access to a port. */
void pc_port(struct pc *pc, unsigned port, bool out, uint8_t *bytes, unsigned size);
void pc_devices_reset(struct pc *pc);

/* platform.c */
int platform_init(struct pc *pc, const struct abilities *able, struct hf_error *err);
void platform_reset(struct pc *pc);

/* tables.c: the tables and data of this machine, and how they point to one another. */
const struct hf_acpi_description *pc_tables(void);

/* state.c: RAM, ROM and what the library knows, to a file and back. */
int state_save(struct pc *pc, const char *path, struct hf_error *err);
int state_load(struct pc *pc, const char *path, struct hf_error *err);

#endif
