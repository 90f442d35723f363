/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "acpi_sample.h"
#include "acpi_table.h"

static struct sample s;

static struct hf_acpi_outcome baseline(enum hf_acpi_consumer consumer)
{
    return sample_run(&s, consumer, 0);
}

/* A fresh baseline sample without the tell, which qboot does not know. */
static void fresh(bool tell)
{
    sample_init(&s, false);
    s.description.tell_count = tell;
    assert_int_equal(sample_build(&s, 0), 0);
}

static size_t faults_of(const struct hf_acpi_outcome *o, enum hf_acpi_reason reason)
{
    size_t n = 0;

    for (size_t i = 0; i < o->fault_count; i++)
        n += o->faults[i].reason == reason;
    return n;
}

static void every_consumer_makes_a_complete_set_of_the_baseline(void **state)
{
    for (int wide = 0; wide < 2; wide++)
        for (unsigned c = 0; c < HF_ACPI_CONSUMERS; c++) {
            struct hf_acpi_outcome o;

            sample_init(&s, wide);
            s.description.tell_count = c != HF_ACPI_QBOOT;
            assert_int_equal(sample_build(&s, 0), 0);
            o = baseline(c);
            assert_int_equal(o.verdict, HF_ACPI_COMPLETE);
            assert_int_equal(o.fault_count, 0);
            assert_non_null(hf_acpi_outcome_table(&o, "FACP", 0));
            assert_non_null(hf_acpi_outcome_table(&o, "DSDT", 0));
            assert_non_null(hf_acpi_outcome_table(&o, "FACS", 0));
            assert_non_null(hf_acpi_outcome_table(&o, "SSDT", 0));
            assert_int_equal(hf_acpi_sum(hf_acpi_outcome_table(&o, "DSDT", 0)->bytes, 100), 0);
        }
}

static void the_field_and_its_bias_lead_to_the_data(void **state)
{
    for (unsigned c = 0; c < HF_ACPI_QBOOT; c++)
        for (uint64_t f = 0; f <= HF_ACPI_FEATURES; f++) {
            struct hf_acpi_outcome o;
            const struct hf_acpi_table *ssdt;
            uint64_t address;

            sample_init(&s, true);
            assert_int_equal(sample_build(&s, f), 0);
            o = sample_run(&s, c, f);
            assert_int_equal(o.verdict, HF_ACPI_COMPLETE);
            ssdt = hf_acpi_outcome_table(&o, "SSDT", 0);
            address = hf_acpi_get(ssdt->bytes + 48, 8) + ssdt->bytes[60];
            assert_int_equal(o.told_count, 1);
            assert_true(o.told[0].value == address + 16);
            assert_true(o.told[0].replayed);
            assert_true(o.blobs[SAMPLE_PAGE].kept);
            assert_memory_equal(o.blobs[SAMPLE_PAGE].bytes + (address - o.blobs[SAMPLE_PAGE].address), s.page, 256);
        }
}

/* Laid out as in 2017: the whole page is given as it is, and the pointer leads to it. */
static void ovmf_installs_data_that_looks_like_a_table(void **state)
{
    struct hf_acpi_outcome o;

    sample_init(&s, false);
    s.page[9] = (uint8_t)(s.page[9] - hf_acpi_sum(s.page, 64));
    assert_int_equal(sample_build(&s, HF_ACPI_FEATURE_NOACPI), 0);
    sample_record(&s, SAMPLE_PAGE)->u.allocate.zone = HF_ACPI_ZONE_HIGH; /* what a careless host would send */
    o = baseline(HF_ACPI_OVMF);
    assert_int_equal(o.table_count, 5);
    assert_int_equal(sample_check(&s, 0, 0, NULL), -HF_EREFUSED);
    assert_int_equal(sample_build(&s, 0), 0);
    o = baseline(HF_ACPI_OVMF);
    assert_int_equal(o.table_count, 4);
}

static void zone_3_is_fatal_to_seabios_and_harmless_to_ovmf(void **state)
{
    struct hf_acpi_outcome o;
    struct hf_acpi_finding f;

    fresh(true);
    sample_record(&s, SAMPLE_TABLES)->u.allocate.zone = HF_ACPI_ZONE_64BIT;
    o = baseline(HF_ACPI_SEABIOS);
    assert_int_equal(o.verdict, HF_ACPI_NONE);
    assert_int_equal(o.faults[0].command, SAMPLE_TABLES);
    assert_int_equal(o.faults[0].reason, HF_ACPI_ZONE_UNKNOWN);
    assert_true(faults_of(&o, HF_ACPI_NOT_ALLOCATED) >= 6);
    assert_int_equal(baseline(HF_ACPI_OVMF).verdict, HF_ACPI_COMPLETE);
    assert_int_equal(sample_check(&s, 0, 0, &f), -HF_EREFUSED);
    assert_int_equal(f.command, SAMPLE_TABLES);
    assert_string_equal(f.rule, "zone");
}

