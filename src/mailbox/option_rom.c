/* SPDX-License-Identifier: BSD-2-Clause */
#include "option_rom.h"

#include <stdint.h>
#include <string.h>

#include "cursor.h"

/* PCI Firmware Specification 3.0, 5.1; UEFI Specification 2.10, 14.4.2; PE/COFF. */
#define ROM_SIGNATURE  0xaa55u
#define CODE_EFI       3
#define EFI_SIGNATURE  0x0ef1u
#define LAST_IMAGE     0x80u
#define PCIR_AT        0x18
#define UNIT           512
#define PE32           0x10bu
#define PE32_PLUS      0x20bu
#define SECURITY_TABLE 4

/* The signature's directory entry of a PE image is not empty. */
static bool pe_is_signed(const uint8_t *image, size_t size)
{
    struct hf_cursor c = hf_cursor_of(image, size);
    uint16_t magic;
    uint32_t at;

    (void)hf_cursor_take(&c, 0x3c);
    at = hf_cursor_le32(&c);
    c = hf_cursor_of(image, size);
    (void)hf_cursor_take(&c, at);
    if (c.bad || hf_cursor_le32(&c) != 0x4550)
        return false;
    (void)hf_cursor_take(&c, 20);
    magic = hf_cursor_le16(&c);
    if (magic != PE32 && magic != PE32_PLUS)
        return false;
    (void)hf_cursor_take(&c, (magic == PE32 ? 96u : 112u) - 2 + 8 * SECURITY_TABLE);
    (void)hf_cursor_le32(&c);
    return hf_cursor_le32(&c) != 0 && !c.bad;
}

static int not_a_rom(struct hf_error *err, size_t at, const char *why)
{
    return hf_error_refuse(err, "rom", "option ROM: %s, at byte %zu", why, at);
}

/* One image of the ROM; *length is where the next one begins. */
static int inspect_image(const uint8_t *rom, size_t size, size_t *length, bool *last, struct hf_option_rom *ret,
                         struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(rom, size), pcir;
    uint16_t efi_at = 0, units;
    uint32_t efi = 0;
    bool packed;
    uint8_t code;

    if (hf_cursor_le16(&c) != ROM_SIGNATURE)
        return not_a_rom(err, 0, "an image does not begin with 0xAA55");
    (void)hf_cursor_le16(&c);
    efi = hf_cursor_le32(&c);
    (void)hf_cursor_take(&c, 4);
    packed = hf_cursor_le16(&c) != 0;
    (void)hf_cursor_take(&c, 8);
    efi_at = hf_cursor_le16(&c);
    pcir = hf_cursor_of(rom, size);
    (void)hf_cursor_take(&pcir, hf_cursor_le16(&c));
    if (hf_cursor_le32(&pcir) != 0x52494350 || c.bad || pcir.bad)
        return not_a_rom(err, PCIR_AT, "no PCI data structure");
    (void)hf_cursor_take(&pcir, 12);
    units = hf_cursor_le16(&pcir);
    (void)hf_cursor_le16(&pcir);
    code = hf_cursor_u8(&pcir);
    *last = (hf_cursor_u8(&pcir) & LAST_IMAGE) != 0;
    if (pcir.bad || units == 0 || (size_t)units * UNIT > size)
        return not_a_rom(err, PCIR_AT, "an image is longer than the file");
    *length = (size_t)units * UNIT;
    if (code != CODE_EFI || efi != EFI_SIGNATURE)
        return 0;
    ret->efi_images++;
    ret->is_signed = ret->is_signed && !packed && efi_at < *length && pe_is_signed(rom + efi_at, *length - efi_at);
    return 0;
}

int hf_option_rom_inspect(const void *bytes, size_t size, struct hf_option_rom *ret, struct hf_error *err)
{
    struct hf_option_rom found = {.is_signed = true};
    size_t at = 0, length = 0;
    bool last = false;

    while (!last) {
        int r = inspect_image((const uint8_t *)bytes + at, size - at, &length, &last, &found, err);

        if (r < 0)
            return r;
        at += length;
    }
    if (found.efi_images == 0)
        return not_a_rom(err, 0, "no driver for UEFI in it");
    *ret = found;
    return 0;
}
