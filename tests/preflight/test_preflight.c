/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "preflight.h"
#include "sample.h"

static struct hf_host_caps *caps;
static struct hf_guest_needs guest;
static struct hf_verdict verdict;

static int fresh(void **state)
{
    json_t *json = json_of(sample_caps);
    int r = hf_host_caps_read(json, &caps, NULL);

    json_decref(json);
    guest = sample_guest();
    return r;
}

static int gone(void **state)
{
    hf_host_caps_free(caps);
    caps = NULL;
    return 0;
}

static const struct hf_finding *finding(const char *rule)
{
    for (size_t i = 0; i < verdict.count; i++)
        if (strcmp(verdict.finding[i].rule, rule) == 0)
            return &verdict.finding[i];
    return NULL;
}

/* Exactly this rule refuses, at this moment, names both values, and says what to do. */
static void expect_refusal(const char *rule, enum hf_finding_when when, const char *value, const char *other)
{
    const struct hf_finding *f;

    hf_preflight(&guest, caps, &verdict);
    f = finding(rule);
    assert_non_null(f);
    assert_int_equal(f->weight, HF_FINDING_REFUSE);
    assert_int_equal(f->when, when);
    assert_int_equal(verdict.refused_now, when == HF_WHEN_NOW);
    assert_int_equal(verdict.refused_next_reset, when == HF_WHEN_NEXT_RESET);
    if (!strstr(f->text, value) || !strstr(f->text, other))
        fail_msg("'%s' names not both '%s' and '%s'", f->text, value, other);
    assert_true(strlen(f->remedy) > 10);
}

static void a_host_that_has_everything_is_fine(void **state)
{
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
    assert_false(verdict.refused_now || verdict.refused_next_reset || verdict.more);
    assert_int_equal(verdict.firmware, HF_SOURCE_CONTAINER);
    assert_int_equal(verdict.qemu->version.major, 10);
}

static void a_copy_that_owns_nothing_does_not_move(void **state)
{
    guest.owner = HF_OWNER_DEPARTED;
    expect_refusal("owner", HF_WHEN_NOW, "departed", "alpha");
}

static void a_lower_epoch_than_the_destination_saw(void **state)
{
    guest.epoch = 6;
    expect_refusal("epoch", HF_WHEN_NOW, "7", "6");
}

static void a_copy_that_the_destination_owns_too(void **state)
{
    guest.epoch = 7;
    caps->epochs[0].departed = false;
    expect_refusal("epoch", HF_WHEN_NOW, "'beta' has a copy", "alpha");
    guest.epoch = 8; /* it was given up, and the container taken here */
    expect_refusal("epoch", HF_WHEN_NOW, "at epoch 7", "alpha");
    caps->epochs_more = true;
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 2);
    caps->epochs_more = false;
    guest.owner_host = "beta"; /* the owner itself */
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
}

static void an_older_holdfast(void **state)
{
    guest.format = 2;
    expect_refusal("holdfast", HF_WHEN_NOW, "format 2", "up to 1");
}

static void no_nbdkit(void **state)
{
    caps->nbdkit = NULL;
    expect_refusal("nbdkit", HF_WHEN_NOW, "nbdkit", "missing");
}

static void another_architecture(void **state)
{
    guest.arch = "aarch64";
    expect_refusal("architecture", HF_WHEN_NOW, "aarch64", "no QEMU");
}

static void a_qemu_that_is_too_old(void **state)
{
    for (size_t i = 0; i < caps->qemu_count; i++)
        caps->qemus[i].version = (struct hf_vmm_version){7, 1, 99};
    expect_refusal("qemu-version", HF_WHEN_NOW, "7.1", "7.2");
    caps->qemus[0].version = (struct hf_vmm_version){7, 2, 0};
    hf_preflight(&guest, caps, &verdict);
    assert_null(finding("qemu-version"));
}

