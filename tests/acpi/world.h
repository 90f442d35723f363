/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A world for the scenario that started it all: two hosts with VMMs of different age, a guest, its firmware, and one
 * migration at a chosen point. The hosts are the library's host halves (fw_cfg device, negotiation, builder), the
 * firmware its guest halves (client, negotiation) with the interpreter of SeaBIOS or OVMF. Nothing is random.
 */
#ifndef HF_TEST_WORLD_H
#define HF_TEST_WORLD_H

#include <holdfast/fwcfg_client.h>
#include <holdfast/fwcfg_device.h>
#include <holdfast/fwcfg_negotiate.h>
#include <holdfast/fwcfg_negotiate_guest.h>

#include "acpi_sample.h"

enum vmm_kind {
    VMM_PLAIN, /* no negotiation: what stands everywhere today */
    VMM_EXT,   /* offers 64BIT */
    VMM_MORE,  /* offers 64BIT and NOACPI */
    VMM_KINDS,
};

enum firmware_kind {
    FW_NONE,  /* does not negotiate */
    FW_NEW,   /* wants all there is */
    FW_OLD,   /* an older release: knows 64BIT only */
    FW_OTHER, /* speaks version 2 of the domain, which no host here does */
    FW_KINDS,
};

enum point {
    AT_NEVER,
    AT_BEFORE,    /* before any negotiation */
    AT_DURING,    /* the ACPI driver's request is written, its answer not yet read */
    AT_BETWEEN,   /* between the ACPI driver's negotiation and the lifecycle driver's */
    AT_AFTER,     /* after all negotiation */
    AT_DIRECTORY, /* the script was looked up in the directory, not yet read */
    AT_TABLES,    /* after the tables were read */
    AT_POINTS,
};

enum reset_kind { RESET_NONE, RESET_WARM, RESET_S3, RESETS };

#define LIFECYCLE_DOMAIN "lifecycle" /* a second driver's domain, to see that none disturbs another */
enum { DRIVER_ACPI, DRIVER_LIFECYCLE, DRIVERS };

struct vmm {
    enum vmm_kind kind;
    bool careless; /* sends all it knows, whatever was agreed: the proposal of 2017 */
    uint8_t *ram;
    struct sample sample; /* the machine's description, built anew by this VMM */
    struct hf_acpi_lazy lazy;
    struct hf_negotiate *n;        /* NULL in a plain one */
    struct hf_negotiate *promises; /* what it can take over: n, or in a plain one a negotiation without domains */
    struct hf_fwcfg *device;
    struct hf_fwcfg_negotiate glue;
    uint8_t script[8192], tables[8192], rsdp[64], page[8192], told[16];
    _Alignas(16) uint8_t device_block[0x8000], negotiate_block[0x8000];
};

struct cell {
    enum hf_acpi_consumer family;
    enum firmware_kind firmware;
    enum vmm_kind from, to;
    enum point point;
    enum reset_kind reset;
    bool careless;
};

struct world {
    struct cell cell;
    struct vmm hosts[2], *vmm; /* where the guest is */
    uint8_t ram[0x10000];
    bool reached, moved;
    const char *refused;  /* the rule that refused the move */
    const char *expected; /* the rule that should have */
    /* The guest. */
    struct hf_fwcfg_client client;
    bool exchanging; /* the ACPI driver is in an exchange */
    uint64_t agreed[DRIVERS];
    bool negotiated[DRIVERS];
    struct hf_negotiate_request replay[DRIVERS];
    uint8_t script[8192], contents[8][8192];
    char names[8][HF_ACPI_NAME_SIZE];
    struct hf_acpi_file files[8];
    struct hf_acpi_bundle bundle;
    struct hf_acpi_outcome outcome;
    uint64_t unknown_bits; /* sent to it in any boot, though it does not understand them */
    uint8_t work[0x40000];
    char why[256]; /* the first thing that went wrong; "" when all is well */
};

/* Plays the cell. Afterwards: w->why says whether all was well, w->refused whether the move was refused, w->reached
 * whether its point was passed at all. */
void world_play(struct world *w, const struct cell *cell);

/* What the firmware understands of the ACPI loader's features. */
uint64_t firmware_understands(enum firmware_kind kind);
uint64_t vmm_offers(enum vmm_kind kind, unsigned driver);

/* Private: world_vmm.c and world_firmware.c. */
void vmm_init(struct vmm *v, enum vmm_kind kind, bool careless, uint8_t *ram);
void vmm_reset(struct vmm *v);
/* Moves the machine's state; the rule that refuses it, or NULL. */
const char *vmm_move(struct vmm *from, struct vmm *to);
/* The bits a domain is locked to; 0 when it is open. */
uint64_t vmm_locked(const struct vmm *v, unsigned driver);

void world_reach(struct world *w, enum point point);
void world_fail(struct world *w, const char *fmt, ...) HF_PRINTF(2, 3);
void firmware_boot(struct world *w);
void firmware_resume(struct world *w);

#endif