static void content_no_acpi_costs_seabios_the_device(void **state)
{
    struct hf_acpi_outcome o;

    fresh(true);
    sample_record(&s, SAMPLE_PAGE)->u.allocate.zone = HF_ACPI_ZONE_HIGH | HF_ACPI_CONTENT_NOACPI;
    o = baseline(HF_ACPI_SEABIOS);
    assert_int_equal(o.verdict, HF_ACPI_DAMAGED);
    assert_non_null(hf_acpi_outcome_table(&o, "DSDT", 0));
    assert_int_equal(o.told_count, 0);
    assert_int_equal(o.fault_count, 3); /* allocate, pointer, tell */
    o = baseline(HF_ACPI_OVMF);
    assert_int_equal(o.verdict, HF_ACPI_COMPLETE);
    assert_int_equal(o.told_count, 1);
}

static void ovmf_undoes_everything_at_one_error(void **state)
{
    struct hf_acpi_outcome o;

    fresh(true);
    s.files[SAMPLE_PARTS].name = "etc/other";
    o = baseline(HF_ACPI_OVMF);
    assert_int_equal(o.verdict, HF_ACPI_NONE);
    assert_int_equal(o.table_count, 0);
    assert_int_equal(o.faults[0].reason, HF_ACPI_NO_SUCH_WRITABLE);
    assert_false(o.blobs[SAMPLE_TABLES].kept);
    o = baseline(HF_ACPI_SEABIOS);
    assert_int_equal(o.verdict, HF_ACPI_DAMAGED);
    assert_int_equal(o.table_count, 5);
}

static void ovmf_takes_back_the_addresses_it_told(void **state)
{
    struct hf_acpi_outcome o;
    size_t last = sample_first((fresh(true), &s), HF_ACPI_WRITE_POINTER) + 1;

    *sample_record(&s, last) = *sample_record(&s, SAMPLE_TABLES); /* a second ALLOCATE after the tell */
    o = baseline(HF_ACPI_OVMF);
    assert_int_equal(o.verdict, HF_ACPI_NONE);
    assert_int_equal(o.faults[0].reason, HF_ACPI_TWICE);
    assert_int_equal(o.told_count, 1);
    assert_int_equal(o.told[0].value, 0);
    assert_false(o.told[0].replayed);
}

static void ovmf_frees_what_held_only_tables(void **state)
{
    struct hf_acpi_outcome o;

    fresh(false);
    o = baseline(HF_ACPI_OVMF);
    assert_false(o.blobs[SAMPLE_TABLES].kept);
    assert_true(o.blobs[SAMPLE_PAGE].kept);
    assert_false(o.blobs[SAMPLE_RSDP].kept); /* nothing points into it, so nothing marks it */
}

static void ovmf_puts_above_4_gib_what_wide_pointers_allow(void **state)
{
    struct hf_acpi_outcome o;

    sample_init(&s, true);
    assert_int_equal(sample_build(&s, 0), 0);
    o = baseline(HF_ACPI_OVMF);
    assert_true(o.blobs[SAMPLE_TABLES].address >> 32 != 0);
    fresh(true);
    o = baseline(HF_ACPI_OVMF);
    assert_true(o.blobs[SAMPLE_TABLES].address >> 32 == 0);
}

static void ovmf_refuses_a_second_dsdt(void **state)
{
    struct hf_acpi_outcome o;

    sample_init(&s, false);
    memcpy(s.tables + SAMPLE_SSDT, "DSDT", 4);
    assert_int_equal(sample_build(&s, 0), 0);
    o = baseline(HF_ACPI_OVMF);
    assert_int_equal(o.verdict, HF_ACPI_NONE);
    assert_int_equal(o.faults[0].reason, HF_ACPI_TABLE_TWICE);
}

