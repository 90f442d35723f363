/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "rom_names.h"

static void rom_names_are_read_from_qemus_list(void **state)
{
    struct hf_rom_names names = {0};
    static const char text[] = "fw=genroms/kvmvapic.bin size=0x002400 name=\"kvmvapic.bin\"\n"
                               "fw=vgaroms/vgabios.bin size=0x009a00 name=\"vgabios.bin\"\n"
                               "fw=genroms/kvmvapic.bin size=0x002400 name=\"again\"\n"
                               "addr=00000000fffc0000 size=0x040000 mem=rom name=\"bios-256k.bin\"\n"
                               "/rom@etc/acpi/tables size=0x200000 name=\"etc/acpi/tables\"\n"
                               "fw=genroms/linuxboot_dma.bin";

    assert_int_equal(hf_rom_names_parse(text, &names, NULL), 0);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.name[0], "kvmvapic.bin");
    assert_string_equal(names.name[1], "vgabios.bin");
    assert_string_equal(names.name[2], "linuxboot_dma.bin");
}

static void names_that_are_paths_or_nonsense_are_not_ours(void **state)
{
    struct hf_rom_names names = {0};
    static const char text[] =
        "fw=genroms/../../etc/passwd size=1\n"
        "fw=genroms/.hidden size=1\n"
        "fw=genroms/ size=1\n"
        "fw=genroms/a*b size=1\n"
        "fw=genroms/"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bin\n"
        "fw=genroms\n\n\n";

    assert_int_equal(hf_rom_names_parse(text, &names, NULL), 0);
    assert_int_equal(names.count, 0);
    assert_int_equal(hf_rom_names_parse("", &names, NULL), 0);
}

static void more_than_a_container_takes_is_refused(void **state)
{
    struct hf_rom_names names = {0};
    struct hf_error err;
    char line[64];

    for (int i = 0; i < HF_ROMS_MAX; i++) {
        snprintf(line, sizeof line, "fw=genroms/%d.bin size=1\n", i);
        assert_int_equal(hf_rom_names_parse(line, &names, &err), 0);
    }
    assert_int_equal(hf_rom_names_parse("fw=genroms/one-more.bin size=1", &names, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "roms");
    assert_int_equal(hf_rom_names_parse("fw=genroms/7.bin size=1", &names, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rom_names_are_read_from_qemus_list),
        cmocka_unit_test(names_that_are_paths_or_nonsense_are_not_ours),
        cmocka_unit_test(more_than_a_container_takes_is_refused),
    };

    return cmocka_run_group_tests_name("qemu-rom_names", tests, NULL, NULL);
}
