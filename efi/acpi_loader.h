/* SPDX-License-Identifier: BSD-2-Clause */
/* The domain `acpi-loader`: a linker script and its files come through the mailbox; their tables join the firmware's.
 */
#ifndef HF_EFI_ACPI_LOADER_H
#define HF_EFI_ACPI_LOADER_H

#include "window.h"

void hf_efi_acpi_loader_start(struct hf_efi_window *w);

#endif
