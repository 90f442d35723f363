/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "arguments.h"

#define UUID "11111111-2222-3333-4444-555555555555"

static const struct hf_arguments_guest q35 = {.architecture = "x86_64", .machine = "q35", .uuid = UUID};
static const struct hf_arguments_guest pinned = {.architecture = "x86_64", .machine = "pc-q35-7.2"};
static const struct hf_arguments_guest smm = {.architecture = "x86_64", .machine = "q35", .needs_smm = true};
static const struct hf_arguments_guest smm_any = {.architecture = "x86_64", .machine = "", .needs_smm = true};
static const struct hf_arguments_guest arm = {.architecture = "aarch64", .machine = "virt"};
static const struct hf_arguments_guest blank = {.architecture = "x86_64"};

/* Reads words separated by single spaces. */
static int read_words(const char *words, const struct hf_arguments_guest *guest, struct hf_arguments *out,
                      struct hf_error *err)
{
    static char copy[1024]; /* results point into it */
    char *argv[64], *rest = copy;
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", words);
    while (*copy && rest)
        argv[argc++] = strsep(&rest, " ");
    return hf_arguments_read(argc, argv, guest, out, err);
}

static void what_contradicts_the_container_is_refused_by_name(void **state)
{
    static const struct {
        const char *words, *rule;
        const struct hf_arguments_guest *guest;
    } cases[] = {
        {"-bios x", "firmware", &q35},
        {"--bios x", "firmware", &q35},
        {"-pflash x", "firmware", &q35},
        {"-m 1G -nographic -bios x", "firmware", &q35},
        {"-drive if=pflash,file=x", "firmware", &q35},
        {"-drive file=x,format=raw,if=pflash,unit=1", "firmware", &q35},
        {"--drive if=none,if=pflash", "firmware", &q35},
        {"-set drive.a.if=pflash", "firmware", &q35},
        {"-machine q35,pflash0=a", "firmware", &q35},
        {"-machine pflash1=a", "firmware", &q35},
        {"-M q35 -M pflash1=a", "firmware", &q35},
        {"-machine type=q35,firmware=x", "firmware", &q35},
        {"-device cfi.pflash01,drive=a", "firmware", &q35},
        {"-readconfig x", "readconfig", &q35},
        {"--readconfig x", "readconfig", &q35},
        {"-daemonize", "daemonize", &q35},
        {"--daemonize", "daemonize", &q35},
        {"--preconfig", "daemonize", &q35},
        {"-global cfi.pflash01.secure=on", "global", &q35},
        {"-global driver=cfi.pflash01,property=secure,value=on", "global", &q35},
        {"-global property=secure,driver=cfi.pflash01,value=on", "global", &q35},
        {"-machine pc", "machine", &q35},
        {"-M type=pc", "machine", &q35},
        {"-M q35 -M pc", "machine", &q35},
        {"-M microvm", "machine", &q35},
        {"-M virt", "machine", &q35},
        {"-M pc-q35-6.2", "machine", &pinned},
        {"-machine {\"type\":\"q35\"}", "machine", &q35},
        {"-M q35", "machine", &arm},
        {"-M microvm", "machine", &blank},
        {"-uuid 11111111-2222-3333-4444-555555555556", "uuid", &q35},
        {"-smbios type=1,uuid=11111111-2222-3333-4444-555555555556", "uuid", &q35},
        {"-object sev-guest,id=sev0", "confidential", &q35},
        {"-object {\"qom-type\":\"tdx-guest\",\"id\":\"t\"}", "confidential", &q35},
        {"-machine confidential-guest-support=sev0", "confidential", &q35},
        {"-machine confidential_guest_support=sev0", "confidential", &q35},
        {"-machine memory-encryption=sev0", "confidential", &q35},
        {"-device uefi-vars-x64", "uefi-vars", &q35},
        {"-device {\"driver\":\"uefi-vars-x64\"}", "uefi-vars", &q35},
        {"-blockdev {\"driver\":\"null-co\",\"node-name\":\"hf-code\"}", "reserved", &q35},
        {"-blockdev driver=null-co,node-name=hf-vars", "reserved", &q35},
        {"-blockdev {\"driver\":\"raw\",\"node-name\":\"a\",\"file\":{\"driver\":\"null-co\",\"node-name\":\"hf-x\"}}",
         "reserved", &q35},
        {"-chardev null,id=hf-qmp", "reserved", &q35},
        {"-device virtio-rng-pci,id=hf-1", "reserved", &q35},
        {"-set chardev.hf-qmp.path=/x", "reserved", &q35},
        {"-runas nobody", "user", &q35},
        {"-chroot /x", "user", &q35},
        {"-run-with chroot=/x", "user", &q35},
        {"-run-with async-teardown=on,user=nobody", "user", &q35},
        {"-M pc", "machine", &smm},
        {"-M pc", "smm", &smm_any},
        {"-M q35,smm=off", "smm", &smm},
        {"-M q35 -M smm=off", "smm", &smm},
        /* a word behind an unknown option is not its shelter */
        {"-brand-new -bios x", "firmware", &q35},
        {"-brand-new arg -bios x", "firmware", &q35},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hf_arguments out;
        struct hf_error err;
        int r = read_words(cases[i].words, cases[i].guest, &out, &err);
        if (r != -HF_EREFUSED)
            fail_msg("taken (%d): %s", r, cases[i].words);
        if (strcmp(err.rule, cases[i].rule) != 0)
            fail_msg("%s: rule %s, not %s", cases[i].words, err.rule, cases[i].rule);
    }
}

