/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A linker script from the host, executed: all of it, or nothing. It knows no UEFI: what it needs of the firmware is a
 * handful of functions, so that it runs in a test as well.
 *
 * The script only adds to what the firmware has. It may not bring a root, a FADT, a DSDT or a FACS, may not use a zone
 * or a content that was not agreed on, and cannot tell the host an address.
 */
#ifndef HF_EFI_SCRIPT_RUN_H
#define HF_EFI_SCRIPT_RUN_H

#include <holdfast/acpi_run.h>

#include "mailbox_wire.h"

/* The firmware, for a script. Addresses are those that an operating system will see. */
struct hf_efi_firmware {
    void *context;
    /* Whole pages that an operating system leaves alone: below 4 GiB, or, where `high`, above it when there is memory.
     * 0: none left. */
    uint64_t (*take)(void *context, size_t size, bool high);
    void (*give_back)(void *context, uint64_t address, size_t size);
    void (*fill)(void *context, uint64_t address, const void *bytes, size_t size);
    /* Installs a copy of a table. */
    bool (*install)(void *context, const void *table, uint32_t length, uint64_t *key);
    void (*uninstall)(void *context, uint64_t key);
};

/* `agreed` are HF_ACPI_FEATURE bits; `work` has hf_acpi_run_room() bytes. What the firmware gave is given back, but for
 * the files that are still needed when everything was installed. */
enum hf_mailbox_loader hf_efi_script_run(const struct hf_acpi_bundle *bundle, uint64_t agreed,
                                         const struct hf_efi_firmware *firmware, void *work, size_t size);

#endif
