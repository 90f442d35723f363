/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <time.h>

#include <holdfast/acpi_build.h>

#include "script_run.h"

/* ---- a firmware that counts ---- */

static struct {
    unsigned taken, given_back, installed, uninstalled, filled, high, pieces, refuse_from, memory_until;
    uint64_t next_low, next_high, log_at;
    char log[16], signature[5];
} fw;

static uint64_t take(void *context, size_t size, bool high)
{
    uint64_t *next = high ? &fw.next_high : &fw.next_low, at = *next;

    if (fw.taken == fw.memory_until)
        return 0;
    fw.taken++;
    fw.high += high;
    *next += (size + 4095) & ~UINT64_C(4095);
    return at;
}

static void give_back(void *context, uint64_t address, size_t size)
{
    fw.given_back++;
}

static void fill(void *context, uint64_t address, const void *bytes, size_t size)
{
    fw.filled++;
    fw.log_at = address;
    memcpy(fw.log, bytes, size < sizeof fw.log ? size : sizeof fw.log);
}

static bool install(void *context, const void *table, uint32_t length, uint64_t *key)
{
    uint8_t sum = 0;

    if (fw.installed == fw.refuse_from)
        return false;
    for (uint32_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)table)[i]);
    assert_int_equal(sum, 0);
    memcpy(fw.signature, table, 4);
    *key = ++fw.installed;
    return true;
}

static void uninstall(void *context, uint64_t key)
{
    assert_int_equal(key, fw.installed - fw.uninstalled);
    fw.uninstalled++;
}

static const struct hf_efi_firmware firmware = {NULL, take, give_back, fill, install, uninstall};

/* ---- a script ---- */

static uint8_t room[1 << 16], work[1 << 18], bytes[3][64];
static struct hf_acpi_built built;
static struct hf_acpi_bundle bundle;
static uint8_t script[4096];

/* Two SSDTs, the first with the log's address, and a list that leads to both. */
static void build(uint64_t features)
{
    static const struct hf_acpi_part parts[] = {
        {.file = "a", .bytes = bytes[0], .size = 50, .align = 64},
        {.file = "log",
         .bytes = (const uint8_t *)"what happened...",
         .size = 16,
         .align = 4096,
         .flags = HF_ACPI_PART_DATA},
        {.file = "b", .bytes = bytes[1], .size = 36, .align = 64},
        {.file = "list", .bytes = bytes[2], .size = 16, .align = 8, .flags = HF_ACPI_PART_DATA},
    };
    static const struct hf_acpi_pointer pointers[] = {
        {.part = 0, .offset = 42, .size = 8, .target_part = 1},
        {.part = 3, .offset = 0, .size = 8, .target_part = 0},
        {.part = 3, .offset = 8, .size = 8, .target_part = 2},
    };
    static const struct hf_acpi_checksum sums[] = {{.part = 0, .result = 9, .length = 50},
                                                   {.part = 2, .result = 9, .length = 36}};
    const struct hf_acpi_description d = {.parts = parts,
                                          .pointers = pointers,
                                          .checksums = sums,
                                          .part_count = 4,
                                          .pointer_count = 3,
                                          .checksum_count = 2};
    struct hf_error err = {.text = ""};

    memset(bytes, 0, sizeof bytes);
    memcpy(bytes[0], "SSDT\062\0\0\0\002", 9);
    memcpy(bytes[0] + 36, "\010HFLG\016", 6);
    memcpy(bytes[1], "SSDT\044\0\0\0\002", 9);
    assert_int_equal(hf_acpi_build(&d, features, room, sizeof room, &built, &err), 0);
    assert_true(built.script.size <= sizeof script);
    memcpy(script, built.script.bytes, built.script.size);
    bundle = (struct hf_acpi_bundle){script, built.script.size, built.files, built.count};
}

static int fresh(void **state)
{
    memset(&fw, 0, sizeof fw);
    fw.next_low = 0x1000000;
    fw.next_high = UINT64_C(0x180000000);
    fw.refuse_from = fw.memory_until = 100;
    build(HF_ACPI_FEATURES);
    return 0;
}

static enum hf_mailbox_loader run(uint64_t agreed)
{
    /* The exact room, so that a sanitizer sees one byte too many. */
    size_t size = hf_acpi_run_room(&bundle);
    void *exact = malloc(size);
    enum hf_mailbox_loader became;

    assert_non_null(exact);
    became = hf_efi_script_run(&bundle, agreed, &firmware, exact, size);
    free(exact);
    return became;
}

static void nothing_is_left(void)
{
    assert_int_equal(fw.taken, fw.given_back);
    assert_int_equal(fw.installed, fw.uninstalled);
}

static void the_tables_are_installed_and_the_log_stays(void **state)
{
    assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_INSTALLED);
    assert_int_equal(fw.installed, 2);
    assert_int_equal(fw.taken, 4);
    assert_int_equal(fw.given_back, 3); /* the tables were copied by the firmware */
    assert_int_equal(fw.filled, 1);
    assert_memory_equal(fw.log, "what happened...", 16);
    assert_true(fw.log_at >= UINT64_C(1) << 32);
    assert_string_equal(fw.signature, "SSDT");
}

