/* SPDX-License-Identifier: BSD-2-Clause */
/* Option ROMs and VGA BIOSes that the machine loaded, by the file name under which QEMU asks for them. A ROM belongs to
 * a slot, as the code does. */
#ifndef HF_ROMS_H
#define HF_ROMS_H

#include "digest.h"
#include "slots.h"

#define HF_ROMS_MAX      32 /* per slot */
#define HF_ROM_NAME_SIZE 64

struct hf_rom {
    char name[HF_ROM_NAME_SIZE]; /* "vgabios-stdvga.bin": [A-Za-z0-9._-], no directory */
    struct hf_digest image;      /* an image of kind rom */
};

/* In a transaction; replaces one of the same name. HF_EREFUSED "roms" (limit), HF_EUSAGE (name), HF_ENOTFOUND (image). */
int hf_rom_set(struct hf_container *c, enum hf_slot slot, const struct hf_rom *rom, struct hf_error *err);
int hf_rom_list(struct hf_container *c, enum hf_slot slot, struct hf_rom list[HF_ROMS_MAX], size_t *count,
                struct hf_error *err);
/* In a transaction: `to` gets the ROMs of `from`. */
int hf_rom_copy(struct hf_container *c, enum hf_slot from, enum hf_slot to, struct hf_error *err);
/* In a transaction. */
int hf_rom_clear(struct hf_container *c, enum hf_slot slot, struct hf_error *err);

#endif