static void what_does_not_is_taken(void **state)
{
    static const struct {
        const char *words;
        const struct hf_arguments_guest *guest;
    } cases[] = {
        {"", &q35},
        {"-m 1G -nographic -serial mon:stdio disk.img", &q35},
        {"-name -bios -m 1G", &q35}, /* -name's argument */
        {"-append -bios=x -kernel k", &q35},
        {"-M q35", &q35},
        {"-M pc-q35-7.2", &q35},
        {"-M q35", &pinned},
        {"-M pc-q35-7.2", &pinned},
        {"-M pc -M q35", &q35}, /* the later one wins */
        {"-M microvm -machine type=q35", &q35},
        {"-M pc-i440fx-7.2", &blank},
        {"-M virt,highmem=off", &arm},
        {"-M virt-7.2", &arm},
        {"-M q35,smm=on", &smm},
        {"-M q35,smm=off,smm=on", &smm},
        {"-uuid 11111111-2222-3333-4444-555555555555", &q35},
        {"-drive file=if=pflash,,if=pflash.img,if=virtio", &q35}, /* a comma in a file name */
        {"-drive file=x,if=virtio -set drive.a.if=virtio", &q35},
        {"-global ICH9-LPC.disable_s3=1", &q35},
        {"-device {\"driver\":\"virtio-net-pci\",\"id\":\"n\"}", &q35},
        {"-L help", &q35},
        {"-M help", &q35},
        {"-version", &q35},
        {"-brand-new arg", &q35},
        {"-", &q35},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hf_arguments out;
        struct hf_error err;
        if (read_words(cases[i].words, cases[i].guest, &out, &err) != 0)
            fail_msg("refused: %s: %s", cases[i].words, err.text);
    }
}