static void a_machine_type_that_is_missing(void **state)
{
    guest.machine = guest.resolved = "pc-q35-2.4";
    expect_refusal("machine-type", HF_WHEN_NOW, "pc-q35-2.4", "no QEMU of");
}

static void a_running_guest_needs_the_machine_its_alias_was(void **state)
{
    guest.machine = "q35";
    guest.resolved = "pc-q35-8.0";
    guest.pinned = false;
    expect_refusal("machine-type", HF_WHEN_NOW, "pc-q35-8.0", "no QEMU of");
    guest.running = false;
    hf_preflight(&guest, caps, &verdict);
    assert_false(verdict.refused_now);
    assert_non_null(strstr(finding("machine-type")->text, "pc-q35-10.0"));
}

static void a_qemu_without_the_block_driver(void **state)
{
    json_array_clear((json_t *)caps->qemus[0].block_drivers);
    expect_refusal("block-driver", HF_WHEN_NOW, "/usr/bin/qemu-system-x86_64", "nbd");
}

static void no_smm_where_the_firmware_needs_it(void **state)
{
    guest.needs_smm = true;
    caps->qemus[0].smm = false;
    expect_refusal("smm", HF_WHEN_NEXT_RESET, "SMM", "/usr/bin/qemu-system-x86_64");
}

static void an_emulated_arm_processor_between_qemus_with_other_registers(void **state)
{
    guest.arch = "aarch64";
    caps->qemus[0].arch = "aarch64";
    guest.emulated = true;
    guest.under = (struct hf_vmm_version){7, 2, 0};
    expect_refusal("processor", HF_WHEN_NOW, "7.2", "10.0");
    guest.under = (struct hf_vmm_version){10, 1, 0};
    caps->qemus[0].version = (struct hf_vmm_version){7, 2, 22};
    expect_refusal("processor", HF_WHEN_NOW, "7.2", "10.1");
    guest.under = (struct hf_vmm_version){10, 0, 2};
    caps->qemus[0].version = (struct hf_vmm_version){11, 1, 3};
    expect_refusal("processor", HF_WHEN_NOW, "10.0", "11.1");
    guest.under = (struct hf_vmm_version){11, 1, 3};
    caps->qemus[0].version = (struct hf_vmm_version){10, 0, 2};
    expect_refusal("processor", HF_WHEN_NOW, "11.1", "10.0");
    caps->qemus[0].version = (struct hf_vmm_version){7, 2, 22};
    guest.emulated = false;
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
    guest.emulated = true;
    guest.running = false;
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
    guest.running = true;
    guest.under = (struct hf_vmm_version){7, 2, 0};
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
}

static void a_rom_of_another_size_is_told(void **state)
{
    const struct hf_rom_need rom = {"vgabios-stdvga.bin", DIGEST_A, 65536};

    guest.roms = &rom;
    guest.rom_count = 1;
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(finding("roms")->weight, HF_FINDING_NOTE);
    assert_non_null(strstr(finding("roms")->text, "65536"));
    assert_non_null(strstr(finding("roms")->text, "39936"));
}

static void a_rom_of_the_host_and_of_another_size(void **state)
{
    struct hf_rom_need rom = {"vgabios-stdvga.bin", DIGEST_A, 30000}; /* 32 KiB of memory; 64 KiB there */

    guest.roms = &rom;
    guest.rom_count = 1;
    guest.roms_from_host = true;
    expect_refusal("roms", HF_WHEN_NOW, "30000", "39936");
    assert_non_null(strstr(finding("roms")->text, "Size mismatch"));
    assert_non_null(strstr(finding("roms")->remedy, "roms=guest"));
    guest.managed = true; /* libvirt does not ask the container for its ROMs */
    expect_refusal("roms", HF_WHEN_NOW, "30000", "39936");
    assert_non_null(strstr(finding("roms")->remedy, "<rom file="));
    rom.size = 33000; /* the same memory: it moves, and other bytes run after a power-on */
    hf_preflight(&guest, caps, &verdict);
    assert_false(verdict.refused_now);
    assert_non_null(strstr(finding("roms")->text, "will run the destination's"));
    rom.name = "efi-e1000.rom";
    expect_refusal("roms", HF_WHEN_NOW, "efi-e1000.rom", "none");
}

