/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest needs of the host it is to run on. Made from its container (and, while it runs, from its VMM) by the
 * caller; strings and arrays are borrowed from there for as long as the question takes.
 */
#ifndef HF_GUEST_NEEDS_H
#define HF_GUEST_NEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware_policy.h"
#include "host_caps.h"
#include "manifest.h"
#include "owner.h"

struct hf_rom_need {
    const char *name, *digest;
    uint64_t size;
};

struct hf_locked_domain {
    const char *name;
    unsigned version;
    struct hf_domain_bits bits;
};

struct hf_guest_needs {
    const char *name, *id; /* the container's id */
    unsigned format;       /* the container's minimum reader */
    uint64_t bytes;        /* the container's size, with room for a rollback */
    enum hf_owner_state owner;
    const char *owner_host;
    uint64_t epoch;

    bool running; /* a live migration is meant, not a move of a guest that is off */
    enum hf_policy policy;
    const char *arch;
    const char *machine;  /* as its owner named it; "" when not */
    const char *resolved; /* what that was at the last start; "" before the first */
    bool pinned;
    struct hf_vmm_version vmm;   /* of the last start; all zero before the first */
    struct hf_vmm_version under; /* what it runs under now; all zero: not known, or it is off */
    bool emulated;               /* it runs, and its processor is QEMU's own (TCG) */

    const char *code_digest; /* 64 hexadecimal digits */
    const char *kind;        /* what it is, as hosts name it: "ovmf", "ovmf-secboot", "aavmf", "seabios", "" */
    const char *firmware;    /* what policy host and versioned ask a host for: that, or the owner's other name */
    const char *staged;      /* digest of an image that the next boot applies; NULL: none */
    const char *rejected;    /* digest of the image that was rolled back last; NULL: none */
    uint64_t code_size, vars_size;
    bool needs_smm;

    bool mailbox, memory_named; /* the mailbox is on; the user named the guest's RAM himself */
    bool tpm, tpm_state_moves;  /* it has a TPM; of one that is off: its state moves with it */
    const char *devices; /* as machine_devices.h lists them: "ich9-ahci ich9-ahci/drive ide-cd "; NULL: not known */
    bool roms_from_host; /* its option ROMs are the host's, not the container's */
    bool managed;        /* libvirt starts it: a ROM of its own is one that the domain names */

    const struct hf_rom_need *roms;
    const struct hf_locked_domain *locked;
    size_t rom_count, locked_count;

    const struct hf_manifest *manifest;   /* what is known of the active image; NULL: nothing */
    const struct hf_manifests *manifests; /* and of others that the next boot may run; NULL: nothing */
};

#endif
