/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdlib.h>

#include "option_rom.h"

static uint8_t rom[2048];

static void put16(size_t at, unsigned v)
{
    rom[at] = (uint8_t)v;
    rom[at + 1] = (uint8_t)(v >> 8);
}

/* An EFI image of 1024 bytes at `at`. */
static void make(size_t at, bool last, bool with_signature)
{
    memset(rom + at, 0, 1024);
    put16(at, 0xaa55);
    put16(at + 4, 0x0ef1);
    put16(at + 0x16, 0x80);
    put16(at + 0x18, 0x1c);
    memcpy(rom + at + 0x1c, "PCIR", 4);
    put16(at + 0x2c, 2);
    rom[at + 0x30] = 3;
    rom[at + 0x31] = last ? 0x80 : 0;
    memcpy(rom + at + 0x80, "MZ", 2);
    put16(at + 0x80 + 0x3c, 0x40);
    memcpy(rom + at + 0xc0, "PE\0", 4);
    put16(at + 0xc0 + 24, 0x20b);
    put16(at + 0xc0 + 24 + 112 + 4 * 8 + 4, with_signature ? 0x100 : 0);
}

static void images_are_counted_and_every_one_must_be_signed(void **state)
{
    struct hf_option_rom found;

    make(0, false, true);
    make(1024, true, true);
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), 0);
    assert_int_equal(found.efi_images, 2);
    assert_true(found.is_signed);
    make(1024, true, false);
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), 0);
    assert_false(found.is_signed);
    make(0, true, true);
    rom[0x0c] = 1; /* packed: what is inside cannot be seen */
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), 0);
    assert_false(found.is_signed);
}

static void what_is_no_rom_is_refused(void **state)
{
    struct hf_option_rom found;

    make(0, false, true);
    memset(rom + 1024, 0, 1024);
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), -HF_EREFUSED);
    assert_int_equal(hf_option_rom_inspect(rom, 512, &found, NULL), -HF_EREFUSED);
    assert_int_equal(hf_option_rom_inspect(rom, 0, &found, NULL), -HF_EREFUSED);
    make(0, true, true);
    rom[0x30] = 0; /* for a BIOS */
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), -HF_EREFUSED);
}

static void any_bytes_are_survived(void **state)
{
    unsigned seed = 1;
    struct hf_option_rom found;

    for (unsigned i = 0; i < 20000; i++) {
        make(0, false, true);
        make(1024, true, true);
        for (unsigned n = 1 + i % 4; n > 0; n--)
            rom[(size_t)rand_r(&seed) % 0x100] = (uint8_t)rand_r(&seed);
        (void)hf_option_rom_inspect(rom, (size_t)rand_r(&seed) % sizeof rom, &found, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_counted_and_every_one_must_be_signed),
        cmocka_unit_test(what_is_no_rom_is_refused),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests_name("mailbox-option-rom", tests, NULL, NULL);
}
