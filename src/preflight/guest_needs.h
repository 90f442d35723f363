/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest needs of the host it is to run on. Made from its container (and, while it runs, from its VMM) by whoever
 * asks; strings and arrays are borrowed from there for as long as the question takes.
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
    struct hf_vmm_version vmm; /* of the last start; all zero before the first */

    const char *code_digest; /* 64 hexadecimal digits */
    const char *firmware;    /* the name the host's firmware goes by under policy host and versioned: "ovmf" */
    uint64_t code_size, vars_size;
    bool needs_smm;

    bool mailbox, memory_named; /* the mailbox is on; the user named the guest's RAM himself */
    bool tpm, tpm_state_moves;  /* it has a TPM; its state moves with the guest (shared storage, or by the manager) */
    const char *const *devices; /* QEMU's names of the devices it has; NULL terminated; NULL: not known */

    const struct hf_rom_need *roms;
    const struct hf_locked_domain *locked;
    size_t rom_count, locked_count;

    const struct hf_manifest *manifest; /* what is known of the active image; NULL: nothing */
};

#endif