static void a_checksum_byte_that_is_not_zero_is_wrong_in_ovmf_alone(void **state)
{
    uint8_t *file;
    struct hf_acpi_finding f;

    fresh(true);
    file = (uint8_t *)(uintptr_t)s.files[SAMPLE_TABLES].bytes;
    file[SAMPLE_DSDT + 9] = 7;
    assert_int_equal(baseline(HF_ACPI_SEABIOS).verdict, HF_ACPI_COMPLETE);
    assert_int_equal(baseline(HF_ACPI_OVMF).verdict, HF_ACPI_DAMAGED); /* the DSDT is not recognised */
    assert_int_equal(sample_check(&s, HF_ACPI_CONSUMER_BIT(HF_ACPI_SEABIOS), 0, NULL), 0);
    assert_int_equal(sample_check(&s, 0, 0, &f), -HF_EREFUSED);
    assert_string_equal(f.rule, "result");
}

static void a_pointer_one_past_the_end_works_in_seabios_alone(void **state)
{
    uint8_t *file;

    fresh(true);
    file = (uint8_t *)(uintptr_t)s.files[SAMPLE_TABLES].bytes;
    hf_acpi_put(file + SAMPLE_FIELD, 4, s.files[SAMPLE_PAGE].size);
    assert_int_equal(baseline(HF_ACPI_SEABIOS).verdict, HF_ACPI_COMPLETE);
    assert_int_equal(baseline(HF_ACPI_OVMF).faults[0].reason, HF_ACPI_TARGET_RANGE);
}

