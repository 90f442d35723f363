/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "acpi_sample.h"
#include "probe_rules.h"
#include "sample.h"

/* Two machines that show the same, as two QEMUs would; each test changes the destination's. */
static struct machine {
    struct sample script;
    struct hf_fwcfg_view view;
} here, there;
static struct hf_probe probe;
static struct hf_guest_needs guest;
static struct hf_verdict verdict;

static void add_file(struct hf_fwcfg_view *v, const char *name, uint32_t size)
{
    struct hf_fwcfg_file *row = &v->directory[v->count];

    *row = (struct hf_fwcfg_file){.size = size, .key = (uint16_t)(0x20 + v->count)};
    snprintf(row->name, sizeof row->name, "%s", name);
    v->count++;
}

static void build(struct machine *m, uint64_t features)
{
    static const char *const names[] = {"etc/acpi/rsdp", "etc/acpi/tables", "etc/smi/features-ok", "etc/table-loader",
                                        "etc/vmgenid_addr"};

    memset(&m->view, 0, sizeof m->view);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_file(&m->view, names[i], 8);
    sample_init(&m->script, true);
    assert_int_equal(sample_build(&m->script, features), 0);
    m->view.bundle = m->script.bundle;
}

static int fresh(void **state)
{
    build(&here, 0);
    build(&there, 0);
    guest = sample_guest();
    probe = (struct hf_probe){
        .source = {.program = "/usr/bin/qemu", .version = {7, 2, 22}, .view = &here.view},
        .destination = {.program = "/opt/qemu", .version = {10, 0, 2}, .view = &there.view},
    };
    return 0;
}

static void ask(void)
{
    verdict = (struct hf_verdict){.count = 0};
    hf_preflight_probe(&guest, &probe, &verdict);
}

/* Exactly one finding, of that rule and weight, that says both. */
static void expect_one(const char *rule, enum hf_finding_weight weight, const char *one, const char *other)
{
    ask();
    if (verdict.count != 1)
        fail_msg("%zu findings; the first is %s: %s", verdict.count, verdict.count ? verdict.finding[0].rule : "none",
                 verdict.finding[0].text);
    assert_string_equal(verdict.finding[0].rule, rule);
    assert_int_equal(verdict.finding[0].weight, weight);
    assert_int_equal(verdict.refused_now || verdict.refused_next_reset, weight == HF_FINDING_REFUSE);
    if (!strstr(verdict.finding[0].text, one) || !strstr(verdict.finding[0].text, other))
        fail_msg("'%s' says not both '%s' and '%s'", verdict.finding[0].text, one, other);
    assert_true(strlen(verdict.finding[0].remedy) >= strlen("nothing to do"));
}

static void the_same_machine_has_no_findings(void **state)
{
    ask();
    assert_int_equal(verdict.count, 0);
    guest.running = false;
    ask();
    assert_int_equal(verdict.count, 0);
}

static void a_machine_that_is_not_built_there(void **state)
{
    probe.destination.view = NULL;
    probe.destination.why = "'vmgenid' is not a valid device model name";
    expect_one("probe-start", HF_FINDING_REFUSE, "/opt/qemu", "vmgenid");
    assert_true(verdict.refused_now);
    (void)fresh(NULL);
    probe.source.view = NULL;
    probe.source.why = "no such machine";
    expect_one("probe-start", HF_FINDING_NOTE, "/usr/bin/qemu", "no such machine");
}

static void different_fw_cfg_files(void **state)
{
    add_file(&there.view, "etc/zz-new", 4);
    expect_one("fw-cfg-files", HF_FINDING_REFUSE, "etc/zz-new", "6 files there, 5 here");
    guest.running = false; /* a power-on reads them all anew */
    expect_one("fw-cfg-files", HF_FINDING_NOTE, "etc/zz-new", "new");
    guest.running = true;
    there.view.count = 4;
    expect_one("fw-cfg-files", HF_FINDING_REFUSE, "etc/vmgenid_addr", "missing");
}