static void without_64bit_all_lies_low(void **state)
{
    build(HF_ACPI_FEATURE_NOACPI);
    assert_int_equal(run(HF_ACPI_FEATURE_NOACPI), HF_MAILBOX_LOADER_INSTALLED);
    assert_int_equal(fw.high, 0);
    assert_true(fw.log_at < UINT64_C(1) << 32);
}

static void the_baseline_is_understood_too(void **state)
{
    build(0);
    assert_int_equal(run(0), HF_MAILBOX_LOADER_INSTALLED);
    assert_int_equal(fw.installed, 2);
    assert_int_equal(fw.high, 0);
}

static void what_was_not_agreed_on_is_refused(void **state)
{
    assert_int_equal(run(HF_ACPI_FEATURE_64BIT), HF_MAILBOX_LOADER_BAD_SCRIPT);
    assert_int_equal(run(HF_ACPI_FEATURE_NOACPI), HF_MAILBOX_LOADER_BAD_SCRIPT);
    assert_int_equal(run(0), HF_MAILBOX_LOADER_BAD_SCRIPT);
    assert_int_equal(fw.taken, 0);
}

static void without_memory_nothing_happens(void **state)
{
    for (unsigned n = 0; n < 4; n++) {
        fw.taken = fw.given_back = 0;
        fw.memory_until = n;
        assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_NO_MEMORY);
        assert_int_equal(fw.installed, 0);
        nothing_is_left();
    }
}

static void a_refused_table_takes_the_others_with_it(void **state)
{
    fw.refuse_from = 1;
    assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_REFUSED);
    assert_int_equal(fw.installed, 1);
    nothing_is_left();
}

static void put32(size_t at, uint32_t n)
{
    hf_le32 v = hf_le32_of(n);

    memcpy(script + at, &v, sizeof v);
}

static void a_bad_command_undoes_everything(void **state)
{
    put32(4 * 128 + 116, 45); /* the first pointer: past its file's end */
    assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_BAD_SCRIPT);
    assert_int_equal(fw.taken, 4);
    nothing_is_left();
}

static void commands_that_cannot_be_obeyed_are_refused(void **state)
{
    put32(4 * 128, HF_ACPI_WRITE_POINTER);
    assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_BAD_SCRIPT);
    put32(4 * 128, 77);
    assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_BAD_SCRIPT);
    script[64] = HF_ACPI_ZONE_FSEG;
    put32(4 * 128, HF_ACPI_PADDING);
    assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_BAD_SCRIPT);
    assert_int_equal(fw.taken, 0);
}

static void tables_that_belong_to_the_firmware_are_refused(void **state)
{
    static const char *const owned[] = {"FACP", "DSDT"};

    for (size_t i = 0; i < 2; i++) {
        memcpy((uint8_t *)(uintptr_t)built.files[0].bytes, owned[i], 4);
        assert_int_equal(run(HF_ACPI_FEATURES), HF_MAILBOX_LOADER_BAD_SCRIPT);
        assert_int_equal(fw.installed, 0);
        nothing_is_left();
    }
}

static void too_little_room_is_a_bad_script_not_a_crash(void **state)
{
    assert_int_equal(hf_efi_script_run(&bundle, HF_ACPI_FEATURES, &firmware, work, 64), HF_MAILBOX_LOADER_BAD_SCRIPT);
    assert_int_equal(fw.taken, 0);
}

/* Whatever a host puts into the script: bounded, and all or nothing. */
static void any_script_is_survived(void **state)
{
    unsigned seed = (unsigned)time(NULL), installed = 0;

    print_message("# seed %u\n", seed);
    for (unsigned n = 0; n < 20000; n++) {
        (void)fresh(state);
        for (unsigned flips = (unsigned)rand_r(&seed) % 4; flips-- > 0;)
            script[(unsigned)rand_r(&seed) % bundle.script_size] = (uint8_t)rand_r(&seed);
        if (rand_r(&seed) % 8 == 0)
            bundle.script_size = (unsigned)rand_r(&seed) % (bundle.script_size + 1);
        if (run((uint64_t)rand_r(&seed) % 4) != HF_MAILBOX_LOADER_INSTALLED)
            nothing_is_left();
        else
            installed++;
        assert_true(fw.given_back <= fw.taken);
    }
    assert_true(installed > 100 && installed < 19900);
}

int main(void)
{
#define IT(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        IT(the_tables_are_installed_and_the_log_stays),
        IT(without_64bit_all_lies_low),
        IT(the_baseline_is_understood_too),
        IT(what_was_not_agreed_on_is_refused),
        IT(without_memory_nothing_happens),
        IT(a_refused_table_takes_the_others_with_it),
        IT(a_bad_command_undoes_everything),
        IT(commands_that_cannot_be_obeyed_are_refused),
        IT(tables_that_belong_to_the_firmware_are_refused),
        IT(too_little_room_is_a_bad_script_not_a_crash),
        IT(any_script_is_survived),
    };

    return cmocka_run_group_tests_name("efi-script-run", tests, NULL, NULL);
}
