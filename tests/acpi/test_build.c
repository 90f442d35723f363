/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "acpi_sample.h"
#include "acpi_table.h"

static struct sample a, b;

static void the_baseline_holds_nothing_newer_than_2013(void **state)
{
    for (int wide = 0; wide < 2; wide++) {
        sample_init(&a, wide);
        assert_int_equal(sample_build(&a, 0), 0);
        for (size_t i = 0; i < hf_acpi_command_count(&a.bundle); i++) {
            struct hf_acpi_cmd c = hf_acpi_decode(&a.bundle, i);

            assert_true(c.command <= HF_ACPI_WRITE_POINTER);
            if (c.command == HF_ACPI_ALLOCATE)
                assert_true(c.zone == HF_ACPI_ZONE_HIGH || c.zone == HF_ACPI_ZONE_FSEG);
        }
    }
}

static void both_payloads_come_out_of_one_description(void **state)
{
    sample_init(&a, true);
    assert_int_equal(sample_build(&a, HF_ACPI_FEATURES), 0);
    assert_int_equal(sample_record(&a, SAMPLE_TABLES)->u.allocate.zone, HF_ACPI_ZONE_64BIT);
    assert_int_equal(sample_record(&a, SAMPLE_RSDP)->u.allocate.zone, HF_ACPI_ZONE_FSEG);
    assert_int_equal(sample_record(&a, SAMPLE_PAGE)->u.allocate.zone, HF_ACPI_ZONE_64BIT | HF_ACPI_CONTENT_NOACPI);
    assert_memory_equal(a.built.files[SAMPLE_PAGE].bytes, a.page, sizeof a.page);
}

static void each_bit_is_used_alone(void **state)
{
    sample_init(&a, true);
    assert_int_equal(sample_build(&a, HF_ACPI_FEATURE_64BIT), 0);
    assert_int_equal(sample_record(&a, SAMPLE_PAGE)->u.allocate.zone, HF_ACPI_ZONE_64BIT);
    assert_int_equal(a.built.files[SAMPLE_PAGE].bytes[0], 0);
    assert_int_equal(sample_build(&a, HF_ACPI_FEATURE_NOACPI), 0);
    assert_int_equal(sample_record(&a, SAMPLE_PAGE)->u.allocate.zone, HF_ACPI_ZONE_HIGH | HF_ACPI_CONTENT_NOACPI);
}

static void a_narrow_pointer_keeps_its_target_low(void **state)
{
    sample_init(&a, false);
    assert_int_equal(sample_build(&a, HF_ACPI_FEATURES), 0);
    assert_int_equal(sample_record(&a, SAMPLE_TABLES)->u.allocate.zone, HF_ACPI_ZONE_HIGH);
    sample_init(&a, true);
    a.tells[0].size = 4;
    assert_int_equal(sample_build(&a, HF_ACPI_FEATURE_64BIT), 0);
    assert_int_equal(sample_record(&a, SAMPLE_PAGE)->u.allocate.zone, HF_ACPI_ZONE_HIGH);
    assert_int_equal(sample_record(&a, SAMPLE_TABLES)->u.allocate.zone, HF_ACPI_ZONE_64BIT);
}

static void a_gap_of_zeros_stands_where_data_could_be_mistaken(void **state)
{
    static const uint8_t zeros[HF_ACPI_GAP];
    const uint8_t *file;

    sample_init(&a, false);
    assert_int_equal(sample_build(&a, 0), 0);
    file = a.built.files[SAMPLE_PAGE].bytes;
    assert_memory_equal(file, zeros, HF_ACPI_GAP);
    assert_memory_equal(file + HF_ACPI_GAP, a.page, sizeof a.page);
    assert_int_equal(hf_acpi_get32(a.built.files[SAMPLE_TABLES].bytes + SAMPLE_FIELD), 0);
    assert_int_equal(a.built.files[SAMPLE_TABLES].bytes[SAMPLE_BIAS], HF_ACPI_GAP);
    /* The host is told where the data is. */
    assert_int_equal(hf_le32_get(sample_record(&a, sample_first(&a, HF_ACPI_WRITE_POINTER))->u.write.src_offset),
                     HF_ACPI_GAP + 16);
    a.parts[SAMPLE_PAGE].align_data = 64;
    assert_int_equal(sample_build(&a, 0), 0);
    assert_int_equal(a.built.files[SAMPLE_TABLES].bytes[SAMPLE_BIAS], 64);
    assert_int_equal(sample_build(&a, HF_ACPI_FEATURE_NOACPI), 0);
    assert_int_equal(a.built.files[SAMPLE_TABLES].bytes[SAMPLE_BIAS], 0);
}

