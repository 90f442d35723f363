/* SPDX-License-Identifier: BSD-2-Clause */
/* Device paths that are made, and boot entries read in their order. */
#include "unit.h"

#include <holdfast/devpath.h>

#include "boot_entries.h"
#include "boot_path.h"

static const char *text_of(const struct hf_boot_path *path)
{
    static char text[256];

    assert_int_equal(hf_devpath_size(path->bytes, path->size), path->size);
    assert_true(hf_devpath_format(path->bytes, path->size, text, sizeof text));
    free(path->bytes);
    return text;
}

static void paths(void **state)
{
    const struct hf_gpt_partition esp = {
        .number = 15,
        .first = 2048,
        .sectors = 0x1F400,
        .id = HF_GUID(0x0fc63daf, 0x8483, 0x4772, 0x8e79, 0x3d69d8477de4),
    };
    struct hf_boot_path path;
    struct hf_error err;

    (void)state;
    assert_int_equal(hf_boot_path_file(&esp, "/EFI/debian/shimx64.efi", &path, &err), 0);
    assert_string_equal(text_of(&path),
                        "HD(15,GPT,0fc63daf-8483-4772-8e79-3d69d8477de4,0x800,0x1f400)/\\EFI\\debian\\shimx64.efi");
    assert_int_equal(hf_boot_path_file(NULL, "EFI\\x.efi", &path, &err), 0);
    assert_string_equal(text_of(&path), "\\EFI\\x.efi");
    assert_int_equal(hf_boot_path_uri("https://boot.example/x.efi", &path, &err), 0);
    assert_string_equal(text_of(&path), "Uri(https://boot.example/x.efi)");
    assert_int_equal(hf_boot_path_app("shell", HF_LAYOUT_AAVMF, &path, &err), 0);
    assert_string_equal(text_of(&path),
                        "Fv(64074afe-340a-4be6-94ba-91b5b4d0f71e)/FvFile(7c04a583-9e3e-4f1c-ad65-e05268d0b4d1)");
    assert_int_equal(hf_boot_path_app("games", HF_LAYOUT_4M, &path, &err), -HF_EUSAGE);
    assert_int_equal(hf_boot_path_uri("ftp://x", &path, &err), -HF_EUSAGE);
    assert_int_equal(hf_boot_path_file(NULL, "/", &path, &err), -HF_EUSAGE);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    struct hf_boot_path path;
    char *file = (char *)malloc(70000);

    (void)state;
    memset(file, 'x', 69999);
    file[69999] = '\0';
    assert_int_equal(hf_boot_path_file(NULL, file, &path, NULL), -HF_EUSAGE);
    free(file);
}

#define GLOBAL HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c)
#define VAR(text, bytes)                                                                                               \
    {                                                                                                                  \
        .guid = GLOBAL, .name = (const uint8_t *)(text), .name_size = sizeof(text), .data = (bytes),                   \
        .data_size = sizeof(bytes)                                                                                     \
    }

static const uint8_t one[] = {1, 0, 0, 0, 4, 0, 'a', 0, 0, 0, 0x7F, 0xFF, 4, 0};
static const uint8_t same[] = {9, 0, 0, 0, 4, 0, 'b', 0, 0, 0, 0x7F, 0xFF, 4, 0};
static const uint8_t other[] = {1, 0, 0, 0, 4, 0, 'a', 0, 0, 0, 0x7F, 0xFF, 4, 0, 1};
static const uint8_t bad[] = {1};
static const uint8_t order[] = {0x0A, 0, 7, 0, 1, 0, 0x0A, 0};
static const uint8_t next[] = {2, 0};
static const uint8_t hot[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0};

static const struct hf_var vars[] = {
    VAR("B\0o\0o\0t\0000\0000\0000\0000\0\0", one), VAR("B\0o\0o\0t\0000\0000\0000\0001\0\0", same),
    VAR("B\0o\0o\0t\0000\0000\0000\0002\0\0", bad), VAR("B\0o\0o\0t\0000\0000\0000\0A\0\0", other),
    VAR("B\0o\0o\0t\0O\0r\0d\0e\0r\0\0", order),    VAR("B\0o\0o\0t\0N\0e\0x\0t\0\0", next),
    VAR("K\0e\0y\0000\0000\0000\0000\0\0", hot),
};

static void entries_in_their_order(void **state)
{
    struct hf_boot_entries e;
    uint16_t number;

    (void)state;
    assert_int_equal(hf_boot_entries_read(vars, 7, &e, NULL), 0);
    assert_int_equal(e.count, 4);
    assert_int_equal(e.list[0].number, 10);
    assert_int_equal(e.list[1].number, 1);
    assert_int_equal(e.list[2].number, 0);
    assert_true(e.list[1].ordered);
    assert_false(e.list[2].ordered);
    assert_false(hf_boot_entry_find(&e, 2)->readable);
    assert_true(hf_boot_entry_same(hf_boot_entry_find(&e, 0), hf_boot_entry_find(&e, 1)));
    assert_false(hf_boot_entry_same(hf_boot_entry_find(&e, 0), hf_boot_entry_find(&e, 10)));
    assert_false(hf_boot_entry_same(hf_boot_entry_find(&e, 2), hf_boot_entry_find(&e, 2)));
    assert_true(e.has_next && e.next == 2);
    assert_true(hf_boot_key_starts(&vars[6], 1));
    assert_false(hf_boot_key_starts(&vars[6], 0));
    assert_int_equal(hf_boot_number_free(&e, &number, NULL), 0);
    assert_int_equal(number, 3);
    hf_boot_order_drop(&e, 10);
    assert_int_equal(e.order_count, 2);
    assert_int_equal(hf_boot_order_insert(&e, 1, 3, NULL), 0);
    assert_int_equal(hf_boot_order_insert(&e, 99, 4, NULL), 0);
    assert_memory_equal(e.order, ((const uint16_t[]){7, 3, 1, 4}), 8);
    hf_boot_entries_done(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        cmocka_unit_test(entries_in_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
