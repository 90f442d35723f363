/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox's window as this driver reaches it: BAR 2 of the PCI device, mapped as memory, with a bounded wait.
 *
 * Nothing here waits for ever. Each domain may spend HF_EFI_WAIT_MS on a host that announced itself and then does not
 * answer; where no host announced itself nothing is waited for at all.
 */
#ifndef HF_EFI_WINDOW_H
#define HF_EFI_WINDOW_H

#include "mailbox_guest.h"
#include "uefi.h"

#define HF_EFI_WAIT_MS 3000u /* an answer is on the host's disk before it is given, and disks can be busy */

/* QEMU's ivshmem-plain. */
#define HF_EFI_PCI_VENDOR 0x1af4u
#define HF_EFI_PCI_DEVICE 0x1110u

struct hf_efi_window {
    EFI_SYSTEM_TABLE *system;
    EFI_BOOT_SERVICES *boot;
    struct hf_mailbox_port port;
    uint32_t left; /* milliseconds that the domain under way may still wait */
};

/* Finds BAR 2, maps it write-back where the processor maps it as a device's, and looks for a host there. */
EFI_STATUS hf_efi_window_open(struct hf_efi_window *w, EFI_PCI_IO_PROTOCOL *pci);

/* A domain begins: its time is its own, whatever became of the one before. */
void hf_efi_window_turn(struct hf_efi_window *w);

/* Agrees on a domain's bits. 0, or minus an hf_code: then there are no features. */
int hf_efi_agree(struct hf_efi_window *w, const char *domain, uint32_t version, uint64_t wanted,
                 struct hf_bits *agreed);

#endif
