/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "acpi_sample.h"
#include "acpi_table.h"

static struct sample s;

static void what_the_builder_makes_is_safe_for_whom_it_is_meant(void **state)
{
    for (int wide = 0; wide < 2; wide++)
        for (uint64_t f = 0; f <= HF_ACPI_FEATURES; f++) {
            sample_init(&s, wide);
            assert_int_equal(sample_build(&s, f), 0);
            assert_int_equal(sample_check(&s, 0, f, NULL), 0);
            s.description.tell_count = 0;
            assert_int_equal(sample_build(&s, f), 0);
            if (f == 0)
                assert_int_equal(sample_check(&s, HF_ACPI_EVERY_CONSUMER, f, NULL), 0);
        }
}

static void the_first_broken_rule_is_named_by_command(void **state)
{
    static const struct {
        unsigned command, at, value;
        const char *rule;
        unsigned where;
    } rows[] = {
        {0, 0, 9, "command", 0},   {0, 59, 'x', "name", 0},  {0, 4, 'x', "file", 0},           {0, 60, 65, "align", 0},
        {0, 64, 7, "zone", 0},     {0, 64, 0x81, "zone", 0}, {1, 0, 0, "padding", 2},          {3, 119, 1, "field", 3},
        {3, 120, 2, "width", 3},   {0, 0, 0, "padding", 1},  {4, 116, 24, "patched-twice", 4}, {9, 71, 1, "range", 9},
        {3, 60, 'x', "source", 3}, {3, 4, 'x', "dest", 3},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hf_acpi_finding f = {0};
        struct hf_acpi_record *r;

        sample_init(&s, false);
        s.description.tell_count = 0;
        assert_int_equal(sample_build(&s, 0), 0);
        r = sample_record(&s, rows[i].command);
        ((uint8_t *)r)[rows[i].at] = (uint8_t)rows[i].value;
        if (strcmp(rows[i].rule, "patched-twice") == 0)
            *r = *sample_record(&s, 3);
        assert_int_equal(sample_check(&s, HF_ACPI_EVERY_CONSUMER, 0, &f), -HF_EREFUSED);
        if (strcmp(f.rule, rows[i].rule) != 0 || f.command != rows[i].where)
            fail_msg("row %zu: found rule %s at command %u", i, f.rule, f.command);
    }
}

static void a_rule_binds_only_those_it_is_about(void **state)
{
    struct hf_acpi_finding f;

    sample_init(&s, false);
    assert_int_equal(sample_build(&s, 0), 0);
    assert_int_equal(sample_check(&s, HF_ACPI_EVERY_CONSUMER, 0, &f), -HF_EREFUSED);
    assert_string_equal(f.rule, "write-pointer");
    assert_int_equal(f.consumers, HF_ACPI_CONSUMER_BIT(HF_ACPI_QBOOT));
    assert_int_equal(sample_check(&s, 0, 0, NULL), 0);
}

/* OVMF looks at no zone and would take it; but it has agreed to nothing, and the next release may look. */
static void an_extension_needs_an_agreement_whoever_reads_it(void **state)
{
    struct hf_acpi_finding f;

    sample_init(&s, true);
    assert_int_equal(sample_build(&s, HF_ACPI_FEATURE_64BIT), 0);
    assert_int_equal(sample_check(&s, HF_ACPI_CONSUMER_BIT(HF_ACPI_OVMF), HF_ACPI_FEATURE_64BIT, NULL), 0);
    assert_int_equal(sample_check(&s, HF_ACPI_CONSUMER_BIT(HF_ACPI_OVMF), 0, &f), -HF_EREFUSED);
    assert_string_equal(f.rule, "zone");
    assert_int_equal(sample_build(&s, HF_ACPI_FEATURE_NOACPI), 0);
    assert_int_equal(sample_check(&s, HF_ACPI_CONSUMER_BIT(HF_ACPI_OVMF), HF_ACPI_FEATURE_64BIT, &f), -HF_EREFUSED);
    assert_string_equal(f.rule, "zone");
}