static void a_locked_domain_of_another_version(void **state)
{
    const struct hf_locked_domain locked = {"acpi-loader", 2, {{1}}};

    guest.locked = &locked;
    guest.locked_count = 1;
    expect_refusal("contract", HF_WHEN_NOW, "version 2", "version 1");
}

static void a_locked_bit_that_is_missing(void **state)
{
    struct hf_locked_domain locked = {"acpi-loader", 1, {{0x05}}};

    guest.locked = &locked;
    guest.locked_count = 1;
    expect_refusal("contract", HF_WHEN_NOW, "bit 2", "acpi-loader");
    locked.bits.byte[0] = 3;
    hf_preflight(&guest, caps, &verdict);
    assert_false(verdict.refused_now);
    locked.name = "log";
    expect_refusal("contract", HF_WHEN_NOW, "log", "does not support");
    guest.running = false; /* at a power-on everything is negotiated anew */
    hf_preflight(&guest, caps, &verdict);
    assert_false(verdict.refused_now);
}

static void a_mailbox_and_no_ivshmem(void **state)
{
    guest.mailbox = true;
    json_array_clear((json_t *)caps->qemus[0].devices);
    expect_refusal("mailbox", HF_WHEN_NOW, "ivshmem-plain", "/usr/bin/qemu-system-x86_64");
}

static void a_mailbox_beside_ram_of_the_users_own(void **state)
{
    guest.mailbox = guest.memory_named = true;
    expect_refusal("mailbox", HF_WHEN_NOW, "RAM", "mailbox");
}

static void a_tpm_without_its_state(void **state)
{
    guest.tpm = true;
    guest.tpm_state_moves = false;
    hf_preflight(&guest, caps, &verdict); /* QEMU's stream carries it */
    assert_int_equal(verdict.count, 0);
    guest.running = false;
    expect_refusal("tpm", HF_WHEN_NOW, "TPM", "not be moved");
}

static void a_disk_that_is_too_small(void **state)
{
    caps->free_bytes = 4096;
    expect_refusal("room", HF_WHEN_NOW, "10485760", "4096");
}

static void a_known_break_counts_from_its_version_on_and_with_its_device(void **state)
{
    const struct hf_manifest_break ahci = {.name = "ahci",
                                           .device = "ich9-ahci/drive",
                                           .from_major = 8,
                                           .from_minor = 2,
                                           .at_reset = true,
                                           .what = "hangs probing AHCI",
                                           .remedy = "stage SeaBIOS 1.16.3 first"};
    const struct hf_manifest seabios = {.name = "SeaBIOS 1.16.2", .breaks = &ahci, .break_count = 1};
    guest.manifest = &seabios;
    expect_refusal("known-break", HF_WHEN_NEXT_RESET, "QEMU 10.0", "AHCI");
    guest.running = false; /* a power-on there is its next boot */
    expect_refusal("known-break", HF_WHEN_NOW, "QEMU 10.0", "AHCI");
    guest.running = true;
    guest.devices = NULL; /* not known: refused all the same */
    expect_refusal("known-break", HF_WHEN_NEXT_RESET, "QEMU 10.0", "AHCI");
    guest.devices = "virtio-blk-pci ich9-ahci ide-cd ";
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
    guest = sample_guest();
    guest.manifest = &seabios;
    caps->qemus[0].version = (struct hf_vmm_version){8, 1, 9};
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
}