static void what_the_supervisor_needs_is_taken_out(void **state)
{
    struct hf_arguments a;

    assert_int_equal(
        read_words("-M pc-q35-7.2,accel=kvm:tcg,smm=on -S -snapshot -incoming defer -loadvm a -device tpm-crb", &q35,
                   &a, NULL),
        0);
    assert_string_equal(a.machine, "pc-q35-7.2");
    assert_string_equal(a.accel, "kvm:tcg");
    assert_int_equal(a.smm, HF_SWITCH_ON);
    assert_true(a.paused && a.snapshot && a.tpm);
    assert_string_equal(a.incoming, "defer");
    assert_string_equal(a.loadvm, "a");
    assert_int_equal(a.on_reboot, HF_REBOOT_RESETS);

    assert_int_equal(read_words("-action reboot=shutdown,shutdown=pause,panic=exit-failure", &q35, &a, NULL), 0);
    assert_int_equal(a.on_reboot, HF_REBOOT_SHUTS_DOWN);
    assert_int_equal(a.on_shutdown, HF_SHUTDOWN_PAUSES);
    assert_int_equal(a.on_panic, HF_PANIC_EXITS_FAILED);
    assert_int_equal(read_words("-no-reboot --no-shutdown -accel kvm -accel tcg", &q35, &a, NULL), 0);
    assert_int_equal(a.on_reboot, HF_REBOOT_SHUTS_DOWN);
    assert_int_equal(a.on_shutdown, HF_SHUTDOWN_PAUSES);
    assert_string_equal(a.accel, "tcg");
    assert_false(a.only_asks);
    assert_int_equal(read_words("-no-reboot -action reboot=reset", &q35, &a, NULL), 0);
    assert_int_equal(a.on_reboot, HF_REBOOT_RESETS);
    assert_int_equal(read_words("-m 512", &q35, &a, NULL), 0);
    assert_string_equal(a.memory, "512M");
    assert_false(a.memory_named);
    assert_int_equal(read_words("-m 1G,slots=2,maxmem=8G -m size=2g", &q35, &a, NULL), 0);
    assert_string_equal(a.memory, "2g");
    assert_int_equal(read_words("-m 123456789012345678901234567890123", &q35, &a, NULL), -HF_EUSAGE);
    assert_int_equal(read_words("-M q35,memory-backend=x", &q35, &a, NULL), 0);
    assert_true(a.memory_named);
    assert_int_equal(read_words("-mem-path /x", &q35, &a, NULL), 0);
    assert_true(a.memory_named);
    assert_int_equal(read_words("-numa node,memdev=x", &q35, &a, NULL), 0);
    assert_true(a.memory_named);
    assert_int_equal(read_words("-numa node,cpus=0", &q35, &a, NULL), 0);
    assert_false(a.memory_named);
    assert_string_equal(a.memory, "");
    assert_int_equal(read_words("-device help", &q35, &a, NULL), 0);
    assert_true(a.only_asks);
    assert_int_equal(read_words("-name help -append help", &q35, &a, NULL), 0);
    assert_false(a.only_asks);
}

static void what_qemu_could_not_read_is_the_users_mistake(void **state)
{
    struct hf_arguments a;
    struct hf_error err;

    assert_int_equal(read_words("-m", &q35, &a, &err), -HF_EUSAGE);
    assert_int_equal(read_words("-device {\"driver\":", &q35, &a, &err), -HF_EUSAGE);
    assert_non_null(strstr(err.text, "-device: invalid JSON"));
    assert_int_equal(read_words("-M aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbccccccccccccccccccccdddddddddddddddddddd",
                                &q35, &a, &err),
                     -HF_EUSAGE);
}

static void boards_and_pins(void **state)
{
    assert_int_equal(hf_board_of(""), HF_BOARD_NONE);
    assert_int_equal(hf_board_of(NULL), HF_BOARD_NONE);
    assert_int_equal(hf_board_of("pc"), HF_BOARD_PC);
    assert_int_equal(hf_board_of("pc-i440fx-2.9"), HF_BOARD_PC);
    assert_int_equal(hf_board_of("pc-q35-jammy"), HF_BOARD_Q35);
    assert_int_equal(hf_board_of("virt-10.0"), HF_BOARD_VIRT);
    assert_int_equal(hf_board_of("virtual"), HF_BOARD_OTHER);
    assert_int_equal(hf_board_of("pc-q35-7.2,firmware=x"), HF_BOARD_OTHER);
    assert_false(hf_machine_is_pinned("q35"));
    assert_false(hf_machine_is_pinned(""));
    assert_true(hf_machine_is_pinned("pc-q35-7.2"));
}

/* An option that QEMU grows and this table lacks would be read with the cautious rule; better to know it. */
static void the_table_knows_what_this_qemu_lists(void **state)
{
    FILE *help = popen("qemu-system-x86_64 -help 2>/dev/null; qemu-system-aarch64 -help 2>/dev/null", "r");
    char line[4096];
    unsigned seen = 0;

    assert_non_null(help);
    while (fgets(line, sizeof line, help)) {
        bool argument;
        char *name = line + 1 + (line[0] == '-' && line[1] == '-');
        if (line[0] != '-')
            continue;
        name[strcspn(name, " /\n")] = '\0';
        seen++;
        if (!hf_arguments_knows(name, &argument))
            fail_msg("QEMU's help has -%s", name);
    }
    pclose(help);
    if (!seen)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_contradicts_the_container_is_refused_by_name),
        cmocka_unit_test(what_does_not_is_taken),
        cmocka_unit_test(what_the_supervisor_needs_is_taken_out),
        cmocka_unit_test(what_qemu_could_not_read_is_the_users_mistake),
        cmocka_unit_test(boards_and_pins),
        cmocka_unit_test(the_table_knows_what_this_qemu_lists),
    };

    return cmocka_run_group_tests_name("qemu-arguments", tests, NULL, NULL);
}
