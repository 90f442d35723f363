/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include <holdfast/flash_image.h>
#include <holdfast/varstore.h>

static struct hf_flash_image identify(const char *path)
{
    struct file f = file_read(path);
    void *work = malloc(HF_FLASH_WORK_SIZE);
    struct hf_flash_image image;

    hf_flash_identify(f.bytes, f.size, work, HF_FLASH_WORK_SIZE, &image);
    free(work);
    free(f.bytes);
    return image;
}

static void ovmf_is_told_with_and_without_smm(void **state)
{
    static const struct {
        const char *path;
        enum hf_layout layout;
        enum hf_answer smm;
        uint64_t base;
    } cases[] = {
        {"/usr/share/OVMF/OVMF_CODE.fd", HF_LAYOUT_2M, HF_NO, 0xFFE20000},
        {"/usr/share/OVMF/OVMF_CODE.secboot.fd", HF_LAYOUT_2M, HF_YES, 0xFFE20000},
        {"/usr/share/OVMF/OVMF_CODE_4M.fd", HF_LAYOUT_4M, HF_NO, 0xFFC84000},
        {"/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", HF_LAYOUT_4M, HF_YES, 0xFFC84000},
    };

    for (size_t i = files_of_debian_12() ? 0 : 2; i < sizeof cases / sizeof cases[0]; i++) {
        struct hf_flash_image image = identify(cases[i].path);
        bool plain = cases[i].smm == HF_NO;

        assert_int_equal(image.kind, HF_FLASH_OVMF);
        assert_int_equal(image.arch, HF_ARCH_X86_64);
        assert_int_equal(image.layout, cases[i].layout);
        assert_int_equal(image.needs_smm, cases[i].smm);
        assert_int_equal(image.secure_boot, plain && !files_of_debian_12() ? HF_NO : HF_YES);
        assert_int_equal(image.base, cases[i].base);
        assert_int_equal(image.volume_count, 2);
        assert_true(image.volume[0].checksum_ok && image.volume[1].checksum_ok);
        assert_string_equal(hf_guid_name(&image.volume[1].name), "OvmfSecVolume");
        assert_true(image.entry_count >= 3);
        assert_string_equal(hf_guid_name(&image.entry[0].guid), "SevProcessorReset");
        assert_string_equal(image.note, "");
    }
}

static void without_working_memory_smm_is_unknown(void **state)
{
    struct file f = file_read("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd");
    struct hf_flash_image image;

    hf_flash_identify(f.bytes, f.size, NULL, 0, &image);
    assert_int_equal(image.kind, HF_FLASH_OVMF);
    assert_int_equal(image.needs_smm, HF_UNKNOWN);
    assert_int_equal(image.secure_boot, HF_UNKNOWN);
    assert_int_equal(image.arch, files_of_debian_12() ? HF_ARCH_UNKNOWN : HF_ARCH_X86_64); /* newer: a driver outside */
    assert_string_not_equal(image.note, "");
    free(f.bytes);
}

static void aavmf_and_its_padding(void **state)
{
    struct hf_flash_image image = identify("/usr/share/AAVMF/AAVMF_CODE.fd");

    assert_int_equal(image.kind, HF_FLASH_AAVMF);
    assert_int_equal(image.arch, HF_ARCH_AARCH64);
    assert_int_equal(image.layout, HF_LAYOUT_AAVMF);
    assert_int_equal(image.needs_smm, HF_NO);
    assert_int_equal(image.secure_boot, files_of_debian_12() ? HF_YES : HF_NO);
    assert_int_equal(image.size, image.bank_size);
    if (files_of_debian_12())
        assert_string_equal(image.version, "edk2-2022.11");
    else
        assert_memory_equal(image.version, "20", 2); /* Debian's own: 2025.02-8 */
    image = identify("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd");
    assert_int_equal(image.kind, HF_FLASH_AAVMF);
    assert_true(image.size == 2 << 20 || image.size == 3 << 20);
    assert_int_equal(image.bank_size, 64 << 20);
}

static void seabios_has_a_version_and_no_variables(void **state)
{
    struct hf_flash_image image = identify("/usr/share/seabios/bios-256k.bin"), vars;
    struct hf_pairing pairing;

    assert_int_equal(image.kind, HF_FLASH_SEABIOS);
    assert_int_equal(image.layout, HF_LAYOUT_NONE);
    assert_memory_equal(image.version, "1.", 2);
    assert_int_equal(image.base, 0xFFFC0000);
    vars = identify("/usr/share/OVMF/OVMF_VARS_4M.fd");
    hf_flash_pair(&image, &vars, &pairing);
    assert_int_equal(pairing.fits, HF_NO);
}

static void variables_of_every_layout(void **state)
{
    const struct {
        const char *path;
        enum hf_layout layout;
        bool blank;
    } cases[] = {
        {"/usr/share/OVMF/OVMF_VARS.fd", HF_LAYOUT_2M, false},
        {"/usr/share/OVMF/OVMF_VARS.ms.fd", HF_LAYOUT_2M, false},
        {"/usr/share/OVMF/OVMF_VARS_4M.fd", HF_LAYOUT_4M, false},
        {"/usr/share/OVMF/OVMF_VARS_4M.ms.fd", HF_LAYOUT_4M, false},
        {"/usr/share/AAVMF/AAVMF_VARS.fd", HF_LAYOUT_AAVMF, files_of_debian_12()}, /* 64 MiB of zeros there */
        {"/usr/share/AAVMF/AAVMF_VARS.ms.fd", HF_LAYOUT_AAVMF, false},
    };

    for (size_t i = files_of_debian_12() ? 0 : 2; i < sizeof cases / sizeof cases[0]; i++) {
        struct hf_flash_image image = identify(cases[i].path);

        assert_int_equal(image.kind, HF_FLASH_VARS);
        assert_int_equal(image.layout, cases[i].layout);
        assert_int_equal(image.blank, cases[i].blank);
        assert_int_equal(image.header_ok, !cases[i].blank);
        assert_string_equal(image.note, "");
    }
}

