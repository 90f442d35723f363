/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI option ROM, looked at before it is given to a guest. Pure. Any thread. */
#ifndef HF_OPTION_ROM_H
#define HF_OPTION_ROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#define HF_ROM_DRIVERS_MAX 8

/* A driver for UEFI in it. */
struct hf_rom_driver {
    const uint8_t *bytes; /* points into the ROM; up to the end of its image, which is what firmware loads and checks */
    size_t size;
    uint16_t machine; /* as PE/COFF numbers processors */
    bool packed;      /* compressed: the bytes are not yet a program */
};

struct hf_option_rom {
    struct hf_rom_driver drivers[HF_ROM_DRIVERS_MAX];
    size_t count;
};

/* HF_EREFUSED "rom": the bytes are no option ROM with a driver for UEFI, or with more than fit; the text says why. */
int hf_option_rom_inspect(const void *bytes, size_t size, struct hf_option_rom *ret, struct hf_error *err);

#endif
