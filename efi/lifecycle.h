/* SPDX-License-Identifier: BSD-2-Clause */
/* The domain `lifecycle`: tells the host how far the boot came. */
#ifndef HF_EFI_LIFECYCLE_H
#define HF_EFI_LIFECYCLE_H

#include "window.h"

void hf_efi_lifecycle_start(struct hf_efi_window *w);

#endif
