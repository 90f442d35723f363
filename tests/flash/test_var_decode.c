/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include <holdfast/devpath.h>
#include <holdfast/siglist.h>
#include <holdfast/ucs2.h>
#include <holdfast/var_decode.h>

static struct hf_var vars[8192];

static struct hf_varstore opened(const struct file *f)
{
    struct hf_varstore s;

    assert_int_equal(hf_varstore_open(f->bytes, f->size, HF_VARSTORE_STRICT, vars, 8192, NULL, NULL, &s, NULL), 0);
    return s;
}

static const char *described(const struct hf_varstore *s, const char *guid_name, const char *name)
{
    static char text[2048];
    uint8_t bytes[64];
    struct hf_guid guid;
    const struct hf_var *v;
    int n = hf_ucs2_from_utf8(name, bytes, sizeof bytes);

    assert_int_equal(hf_guid_parse(guid_name, strlen(guid_name), &guid), 0);
    v = hf_varstore_find(s, &guid, bytes, (uint32_t)n);
    assert_non_null(v);
    (void)hf_var_describe(v, text, sizeof text);
    return text;
}

static void a_filled_store_in_words(void **state)
{
    struct file f = file_read("/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
    struct hf_varstore s = opened(&f);
    struct hf_secure_boot sb;

    assert_string_equal(
        described(&s, "EfiGlobalVariable", "Boot0000"),
        "\"UiApp\" Fv(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(462caa21-7614-4503-836e-8ab6f4662331)");
    assert_non_null(strstr(described(&s, "EfiGlobalVariable", "ConOut"), "PciRoot(0x0)/Pci("));
    assert_non_null(strstr(described(&s, "EfiGlobalVariable", "ConIn"), "/Acpi(PNP0303,0x0)"));
    assert_non_null(strstr(described(&s, "EfiGlobalVariable", "KEK"), "Microsoft Corporation KEK CA 2011"));
    assert_string_equal(described(&s, "EfiImageSecurityDatabase", "dbx"), "1 hash (owner OvmfEnrollDefaultKeys)");
    assert_string_equal(described(&s, "EfiSecureBootEnableDisable", "SecureBootEnable"), "on");
    assert_string_equal(described(&s, "EfiGlobalVariable", "PlatformLang"), "en");
    if (files_of_debian_12()) /* later builds have no iSCSI */
        assert_string_equal(described(&s, "EfiIScsiInitiatorNameProtocol", "Attempt 1"), "secret, not shown");
    hf_secure_boot_read(&s, &sb);
    assert_false(sb.setup_mode);
    assert_int_equal(sb.enforced, HF_YES);
    assert_int_equal(sb.pk, 1);
    assert_int_equal(sb.dbx, 1);
    free(f.bytes);
}

static void secrets_are_known_by_vendor_and_name(void **state)
{
    static const uint8_t name[] = {'M', 0, 'o', 0, 'k', 0, 'P', 0, 'W', 0, 0, 0};
    struct hf_var v = {.name = name, .name_size = sizeof name, .data = name, .data_size = 3};

    assert_int_equal(hf_guid_parse("Shim", 4, &v.guid), 0);
    assert_true(hf_var_secret(&v));
    v.guid.b[0] ^= 1;
    assert_false(hf_var_secret(&v));
}

static void device_paths_follow_the_specification(void **state)
{
    static const struct {
        uint8_t bytes[64];
        size_t size;
        const char *text;
        bool whole;
    } cases[] = {
        {{0x02, 1, 12, 0, 0xD0, 0x41, 0x03, 0x0A, 0, 0, 0, 0, 1, 1, 6, 0, 1, 2, 0x7F, 0xFF, 4, 0},
         22,
         "PciRoot(0x0)/Pci(0x2,0x1)",
         true},
        {{3, 1, 8, 0, 1, 0, 0, 0, 0x7F, 0xFF, 4, 0}, 12, "Ata(Secondary,Master,0x0)", true},
        {{3, 0x12, 10, 0, 2, 0, 0xFF, 0xFF, 0, 0, 0x7F, 0xFF, 4, 0}, 14, "Sata(0x2,0xffff,0x0)", true},
        {{3, 0x17, 16, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7F, 0xFF, 4, 0},
         20,
         "NVMe(0x1,08-07-06-05-04-03-02-01)",
         true},
        {{4, 4, 10, 0, '\\', 0, 'a', 0, 0, 0, 0x7F, 0xFF, 4, 0}, 14, "\\a", true},
        {{9, 9, 6, 0, 0xAB, 0xCD, 0x7F, 0xFF, 4, 0}, 10, "Path(9,9,abcd)", true},
        {{1, 5, 8, 0, 1, 0, 0, 0, 0x7F, 1, 4, 0, 1, 5, 8, 0, 2, 0, 0, 0, 0x7F, 0xFF, 4, 0},
         24,
         "Ctrl(0x1),Ctrl(0x2)",
         true},
        {{1, 5, 8, 0, 1, 0}, 6, "", false},
        {{1, 5, 3, 0}, 4, "", false},
    };
    char text[128];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(hf_devpath_format(cases[i].bytes, cases[i].size, text, sizeof text), cases[i].whole);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(hf_devpath_size(cases[i].bytes, cases[i].size), cases[i].whole ? cases[i].size : 0);
    }
}

static void names_go_to_utf8_and_back(void **state)
{
    static const char *const names[] = {"Boot0000", "Schl\xC3\xBCssel", "\xE9\x8D\xB5", "\xF0\x9F\x94\x91", ""};
    uint8_t bytes[64];
    char back[64];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int n = hf_ucs2_from_utf8(names[i], bytes, sizeof bytes);

        assert_true(n >= 2);
        assert_true(hf_ucs2_to_utf8(bytes, (size_t)n, back, sizeof back));
        assert_string_equal(back, names[i]);
    }
    assert_int_equal(hf_ucs2_from_utf8("\xC0\x80", bytes, sizeof bytes), -HF_EUSAGE);
    assert_int_equal(hf_ucs2_from_utf8("abc", bytes, 6), -HF_ENOMEM);
    assert_false(hf_ucs2_to_utf8((const uint8_t *)"\x00\xD8", 2, back, sizeof back));
}

static void broken_signature_lists_end_the_walk(void **state)
{
    uint8_t bytes[76] = {0};
    struct hf_signature s;
    struct hf_siglist l;

    bytes[16] = 76;
    bytes[24] = 48;
    l = hf_siglist_of(bytes, sizeof bytes);
    assert_true(hf_siglist_next(&l, &s));
    assert_int_equal(s.size, 32);
    assert_false(hf_siglist_next(&l, &s));
    assert_false(l.bad);
    for (size_t i = 16; i < 28; i += 4) {
        bytes[i] ^= 0xFF;
        l = hf_siglist_of(bytes, sizeof bytes);
        assert_false(hf_siglist_next(&l, &s));
        assert_true(l.bad);
        bytes[i] ^= 0xFF;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filled_store_in_words),
        cmocka_unit_test(secrets_are_known_by_vendor_and_name),
        cmocka_unit_test(device_paths_follow_the_specification),
        cmocka_unit_test(names_go_to_utf8_and_back),
        cmocka_unit_test(broken_signature_lists_end_the_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
