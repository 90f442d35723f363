/* SPDX-License-Identifier: BSD-2-Clause */
#include "option_rom.h"

#include "cursor.h"

/* PCI Firmware Specification 3.0, 5.1; UEFI Specification 2.10, 14.4.2. */
#define ROM_SIGNATURE 0xaa55u
#define CODE_EFI      3
#define EFI_SIGNATURE 0x0ef1u
#define LAST_IMAGE    0x80u
#define PCIR_AT       0x18
#define UNIT          512

static int not_a_rom(struct hf_error *err, size_t at, const char *why)
{
    return hf_error_refuse(err, "rom", "option ROM: %s, at byte %zu", why, at);
}

/* One image of the ROM; *length is where the next one begins. */
static int inspect_image(const uint8_t *rom, size_t size, size_t *length, bool *last, struct hf_option_rom *ret,
                         struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(rom, size), pcir;
    struct hf_rom_driver driver;
    uint16_t efi_at, units;
    uint32_t efi;
    uint8_t code;

    if (hf_cursor_le16(&c) != ROM_SIGNATURE)
        return not_a_rom(err, 0, "an image does not begin with 0xAA55");
    (void)hf_cursor_le16(&c);
    efi = hf_cursor_le32(&c);
    (void)hf_cursor_le16(&c);
    driver.machine = hf_cursor_le16(&c);
    driver.packed = hf_cursor_le16(&c) != 0;
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
    if (efi_at >= *length)
        return not_a_rom(err, 0x16, "a driver starts after its image");
    if (ret->count == HF_ROM_DRIVERS_MAX)
        return not_a_rom(err, 0, "more than eight drivers");
    driver.bytes = rom + efi_at;
    driver.size = *length - efi_at;
    ret->drivers[ret->count++] = driver;
    return 0;
}

int hf_option_rom_inspect(const void *bytes, size_t size, struct hf_option_rom *ret, struct hf_error *err)
{
    struct hf_option_rom found = {.count = 0};
    size_t at = 0, length = 0;
    bool last = false;

    while (!last) {
        int r = inspect_image((const uint8_t *)bytes + at, size - at, &length, &last, &found, err);

        if (r < 0)
            return r;
        at += length;
    }
    if (found.count == 0)
        return not_a_rom(err, 0, "no driver for UEFI");
    *ret = found;
    return 0;
}