static void the_same_files_in_another_order(void **state)
{
    struct hf_fwcfg_file third = there.view.directory[2];

    there.view.directory[2] = there.view.directory[3];
    there.view.directory[3] = third;
    there.view.directory[2].key = 0x22;
    there.view.directory[3].key = 0x23;
    expect_one("fw-cfg-files", HF_FINDING_REFUSE, "0x22 under QEMU 7.2", "0x23 there");
}

static void sizes_count_where_a_file_is_a_register(void **state)
{
    there.view.directory[1].size = 4096; /* tables differ from version to version */
    ask();
    assert_int_equal(verdict.count, 0);
    there.view.directory[4].size = 16;
    expect_one("fw-cfg-sizes", HF_FINDING_REFUSE, "etc/vmgenid_addr", "16");
}

static void a_script_the_guests_seabios_would_not_understand(void **state)
{
    build(&there, HF_ACPI_FEATURES);
    guest.kind = "seabios";
    expect_one("acpi-script", HF_FINDING_REFUSE, "seabios", "ALLOCATE");
    assert_true(verdict.refused_next_reset);
    guest.kind = "ovmf-secboot"; /* which takes any zone */
    ask();
    assert_int_equal(verdict.count, 0);
    build(&here, HF_ACPI_FEATURES); /* as it is already */
    guest.kind = "seabios";
    expect_one("acpi-script", HF_FINDING_NOTE, "QEMU 10.0", "nor that of QEMU 7.2");
}

static void what_the_manifest_declares_is_understood(void **state)
{
    const struct hf_manifest_domain understands = {.name = HF_ACPI_DOMAIN, .version = 1, .bits = {HF_ACPI_FEATURES}};
    const struct hf_manifest manifest = {.domains = &understands, .domain_count = 1};

    build(&there, HF_ACPI_FEATURES);
    guest.kind = "seabios";
    guest.manifest = &manifest;
    ask();
    assert_int_equal(verdict.count, 0);
}

static void tables_that_come_and_go_are_told(void **state)
{
    memcpy(there.script.tables + SAMPLE_SSDT, "SSDZ", 4);
    assert_int_equal(sample_build(&there.script, 0), 0);
    there.view.bundle = there.script.bundle;
    ask();
    assert_int_equal(verdict.count, 2);
    assert_string_equal(verdict.finding[0].rule, "acpi-tables");
    assert_non_null(strstr(verdict.finding[0].text, "SSDT"));
    assert_non_null(strstr(verdict.finding[1].text, "SSDZ"));
    assert_false(verdict.refused_now || verdict.refused_next_reset);
}

static void a_boot_that_does_not_get_there(void **state)
{
    const struct hf_boot_try quick = {.booted = true, .milliseconds = 4200, .sign = "tried to boot"};
    const struct hf_boot_try slow = {.milliseconds = 22600, .limit = 22600};
    const struct hf_boot_try dead = {.milliseconds = 300, .why = "out of memory"};

    assert_int_equal(hf_probe_boot_limit(4200), 22600);
    probe.source_boot = probe.destination_boot = &quick;
    expect_one("probe-boot", HF_FINDING_NOTE, "QEMU 10.0 there it tried to boot after 4.2 s", "QEMU 7.2");
    probe.destination_boot = &slow;
    expect_one("probe-boot", HF_FINDING_REFUSE, "after 22.6 s under QEMU 10.0", "after 4.2 s");
    probe.destination_boot = &dead;
    expect_one("probe-boot", HF_FINDING_REFUSE, "out of memory", "4.2 s");
    probe.source_boot = &slow;
    probe.destination_boot = NULL;
    expect_one("probe-boot", HF_FINDING_NOTE, "nothing to compare with", "22.6 s");
}

int main(void)
{
#define IT(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        IT(the_same_machine_has_no_findings),
        IT(a_machine_that_is_not_built_there),
        IT(different_fw_cfg_files),
        IT(the_same_files_in_another_order),
        IT(sizes_count_where_a_file_is_a_register),
        IT(a_script_the_guests_seabios_would_not_understand),
        IT(what_the_manifest_declares_is_understood),
        IT(tables_that_come_and_go_are_told),
        IT(a_boot_that_does_not_get_there),
    };

    return cmocka_run_group_tests_name("preflight-probe_rules", tests, NULL, NULL);
}
