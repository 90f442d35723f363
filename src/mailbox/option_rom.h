/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI option ROM, looked at before it is given to a guest. Pure. Any thread. */
#ifndef HF_OPTION_ROM_H
#define HF_OPTION_ROM_H

#include <stdbool.h>
#include <stddef.h>

#include <holdfast/error.h>

struct hf_option_rom {
    unsigned efi_images; /* drivers for UEFI in it */
    bool is_signed;      /* every one of them carries a signature; whether a guest trusts it, its variables decide */
};

/* HF_EREFUSED "rom": the bytes are no option ROM with a driver for UEFI; the text says why. */
int hf_option_rom_inspect(const void *bytes, size_t size, struct hf_option_rom *ret, struct hf_error *err);

#endif
