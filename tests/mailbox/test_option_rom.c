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
static void make(size_t at, unsigned machine, bool last)
{
    memset(rom + at, 0, 1024);
    put16(at, 0xaa55);
    put16(at + 4, 0x0ef1);
    put16(at + 0x0a, machine);
    put16(at + 0x16, 0x80);
    put16(at + 0x18, 0x1c);
    memcpy(rom + at + 0x1c, "PCIR", 4);
    put16(at + 0x2c, 2);
    rom[at + 0x30] = 3;
    rom[at + 0x31] = last ? 0x80 : 0;
}

static void each_driver_is_found_with_all_that_firmware_loads_of_it(void **state)
{
    struct hf_option_rom found;

    make(0, 0x8664, false);
    make(1024, 0xaa64, true);
    rom[1024 + 0x0c] = 1;
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), 0);
    assert_int_equal(found.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_ptr_equal(found.drivers[i].bytes, rom + 1024 * i + 0x80);
        assert_int_equal(found.drivers[i].size, 1024 - 0x80);
        assert_int_equal(found.drivers[i].machine, i ? 0xaa64 : 0x8664);
        assert_int_equal(found.drivers[i].packed, i == 1);
    }
}

static void what_is_no_rom_is_refused(void **state)
{
    struct hf_option_rom found;

    make(0, 0x8664, false);
    memset(rom + 1024, 0, 1024);
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), -HF_EREFUSED);
    assert_int_equal(hf_option_rom_inspect(rom, 512, &found, NULL), -HF_EREFUSED);
    assert_int_equal(hf_option_rom_inspect(rom, 0, &found, NULL), -HF_EREFUSED);
    make(0, 0x8664, true);
    rom[0x30] = 0; /* for a BIOS */
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), -HF_EREFUSED);
    make(0, 0x8664, true);
    put16(0x16, 1024); /* the driver begins where the image ends */
    assert_int_equal(hf_option_rom_inspect(rom, sizeof rom, &found, NULL), -HF_EREFUSED);
}

static void any_bytes_are_survived(void **state)
{
    unsigned seed = 1;
    struct hf_option_rom found;

    for (unsigned i = 0; i < 20000; i++) {
        make(0, 0x8664, false);
        make(1024, 0xaa64, true);
        for (unsigned n = 1 + i % 4; n > 0; n--)
            rom[(size_t)rand_r(&seed) % 0x100] = (uint8_t)rand_r(&seed);
        (void)hf_option_rom_inspect(rom, (size_t)rand_r(&seed) % sizeof rom, &found, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_driver_is_found_with_all_that_firmware_loads_of_it),
        cmocka_unit_test(what_is_no_rom_is_refused),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests_name("mailbox-option-rom", tests, NULL, NULL);
}