static void combined_images_and_rubbish_are_named(void **state)
{
    struct hf_flash_image image = identify("/usr/share/ovmf/OVMF.fd");
    uint8_t rubbish[4096];

    assert_int_equal(image.kind, HF_FLASH_COMBINED);
    for (size_t i = 0; i < sizeof rubbish; i++)
        rubbish[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t size = 0; size < sizeof rubbish; size += 13) {
        hf_flash_identify(rubbish, size, NULL, 0, &image);
        assert_int_equal(image.kind, HF_FLASH_UNKNOWN);
        assert_string_not_equal(image.note, "");
    }
}

/* A disk image of a code bank has the bank's firmware volumes in it, and none of them where a machine looks. */
static void what_holds_a_bank_is_no_bank(void **state)
{
    static const struct {
        const char *magic, *says;
        size_t size, at;
    } cases[] = {
        {"QFI\xfb", "qcow2", 4, 0},
        {"\x7f\x10\xda\xbe", "VDI", 4, 0x40},
        {"\x1f\x8b", "gzip", 2, 0},
        {"\xfd"
         "7zXZ",
         "xz", 6, 0},
        {"\x7f"
         "ELF",
         "ELF", 4, 0},
        {"SQLite format 3", "container", 16, 0},
    };
    struct file code = file_read("/usr/share/OVMF/OVMF_CODE_4M.fd");
    uint8_t *disk = calloc(1, code.size + 0x10000);
    void *work = malloc(HF_FLASH_WORK_SIZE);
    struct hf_flash_image image;

    memcpy(disk + 0x10000, code.bytes, code.size);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(disk, 0, 0x10000);
        memcpy(disk + cases[i].at, cases[i].magic, cases[i].size);
        hf_flash_identify(disk, code.size + 0x10000, work, HF_FLASH_WORK_SIZE, &image);
        assert_int_equal(image.kind, HF_FLASH_UNKNOWN);
        assert_non_null(strstr(image.note, cases[i].says));
        assert_null(hf_flash_foreign(disk, cases[i].at + cases[i].size - 1));
    }
    free(work);
    free(disk);
    free(code.bytes);
}

static void pairing_says_why_not(void **state)
{
    struct hf_flash_image code = identify("/usr/share/OVMF/OVMF_CODE_4M.fd");
    struct hf_flash_image right = identify("/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
    struct hf_flash_image small;
    struct hf_pairing pairing;
    size_t size = (size_t)hf_layout_info(HF_LAYOUT_2M)->bank_size;
    uint8_t *bank = malloc(size);

    assert_int_equal(hf_varstore_format(bank, size, HF_LAYOUT_2M, NULL), 0);
    hf_flash_identify(bank, size, NULL, 0, &small);
    free(bank);

    hf_flash_pair(&code, &right, &pairing);
    assert_int_equal(pairing.fits, HF_YES);
    hf_flash_pair(&code, &small, &pairing);
    assert_int_equal(pairing.fits, HF_NO);
    assert_non_null(strstr(pairing.why, "--layout 4m"));
    hf_flash_pair(&right, &code, &pairing);
    assert_int_equal(pairing.fits, HF_NO);
    right.header_ok = false;
    hf_flash_pair(&code, &right, &pairing);
    assert_int_equal(pairing.fits, HF_NO);
}

static void guids_read_what_they_write(void **state)
{
    struct hf_guid g, back;
    char text[HF_GUID_TEXT_SIZE];

    assert_int_equal(hf_guid_parse("8BE4DF61-93ca-11d2-aa0d-00e098032b8c", 36, &g), 0);
    assert_string_equal(hf_guid_name(&g), "EfiGlobalVariable");
    hf_guid_format(&g, text);
    assert_string_equal(text, "8be4df61-93ca-11d2-aa0d-00e098032b8c");
    assert_int_equal(hf_guid_parse("EfiGlobalVariable", 17, &back), 0);
    assert_true(hf_guid_equal(&g, &back));
    assert_int_equal(hf_guid_parse("8be4df61x93ca-11d2-aa0d-00e098032b8c", 36, &g), -HF_EUSAGE);
    assert_int_equal(hf_guid_parse("8be4df61-93ca-11d2-aa0d-00e098032b8", 35, &g), -HF_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ovmf_is_told_with_and_without_smm),
        cmocka_unit_test(without_working_memory_smm_is_unknown),
        cmocka_unit_test(aavmf_and_its_padding),
        cmocka_unit_test(seabios_has_a_version_and_no_variables),
        cmocka_unit_test(variables_of_every_layout),
        cmocka_unit_test(combined_images_and_rubbish_are_named),
        cmocka_unit_test(what_holds_a_bank_is_no_bank),
        cmocka_unit_test(pairing_says_why_not),
        cmocka_unit_test(guids_read_what_they_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