static void each_damage_has_its_reason(void **state)
{
    static const struct {
        unsigned command; /* 0 allocates the tables, 3 is the first pointer */
        unsigned at, value;
        enum hf_acpi_reason seabios, ovmf, qboot;
    } rows[] = {
        {0, 59, 'x', HF_ACPI_NAME_NOT_ENDED, HF_ACPI_NAME_NOT_ENDED, HF_ACPI_NAME_NOT_ENDED},
        {0, 4, 'x', HF_ACPI_FILE_MISSING, HF_ACPI_FILE_MISSING, HF_ACPI_FILE_MISSING},
        {0, 60, 65, HF_ACPI_ALIGN_NOT_POWER, HF_ACPI_OK, HF_ACPI_OK},
        {0, 62, 1, HF_ACPI_ALIGN_NOT_POWER, HF_ACPI_ALIGN_TOO_BIG, HF_ACPI_OK}, /* 65600 */
        {0, 64, 7, HF_ACPI_ZONE_UNKNOWN, HF_ACPI_OK, HF_ACPI_OK},
        {0, 0, 9, HF_ACPI_NOT_ALLOCATED, HF_ACPI_NOT_ALLOCATED, HF_ACPI_UNKNOWN_COMMAND},
        {0, 0, 0, HF_ACPI_NOT_ALLOCATED, HF_ACPI_NOT_ALLOCATED, HF_ACPI_NO_ROOT},
        {3, 118, 1, HF_ACPI_FIELD_RANGE, HF_ACPI_FIELD_RANGE, HF_ACPI_FIELD_RANGE},
        {3, 120, 3, HF_ACPI_FIELD_SIZE, HF_ACPI_FIELD_SIZE, HF_ACPI_TABLE_UNSOUND},
        {3, 120, 9, HF_ACPI_FIELD_SIZE, HF_ACPI_FIELD_SIZE, HF_ACPI_FIELD_SIZE},
        {3, 120, 2, HF_ACPI_TABLE_UNSOUND, HF_ACPI_DOES_NOT_FIT, HF_ACPI_TABLE_UNSOUND},
        {9, 71, 1, HF_ACPI_CHECKSUM_RANGE, HF_ACPI_CHECKSUM_RANGE, HF_ACPI_CHECKSUM_RANGE},
        {9, 63, 1, HF_ACPI_CHECKSUM_RANGE, HF_ACPI_CHECKSUM_RANGE, HF_ACPI_CHECKSUM_RANGE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum hf_acpi_reason want[] = {rows[i].seabios, rows[i].ovmf, rows[i].qboot};

        for (unsigned c = 0; c < HF_ACPI_CONSUMERS; c++) {
            struct hf_acpi_outcome o;

            fresh(false);
            ((uint8_t *)sample_record(&s, rows[i].command))[rows[i].at] = (uint8_t)rows[i].value;
            o = baseline(c);
            if (o.fault_count == 0 ? want[c] != HF_ACPI_OK : o.faults[0].reason != want[c])
                fail_msg("row %zu, %s: wanted '%s', found '%s'", i, hf_acpi_consumer_name(c),
                         hf_acpi_reason_text(want[c]),
                         hf_acpi_reason_text(o.fault_count ? o.faults[0].reason : HF_ACPI_OK));
        }
    }
}

static void qboot_stops_at_write_pointer(void **state)
{
    struct hf_acpi_outcome o;

    fresh(true);
    o = baseline(HF_ACPI_QBOOT);
    assert_int_equal(o.verdict, HF_ACPI_STOPPED);
    assert_int_equal(o.faults[0].reason, HF_ACPI_UNKNOWN_COMMAND);
}

static void qboot_has_room_for_20_files(void **state)
{
    struct hf_acpi_file many[SAMPLE_PARTS + 20];
    struct hf_acpi_outcome o;

    fresh(false);
    for (unsigned i = 0; i < 20; i++)
        many[i] = (struct hf_acpi_file){.name = "opt/other", .bytes = s.page, .size = 1};
    memcpy(many + 20, s.files, SAMPLE_PARTS * sizeof many[0]);
    s.bundle.files = many;
    s.bundle.count = SAMPLE_PARTS + 20;
    o = baseline(HF_ACPI_QBOOT);
    assert_int_equal(o.verdict, HF_ACPI_STOPPED);
    assert_int_equal(o.faults[0].reason, HF_ACPI_FILE_INDEX);
    assert_int_equal(baseline(HF_ACPI_OVMF).verdict, HF_ACPI_COMPLETE);
}

static void a_script_of_another_size_is_left_alone(void **state)
{
    fresh(false);
    s.bundle.script_size -= 1;
    assert_int_equal(baseline(HF_ACPI_SEABIOS).verdict, HF_ACPI_NONE);
    assert_int_equal(baseline(HF_ACPI_OVMF).verdict, HF_ACPI_NONE);
    assert_int_equal(baseline(HF_ACPI_QBOOT).verdict, HF_ACPI_COMPLETE);
}

static void memory_runs_out_without_harm(void **state)
{
    struct hf_acpi_options options = {.memory = {.low = 0x100000, .low_size = 4096}};
    struct hf_acpi_outcome o;

    fresh(false);
    for (unsigned c = 0; c < HF_ACPI_CONSUMERS; c++) {
        assert_int_equal(hf_acpi_run(&s.bundle, c, &options, s.work, sizeof s.work, &o, NULL), 0);
        assert_true(o.verdict >= HF_ACPI_NONE);
        assert_true(faults_of(&o, HF_ACPI_NO_MEMORY) >= 1);
    }
    assert_int_equal(hf_acpi_run(&s.bundle, 0, NULL, s.work, 100, &o, NULL), -HF_ENOMEM);
    assert_int_equal(
        hf_acpi_run(&s.bundle, 0, &(struct hf_acpi_options){.reserved = {0, 1}}, s.work, sizeof s.work, &o, NULL),
        -HF_EUSAGE);
}

static void consumers_are_known_by_name(void **state)
{
    enum hf_acpi_consumer c;

    assert_int_equal(hf_acpi_consumer_find("qboot", &c, NULL), 0);
    assert_int_equal(c, HF_ACPI_QBOOT);
    assert_int_equal(hf_acpi_consumer_find("bios", &c, NULL), -HF_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_consumer_makes_a_complete_set_of_the_baseline),
        cmocka_unit_test(the_field_and_its_bias_lead_to_the_data),
        cmocka_unit_test(ovmf_installs_data_that_looks_like_a_table),
        cmocka_unit_test(zone_3_is_fatal_to_seabios_and_harmless_to_ovmf),
        cmocka_unit_test(content_no_acpi_costs_seabios_the_device),
        cmocka_unit_test(ovmf_undoes_everything_at_one_error),
        cmocka_unit_test(ovmf_takes_back_the_addresses_it_told),
        cmocka_unit_test(ovmf_frees_what_held_only_tables),
        cmocka_unit_test(ovmf_puts_above_4_gib_what_wide_pointers_allow),
        cmocka_unit_test(ovmf_refuses_a_second_dsdt),
        cmocka_unit_test(a_checksum_byte_that_is_not_zero_is_wrong_in_ovmf_alone),
        cmocka_unit_test(a_pointer_one_past_the_end_works_in_seabios_alone),
        cmocka_unit_test(each_damage_has_its_reason),
        cmocka_unit_test(qboot_stops_at_write_pointer),
        cmocka_unit_test(qboot_has_room_for_20_files),
        cmocka_unit_test(a_script_of_another_size_is_left_alone),
        cmocka_unit_test(memory_runs_out_without_harm),
        cmocka_unit_test(consumers_are_known_by_name),
    };

    return cmocka_run_group_tests_name("acpi-run", tests, NULL, NULL);
}
