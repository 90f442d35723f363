/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <holdfast/acpi_run.h>

#include "mailbox_tables.h"

#define ADDRESS_AT 0x85 /* of the text in the table */
#define LOG_AT     0xa4
#define OFFSET_AT  0xc5

static _Alignas(64) uint8_t room[HF_MAILBOX_TABLES_ROOM], work[1 << 20];
static struct hf_mailbox_blob files[HF_MAILBOX_TABLE_FILES];
static struct hf_acpi_file bundled[HF_MAILBOX_TABLE_FILES];

/* Its first bytes could be a table's: four letters and a length of 36. */
static const char log_text[] = "TEXT$";

static struct hf_acpi_bundle build(uint64_t features)
{
    const struct hf_mailbox_tables t = {.slot = 31, .function = 5, .log = log_text};

    assert_int_equal(hf_mailbox_tables_build(&t, features, room, sizeof room, files, NULL), 0);
    for (size_t i = 1; i < HF_MAILBOX_TABLE_FILES; i++)
        bundled[i - 1] = (struct hf_acpi_file){.name = files[i].name, .bytes = files[i].bytes, .size = files[i].size};
    return (struct hf_acpi_bundle){
        .script = files[0].bytes, .script_size = files[0].size, .files = bundled, .count = HF_MAILBOX_TABLE_FILES - 1};
}

static uint64_t number(const uint8_t *at, unsigned size)
{
    uint64_t n = 0;

    for (unsigned i = size; i-- > 0;)
        n = n << 8 | at[i];
    return n;
}

/* Runs the script as OVMF does, which is what the driver does: one SSDT, and its address and offset lead to the log. */
static void the_table_leads_to_the_log(void **state)
{
    for (uint64_t features = 0; features <= HF_ACPI_FEATURES; features++) {
        struct hf_acpi_bundle bundle = build(features);
        const struct hf_acpi_options options = {.features = features, .no_s3 = true};
        struct hf_acpi_outcome outcome;
        const uint8_t *table;
        uint64_t at;
        bool found = false;

        assert_true(hf_acpi_run_room(&bundle) <= sizeof work);
        assert_int_equal(hf_acpi_run(&bundle, HF_ACPI_OVMF, &options, work, sizeof work, &outcome, NULL), 0);
        assert_int_equal(outcome.table_count, 1);
        table = outcome.tables[0].bytes;
        assert_memory_equal(table, "SSDT", 4);
        assert_memory_equal(table + ADDRESS_AT, "0000:00:1f.5", 13);
        at = number(table + LOG_AT, 8) + number(table + OFFSET_AT, 4);
        assert_true(features & HF_ACPI_FEATURE_NOACPI ? number(table + OFFSET_AT, 4) == 0
                                                      : number(table + OFFSET_AT, 4) >= 40);
        for (size_t i = 0; i < outcome.blob_count; i++)
            if (at >= outcome.blobs[i].address && at - outcome.blobs[i].address < outcome.blobs[i].file->size) {
                assert_memory_equal(outcome.blobs[i].bytes + (at - outcome.blobs[i].address), log_text,
                                    sizeof log_text);
                found = true;
            }
        assert_true(found);
    }
}

static bool zone_used(const struct hf_acpi_bundle *bundle, unsigned bits)
{
    for (size_t i = 0; i < hf_acpi_command_count(bundle); i++) {
        struct hf_acpi_cmd c = hf_acpi_decode(bundle, i);

        if (c.command == HF_ACPI_ALLOCATE && (c.zone & bits) == bits)
            return true;
    }
    return false;
}

static void nothing_is_used_that_was_not_agreed(void **state)
{
    for (uint64_t features = 0; features <= HF_ACPI_FEATURES; features++) {
        struct hf_acpi_bundle bundle = build(features);

        assert_int_equal(zone_used(&bundle, HF_ACPI_ZONE_64BIT), (features & HF_ACPI_FEATURE_64BIT) != 0);
        assert_int_equal(zone_used(&bundle, HF_ACPI_CONTENT_NOACPI), (features & HF_ACPI_FEATURE_NOACPI) != 0);
    }
}

static void a_long_log_is_cut_and_bad_addresses_are_refused(void **state)
{
    static char text[2 * HF_MAILBOX_LOG_SIZE];
    struct hf_mailbox_tables t = {.slot = 32, .log = text};

    memset(text, 'x', sizeof text - 1);
    assert_int_equal(hf_mailbox_tables_build(&t, 0, room, sizeof room, files, NULL), -HF_EUSAGE);
    t.slot = 0;
    assert_int_equal(hf_mailbox_tables_build(&t, 3, room, sizeof room, files, NULL), 0);
    assert_int_equal(((const uint8_t *)files[2].bytes)[HF_MAILBOX_LOG_SIZE - 1], 0);
    assert_int_equal(hf_mailbox_tables_build(&t, 3, room, 5000, files, NULL), -HF_ENOMEM);
}

/* What a compiler of the language reads in the bytes. */
static void iasl_reads_the_table(void **state)
{
    char directory[] = "/tmp/holdfast-tables-XXXXXX", command[512], line[256];
    bool address = false, log = false, offset = false, size = false;
    FILE *f;

    if (system("command -v iasl >/dev/null 2>&1") != 0) {
        print_message("# iasl (acpica-tools) is not installed\n");
        skip();
    }
    (void)build(HF_ACPI_FEATURES);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(command, sizeof command, "%s/t.aml", directory);
    f = fopen(command, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(files[1].bytes, 1, files[1].size, f), files[1].size);
    (void)fclose(f);
    (void)snprintf(command, sizeof command, "cd %s && iasl -d t.aml >out 2>&1 && iasl t.dsl >>out 2>&1", directory);
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof command, "%s/t.dsl", directory);
    f = fopen(command, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        address = address || strstr(line, "\"0000:00:1f.5\"");
        log = log || strstr(line, "\"holdfast,log\"");
        offset = offset || strstr(line, "\"holdfast,log-offset\"");
        size = size || strstr(line, "0x00001000");
        assert_null(strstr(line, "_CRS"));
    }
    (void)fclose(f);
    assert_true(address && log && offset && size);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_leads_to_the_log),
        cmocka_unit_test(nothing_is_used_that_was_not_agreed),
        cmocka_unit_test(a_long_log_is_cut_and_bad_addresses_are_refused),
        cmocka_unit_test(iasl_reads_the_table),
    };

    return cmocka_run_group_tests_name("mailbox-tables", tests, NULL, NULL);
}