static void a_known_break_of_what_the_next_boot_runs(void **state)
{
    char dir[] = "/tmp/holdfast-test-XXXXXX", path[64];
    const char *dirs[] = {dir};
    struct hf_manifests *known;
    struct hf_error err;
    FILE *file;

    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/b.json", dir);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("{\"schema\": 1, \"name\": \"new OVMF\", \"firmware\": \"ovmf\", \"version\": \"1\","
                      " \"images\": [{\"sha256\": \"" DIGEST_B "\"}], \"evidence\": \"a test\","
                      " \"breaks\": [{\"name\": \"x\", \"from\": \"10.0\", \"at_reset\": true, \"what\": \"hangs\","
                      " \"remedy\": \"stay where it is\", \"evidence\": \"a test\"}]}",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    if (hf_manifests_open(dirs, 1, &known, &err) < 0)
        fail_msg("%s", err.text);
    guest.manifests = known;
    hf_preflight(&guest, caps, &verdict); /* it runs what it has */
    assert_int_equal(verdict.count, 0);
    guest.policy = HF_POLICY_HOST;
    expect_refusal("known-break", HF_WHEN_NEXT_RESET, "new OVMF", "hangs");
    guest.policy = HF_POLICY_GUEST;
    guest.staged = DIGEST_B;
    expect_refusal("known-break", HF_WHEN_NEXT_RESET, "new OVMF", "hangs");
    hf_manifests_close(known);
    (void)unlink(path);
    (void)rmdir(dir);
}

static void what_breaks_at_once_is_refused_though_the_next_boot_runs_another_image(void **state)
{
    const struct hf_manifest_break live = {.name = "x", .from_major = 9, .what = "stops", .remedy = "stay where it is"};
    const struct hf_manifest ovmf = {.name = "old OVMF", .breaks = &live, .break_count = 1};

    guest.manifest = &ovmf;
    guest.staged = DIGEST_B;
    expect_refusal("known-break", HF_WHEN_NOW, "old OVMF", "stops");
    guest.running = false; /* it never runs there */
    hf_preflight(&guest, caps, &verdict);
    assert_int_equal(verdict.count, 0);
}

/* ---- which firmware runs after the move, and why ---- */

static bool told(const char *rule, const char *part)
{
    for (size_t i = 0; i < verdict.count; i++)
        if (strcmp(verdict.finding[i].rule, rule) == 0 && strstr(verdict.finding[i].text, part))
            return true;
    return false;
}

/* `digest` runs, and `why` says so. */
static void expect_firmware(const char *digest, const char *why)
{
    hf_preflight(&guest, caps, &verdict);
    assert_string_equal(verdict.firmware_there ? verdict.firmware_there->digest : verdict.code_digest, digest);
    if (!strstr(verdict.firmware_why, why))
        fail_msg("'%s' does not say '%s'", verdict.firmware_why, why);
    assert_false(verdict.refused_now || verdict.refused_next_reset);
}

static void newer_host_firmware_under_each_policy(void **state)
{
    expect_firmware(DIGEST_A, "policy guest");
    assert_int_equal(verdict.count, 0);

    guest.policy = HF_POLICY_HOST;
    expect_firmware(DIGEST_B, "at the next reset");
    assert_int_equal(finding("policy")->when, HF_WHEN_NEXT_RESET);
    assert_true(told("policy", "bbbbbbbbbbbbbbbb instead of aaaaaaaaaaaaaaaa"));
    guest.running = false;
    expect_firmware(DIGEST_B, "at the power-on");
    guest.firmware = "ovmf-secboot";
    expect_firmware(DIGEST_A, "no firmware 'ovmf-secboot'");
    assert_true(told("policy", "keeps what it has"));

    guest = sample_guest();
    guest.policy = HF_POLICY_VERSIONED;
    expect_firmware(DIGEST_A, "'pc-q35-7.2' is pinned");
    guest.pinned = false;
    guest.machine = "q35";
    expect_firmware(DIGEST_A, "a reset is no start; the next power-on under QEMU 10.0 takes 'ovmf'");
    guest.running = false;
    expect_firmware(DIGEST_B, "QEMU 10.0 there, 7.2 at the last start, and 'q35' is not pinned");
    guest.vmm = (struct hf_vmm_version){10, 0, 2};
    expect_firmware(DIGEST_A, "as at the last start");
}

static void a_2m_guest_to_a_host_that_has_only_4m_images_under_each_policy(void **state)
{
    guest.code_size = 1966080;
    guest.vars_size = 131072;
    expect_firmware(DIGEST_A, "policy guest: the container decides");
    assert_int_equal(verdict.count, 0);

    guest.policy = HF_POLICY_VERSIONED;
    expect_firmware(DIGEST_A, "is pinned");
    guest.pinned = guest.running = false;
    guest.machine = "q35";
    expect_firmware(DIGEST_B, "is not pinned");
    assert_true(told("policy", "converted from 131072 to 540672 bytes"));

    guest.policy = HF_POLICY_HOST;
    expect_firmware(DIGEST_B, "policy host");
    assert_true(told("policy", "converted from 131072 to 540672 bytes"));
}

static void what_is_staged_runs_and_what_was_rolled_back_does_not(void **state)
{
    static const char digest_c[] = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

    guest.staged = digest_c;
    expect_firmware(digest_c, "applied at the next reset");
    guest.staged = NULL;
    guest.policy = HF_POLICY_HOST;
    guest.rejected = DIGEST_B;
    expect_firmware(DIGEST_A, "rolled back");
}

static void a_tpm_makes_the_hosts_firmware_wait(void **state)
{
    guest.policy = HF_POLICY_HOST;
    guest.tpm = true;
    hf_preflight(&guest, caps, &verdict);
    assert_true(told("policy", "only staged, because of the TPM"));
}

static void more_findings_than_fit_still_refuse(void **state)
{
    struct hf_locked_domain locked[HF_FINDINGS_MAX + 8];

    for (size_t i = 0; i < HF_FINDINGS_MAX + 8; i++)
        locked[i] = (struct hf_locked_domain){.name = "unheard-of"};
    guest.locked = locked;
    guest.locked_count = HF_FINDINGS_MAX + 8;
    hf_preflight(&guest, caps, &verdict);
    assert_true(verdict.more && verdict.refused_now);
    assert_int_equal(verdict.count, HF_FINDINGS_MAX);
}

int main(void)
{
#define IT(f) cmocka_unit_test_setup_teardown(f, fresh, gone)
    const struct CMUnitTest tests[] = {
        IT(a_host_that_has_everything_is_fine),
        IT(a_copy_that_owns_nothing_does_not_move),
        IT(a_lower_epoch_than_the_destination_saw),
        IT(a_copy_that_the_destination_owns_too),
        IT(an_older_holdfast),
        IT(no_nbdkit),
        IT(another_architecture),
        IT(a_qemu_that_is_too_old),
        IT(a_machine_type_that_is_missing),
        IT(a_running_guest_needs_the_machine_its_alias_was),
        IT(a_qemu_without_the_block_driver),
        IT(no_smm_where_the_firmware_needs_it),
        IT(a_rom_of_another_size_is_told),
        IT(a_rom_of_the_host_and_of_another_size),
        IT(a_locked_domain_of_another_version),
        IT(a_locked_bit_that_is_missing),
        IT(a_mailbox_and_no_ivshmem),
        IT(a_mailbox_beside_ram_of_the_users_own),
        IT(a_tpm_without_its_state),
        IT(a_disk_that_is_too_small),
        IT(a_known_break_counts_from_its_version_on_and_with_its_device),
        IT(a_known_break_of_what_the_next_boot_runs),
        IT(what_breaks_at_once_is_refused_though_the_next_boot_runs_another_image),
        IT(an_emulated_arm_processor_between_qemus_with_other_registers),
        IT(newer_host_firmware_under_each_policy),
        IT(a_2m_guest_to_a_host_that_has_only_4m_images_under_each_policy),
        IT(what_is_staged_runs_and_what_was_rolled_back_does_not),
        IT(a_tpm_makes_the_hosts_firmware_wait),
        IT(more_findings_than_fit_still_refuse),
    };

    return cmocka_run_group_tests_name("preflight-preflight", tests, NULL, NULL);
}