static void order_matters(void **state)
{
    struct hf_acpi_record saved;
    struct hf_acpi_finding f;
    size_t sum;

    sample_init(&s, true);
    assert_int_equal(sample_build(&s, 0), 0);
    sum = sample_first(&s, HF_ACPI_ADD_CHECKSUM);
    saved = *sample_record(&s, sum);
    *sample_record(&s, sum) = *sample_record(&s, sum + 1);
    *sample_record(&s, sum + 1) = saved;
    assert_int_equal(sample_check(&s, 0, 0, &f), -HF_EREFUSED);
    assert_string_equal(f.rule, "checksum-order");
    sample_init(&s, false);
    assert_int_equal(sample_build(&s, 0), 0);
    saved = *sample_record(&s, sum - 1); /* the RSDP's pointer after its checksum */
    *sample_record(&s, sum - 1) = *sample_record(&s, sum);
    *sample_record(&s, sum) = saved;
    assert_int_equal(sample_check(&s, 0, 0, &f), -HF_EREFUSED);
    assert_string_equal(f.rule, "late-pointer");
}

static void an_outcome_that_is_not_complete_is_refused_too(void **state)
{
    struct hf_acpi_finding f;
    struct hf_error err;
    struct hf_acpi_question q = {.consumers = HF_ACPI_CONSUMER_BIT(HF_ACPI_SEABIOS)};

    sample_init(&s, false);
    memcpy(s.tables + SAMPLE_FADT, "FADT", 4); /* no such table */
    assert_int_equal(sample_build(&s, 0), 0);
    assert_int_equal(hf_acpi_check(&s.bundle, &q, s.work, sizeof s.work, &f, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "outcome");
    assert_int_equal(f.command, HF_ACPI_AT_END);
    assert_non_null(strstr(err.text, "seabios"));
    assert_int_equal(
        hf_acpi_check(&s.bundle, &(struct hf_acpi_question){.reserved = {1}}, s.work, sizeof s.work, &f, &err),
        -HF_EUSAGE);
}

static void the_rules_have_names_and_texts(void **state)
{
    const char *name, *text;
    unsigned consumers, n = 0;

    while (hf_acpi_rule(n, &name, &text, &consumers)) {
        assert_true(strlen(name) > 0 && strlen(text) > 10 && consumers != 0);
        n++;
    }
    assert_true(n > 25);
}

/* Random damage to a good script: whatever the checker lets pass, every consumer makes a complete set of, and no
 * interpreter reads or writes outside what it was given (which the sanitizers watch). */
static void random_damage_is_refused_or_harmless(void **state)
{
    const char *given = getenv("HOLDFAST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : 20171, passed = 0;

    print_message("# seed %u\n", seed);
    srand(seed);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned all = HF_ACPI_CONSUMER_BIT(HF_ACPI_SEABIOS) | HF_ACPI_CONSUMER_BIT(HF_ACPI_OVMF);
        struct hf_acpi_outcome o;
        size_t commands;

        sample_init(&s, round & 1);
        assert_int_equal(sample_build(&s, round >> 1 & 3), 0);
        commands = SAMPLE_PARTS + s.description.pointer_count + s.description.checksum_count + 1;
        for (unsigned n = 1 + (unsigned)rand() % 3; n > 0; n--) {
            uint8_t *r = (uint8_t *)sample_record(&s, (size_t)rand() % commands);
            unsigned at = (unsigned)rand() % 3 ? 116 + (unsigned)rand() % 12 : (unsigned)rand() % 128;

            r[at] = (uint8_t)(rand() % 4 ? rand() % 64 : rand());
        }
        if (sample_check(&s, all, round >> 1 & 3, NULL) == 0) {
            passed++;
            assert_int_equal(sample_run(&s, HF_ACPI_SEABIOS, round >> 1 & 3).verdict, HF_ACPI_COMPLETE);
            assert_int_equal(sample_run(&s, HF_ACPI_OVMF, round >> 1 & 3).verdict, HF_ACPI_COMPLETE);
        }
        o = sample_run(&s, HF_ACPI_QBOOT, 0);
        assert_true(o.fault_count <= 2 * hf_acpi_command_count(&s.bundle) + 8);
    }
    assert_true(passed > 100 && passed < 19000);
}

static void sums_are_those_of_single_bytes(void **state)
{
    static uint8_t bytes[5000];

    memset(bytes, 0xff, sizeof bytes);
    for (size_t size = 0; size < sizeof bytes; size += 1 + size / 7)
        for (size_t at = 0; at < 9; at++) {
            uint8_t sum = 0;

            for (size_t i = at; i < at + size && i < sizeof bytes; i++) {
                bytes[i] = (uint8_t)(0xff - (i % 97) * (size & 1));
                sum = (uint8_t)(sum + bytes[i]);
            }
            if (at + size <= sizeof bytes)
                assert_int_equal(hf_acpi_sum(bytes + at, size), sum);
        }
}

static void show_says_what_a_command_does(void **state)
{
    char line[256];

    sample_init(&s, false);
    assert_int_equal(sample_build(&s, 0), 0);
    (void)hf_acpi_show(&s.bundle, 0, line, sizeof line);
    assert_string_equal(line, "ALLOCATE etc/acpi/tables align 64 zone HIGH, 4096 bytes");
    (void)hf_acpi_show(&s.bundle, SAMPLE_PARTS + 1, line, sizeof line);
    assert_string_equal(line, "ADD_POINTER etc/acpi/tables+0x11c (FACP) 4 bytes -> etc/acpi/tables+0x40 (DSDT)");
    (void)hf_acpi_show(&s.bundle, SAMPLE_PARTS + 5, line, sizeof line);
    assert_string_equal(line, "ADD_POINTER etc/acpi/rsdp+0x10 (RSDP) 4 bytes -> etc/acpi/tables+0x1e8 (RSDT)");
    (void)hf_acpi_show(&s.bundle, sample_first(&s, HF_ACPI_WRITE_POINTER), line, sizeof line);
    assert_string_equal(line, "WRITE_POINTER etc/device_addr+0x0 8 bytes <- address of etc/device_page+0x38");
    (void)hf_acpi_show(&s.bundle, hf_acpi_command_count(&s.bundle) - 1, line, sizeof line);
    assert_string_equal(line, "padding");
    sample_record(&s, 0)->u.allocate.zone = 0x83;
    (void)hf_acpi_show(&s.bundle, 0, line, sizeof line);
    assert_string_equal(line, "ALLOCATE etc/acpi/tables align 64 zone 64BIT, no ACPI, 4096 bytes");
    memset(sample_record(&s, 0), 0xff, 128);
    sample_record(&s, 0)->command = hf_le32_of(1);
    assert_true(hf_acpi_show(&s.bundle, 0, line, 40) < 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_builder_makes_is_safe_for_whom_it_is_meant),
        cmocka_unit_test(the_first_broken_rule_is_named_by_command),
        cmocka_unit_test(a_rule_binds_only_those_it_is_about),
        cmocka_unit_test(an_extension_needs_an_agreement_whoever_reads_it),
        cmocka_unit_test(order_matters),
        cmocka_unit_test(an_outcome_that_is_not_complete_is_refused_too),
        cmocka_unit_test(the_rules_have_names_and_texts),
        cmocka_unit_test(random_damage_is_refused_or_harmless),
        cmocka_unit_test(sums_are_those_of_single_bytes),
        cmocka_unit_test(show_says_what_a_command_does),
    };

    return cmocka_run_group_tests_name("acpi-check", tests, NULL, NULL);
}