static void harmless_data_gets_no_gap(void **state)
{
    sample_init(&a, false);
    memset(a.page, 0, 36);
    assert_int_equal(sample_build(&a, 0), 0);
    assert_memory_equal(a.built.files[SAMPLE_PAGE].bytes, a.page, sizeof a.page);
    assert_int_equal(a.built.files[SAMPLE_TABLES].bytes[SAMPLE_BIAS], 0);
}

static void risky_data_without_a_bias_field_is_refused(void **state)
{
    struct hf_error err;

    sample_init(&a, false);
    a.pointers[2].bias_size = 0;
    assert_int_equal(hf_acpi_build(&a.description, 0, a.room, sizeof a.room, &a.built, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "suppressor");
    assert_int_equal(sample_build(&a, HF_ACPI_FEATURE_NOACPI), 0);
}

static void pointers_and_checksums_move_with_a_gap_in_their_own_part(void **state)
{
    struct hf_acpi_cmd c;

    sample_init(&a, false);
    a.pointers[a.description.pointer_count++] = (struct hf_acpi_pointer){
        .part = SAMPLE_PAGE, .offset = 128, .size = 8, .target_part = SAMPLE_TABLES, .target_offset = SAMPLE_DSDT};
    a.checksums[a.description.checksum_count++] =
        (struct hf_acpi_checksum){.part = SAMPLE_PAGE, .result = 140, .start = 128, .length = 16};
    assert_int_equal(sample_build(&a, 0), 0);
    c = hf_acpi_decode(&a.bundle, SAMPLE_PARTS + a.description.pointer_count - 1);
    assert_int_equal(c.offset, 128 + HF_ACPI_GAP);
    assert_int_equal(hf_acpi_get(a.built.files[SAMPLE_PAGE].bytes + c.offset, 8), SAMPLE_DSDT);
    assert_int_equal(sample_check(&a, 0, 0, NULL), 0);
}

static void nested_checksums_come_from_the_inside_out(void **state)
{
    size_t first;

    sample_init(&a, true);
    assert_int_equal(sample_build(&a, 0), 0);
    first = sample_first(&a, HF_ACPI_ADD_CHECKSUM);
    assert_int_equal(hf_acpi_decode(&a.bundle, first).length, 20);
    assert_int_equal(hf_acpi_decode(&a.bundle, first + 1).length, 36);
    a.checksums[1].length = 36; /* each in the other's range: no order is right */
    assert_int_equal(sample_build(&a, 0), -HF_EREFUSED);
}

static void the_same_twice_is_the_same_bytes(void **state)
{
    for (uint64_t f = 0; f <= HF_ACPI_FEATURES; f++) {
        sample_init(&a, true);
        sample_init(&b, true);
        memset(b.room, 0x77, sizeof b.room);
        assert_int_equal(sample_build(&a, f), 0);
        assert_int_equal(sample_build(&b, f), 0);
        assert_int_equal(a.built.script.size, b.built.script.size);
        assert_memory_equal(a.built.script.bytes, b.built.script.bytes, a.built.script.size);
        for (unsigned i = 0; i < SAMPLE_PARTS; i++)
            assert_memory_equal(a.built.files[i].bytes, b.built.files[i].bytes, a.built.files[i].size);
    }
}

static void one_wrong_field_is_one_refusal(void **state)
{
#define REFUSED(change)                                                                                                \
    do {                                                                                                               \
        sample_init(&a, false);                                                                                        \
        change;                                                                                                        \
        assert_int_equal(sample_build(&a, 0), -HF_EREFUSED);                                                           \
    } while (0)
    REFUSED(a.parts[0].file = "");
    REFUSED(a.parts[0].file = "a-name-of-more-than-fifty-five-characters-does-not-fit-in-it");
    REFUSED(a.parts[1].file = a.parts[0].file);
    REFUSED(a.parts[0].align = 3);
    REFUSED(a.parts[0].align = 8192);
    REFUSED(a.parts[0].size = 0);
    REFUSED(a.parts[2].align_data = 3);
    REFUSED(a.pointers[0].size = 2);
    REFUSED(a.pointers[0].offset = SAMPLE_SIZE - 3);
    REFUSED(a.pointers[0].offset = UINT32_MAX);
    REFUSED(a.pointers[0].target_part = 9);
    REFUSED(a.pointers[0].target_offset = SAMPLE_SIZE);
    REFUSED(a.pointers[1].offset = a.pointers[0].offset + 3);
    REFUSED(a.pointers[2].bias_size = 3);
    REFUSED(a.pointers[2].bias_offset = a.pointers[2].offset);
    REFUSED(a.checksums[0].result = 40);
    REFUSED(a.checksums[0].length = 0);
    REFUSED(a.checksums[0].start = UINT32_MAX);
    REFUSED(a.checksums[1] = a.checksums[2]);
    REFUSED(a.checksums[0] = ((struct hf_acpi_checksum){.part = SAMPLE_RSDP, .result = 16, .start = 0, .length = 20}));
    REFUSED(a.tells[0].size = 1);
    REFUSED(a.tells[0].target_offset = 4096);
    REFUSED(a.tells[0].file = "");
    REFUSED(a.description.script_multiple = 0x20000);
#undef REFUSED
    sample_init(&a, false);
    assert_int_equal(sample_build(&a, 4), -HF_EREFUSED);
    assert_int_equal(hf_acpi_build(&a.description, 0, a.room, 100, &a.built, NULL), -HF_ENOMEM);
    a.description.reserved[0] = 1;
    assert_int_equal(hf_acpi_build(&a.description, 0, a.room, sizeof a.room, &a.built, NULL), -HF_EUSAGE);
}

static void is_built_once_per_reset_with_what_was_agreed_by_then(void **state)
{
    struct hf_acpi_lazy l = {0}, m = {0};
    uint8_t saved[HF_ACPI_LAZY_SIZE];

    assert_true(hf_acpi_lazy_select(&l, 1));
    assert_int_equal(l.features, 1);
    assert_false(hf_acpi_lazy_select(&l, 3));
    assert_int_equal(l.features, 1);
    hf_acpi_lazy_save(&l, saved);
    assert_int_equal(hf_acpi_lazy_load(&m, saved, NULL), 0);
    assert_true(m.built && m.features == 1);
    hf_acpi_lazy_reset(&m);
    assert_true(hf_acpi_lazy_select(&m, 3));
    assert_int_equal(m.features, 3);
}

static void a_saved_state_with_one_wrong_byte_is_refused(void **state)
{
    static const struct {
        unsigned at, value;
        int want;
    } wrong[] = {
        {0, 'X', -HF_EPROTO}, {5, 2, -HF_EVERSION}, {6, 2, -HF_EPROTO}, {7, 1, -HF_EPROTO}, {9, 1, -HF_EREFUSED}};
    struct hf_acpi_lazy l = {.built = true, .features = 1}, m = {0};
    uint8_t saved[HF_ACPI_LAZY_SIZE];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        hf_acpi_lazy_save(&l, saved);
        saved[wrong[i].at] = (uint8_t)wrong[i].value;
        assert_int_equal(hf_acpi_lazy_load(&m, saved, NULL), wrong[i].want);
        assert_false(m.built);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_baseline_holds_nothing_newer_than_2013),
        cmocka_unit_test(both_payloads_come_out_of_one_description),
        cmocka_unit_test(each_bit_is_used_alone),
        cmocka_unit_test(a_narrow_pointer_keeps_its_target_low),
        cmocka_unit_test(a_gap_of_zeros_stands_where_data_could_be_mistaken),
        cmocka_unit_test(harmless_data_gets_no_gap),
        cmocka_unit_test(risky_data_without_a_bias_field_is_refused),
        cmocka_unit_test(pointers_and_checksums_move_with_a_gap_in_their_own_part),
        cmocka_unit_test(nested_checksums_come_from_the_inside_out),
        cmocka_unit_test(the_same_twice_is_the_same_bytes),
        cmocka_unit_test(one_wrong_field_is_one_refusal),
        cmocka_unit_test(is_built_once_per_reset_with_what_was_agreed_by_then),
        cmocka_unit_test(a_saved_state_with_one_wrong_byte_is_refused),
    };

    return cmocka_run_group_tests_name("acpi-build", tests, NULL, NULL);
}
