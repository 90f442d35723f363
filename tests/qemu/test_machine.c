/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "board.h"
#include "machine.h"

#define OVMF_CODE 0x37C000
#define OVMF_VARS 0x84000
#define BANK      (64U << 20)

static const struct hf_machine ovmf = {
    .type = "q35", .code_size = OVMF_CODE, .vars_size = OVMF_VARS, .socket = "/run/a,b/nbd.sock", .rom_dir = "/roms"};

/* The arguments joined by spaces. */
static const char *line(const struct hf_machine *m)
{
    static char text[2048];
    struct hf_words words = {0};

    assert_int_equal(hf_machine_arguments(m, &words, NULL), 0);
    text[0] = '\0';
    for (size_t i = 0; i < words.count; i++) {
        strcat(text, i ? " " : "");
        strcat(text, words.at[i]);
    }
    hf_words_done(&words);
    return text;
}

static void two_banks_over_nbd(void **state)
{
    const char *text = line(&ovmf);

    assert_non_null(strstr(text,
                           "\"node-name\":\"hf-code\",\"server\":{\"type\":\"unix\",\"path\":\"/run/a,b/nbd.sock\"},"
                           "\"export\":\"code\",\"read-only\":true,\"reconnect-delay\":300"));
    assert_non_null(strstr(text, "\"export\":\"vars\",\"read-only\":false"));
    assert_non_null(strstr(text, "-machine type=q35,pflash0=hf-code,pflash1=hf-vars -L /roms"));
    assert_null(strstr(text, "smm"));
    assert_null(strstr(text, "-uuid"));
}

static void what_the_owner_named_is_left_to_the_owner(void **state)
{
    struct hf_machine m = ovmf;

    m.named = true;
    m.uuid = "u";
    m.rom_dir = NULL;
    assert_non_null(strstr(line(&m), "-machine pflash0=hf-code,pflash1=hf-vars -uuid u"));
}

static void secure_boot_gets_smm_and_secure_flash(void **state)
{
    struct hf_machine m = ovmf;
    struct hf_error err;

    m.needs_smm = true;
    assert_non_null(strstr(line(&m), ",smm=on -global driver=cfi.pflash01,property=secure,value=on"));
    m.type = "pc";
    assert_int_equal(hf_machine_check(&m, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "smm");
}

static void a_mailbox_makes_the_ram_the_first_object(void **state)
{
    struct hf_machine m = ovmf;
    struct hf_words words = {0};
    const char *text, *ram, *window;

    m.mailbox = "/run/a,b/mailbox";
    m.memory = "2G";
    m.mailbox_rom = true;
    text = line(&m);
    ram = strstr(text, "-object memory-backend-ram,id=pc.ram,size=2G,x-use-canonical-path-for-ramblock-id=off "
                       "-machine memory-backend=pc.ram");
    window = strstr(text, "\"id\":\"hf-window\",\"mem-path\":\"/run/a,b/mailbox\",\"size\":1048576,\"share\":true");
    assert_true(ram && window && ram < window);
    assert_null(strstr(text, "-device"));
    assert_int_equal(hf_machine_last_arguments(&m, &words, NULL), 0);
    assert_string_equal(words.at[1], "ivshmem-plain,id=hf-mailbox,memdev=hf-window,master=on,bus=pcie.0,"
                                     "romfile=holdfast-mailbox.rom");
    hf_words_done(&words);
    m.type = "pc";
    m.mailbox_rom = false;
    m.memory = "";
    assert_non_null(strstr(line(&m), "id=pc.ram,size=128M,"));
    assert_int_equal(hf_machine_last_arguments(&m, &words, NULL), 0);
    assert_non_null(strstr(words.at[1], "bus=pci.0,romfile="));
    hf_words_done(&words);
    m.memory = NULL; /* its owner's */
    assert_null(strstr(line(&m), "memory-backend-ram"));
    m.mailbox = NULL;
    assert_int_equal(hf_machine_last_arguments(&m, &words, NULL), 0);
    assert_int_equal(words.count, 0);
}

static void a_path_that_cannot_be_is_named(void **state)
{
    char path[109] = "/";
    struct hf_machine m = {.type = "q35", .socket = "/run/caf\xe9", .code_size = 0x40000};
    struct hf_words words = {0};
    struct hf_error err;

    assert_int_equal(hf_machine_arguments(&m, &words, &err), -HF_EUSAGE);
    assert_non_null(strstr(err.text, "UTF-8"));
    memset(path + 1, 'x', 107);
    m.socket = path;
    assert_int_equal(hf_machine_arguments(&m, &words, &err), -HF_EUSAGE);
    assert_non_null(strstr(err.text, "108 bytes; the limit is 107"));
    path[107] = '\0';
    assert_int_equal(hf_machine_arguments(&m, &words, &err), 0);
    hf_words_done(&words);
}

static void seabios_is_one_bank(void **state)
{
    struct hf_machine m = {.type = "pc", .code_size = 256 * 1024, .socket = "/s"};

    assert_null(strstr(line(&m), "vars"));
    assert_non_null(strstr(line(&m), "-machine type=pc,pflash0=hf-code"));
}

static void banks_that_a_board_cannot_map_are_refused(void **state)
{
    static const struct {
        const char *type;
        uint64_t code, vars;
        const char *rule;
    } cases[] = {
        {"q35", 0, OVMF_VARS, "size"},
        {"q35", OVMF_CODE + 1, OVMF_VARS, "size"},
        {"pc", OVMF_CODE, 512, "size"},
        {"pc", 8U << 20, 4096, "size"},
        {"pc-q35-7.2", BANK, BANK, "size"},
        {"pc", 4096, UINT64_MAX - 4095, "size"},
        {"virt", OVMF_CODE, OVMF_VARS, "size"},
        {"virt-7.2", BANK, OVMF_VARS, "size"},
        {"microvm", OVMF_CODE, OVMF_VARS, "machine"},
        {"", OVMF_CODE, OVMF_VARS, "machine"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hf_machine m = {.type = cases[i].type, .code_size = cases[i].code, .vars_size = cases[i].vars};
        struct hf_error err;
        assert_int_equal(hf_machine_check(&m, &err), -HF_EREFUSED);
        assert_string_equal(err.rule, cases[i].rule);
    }
}

/* Proxmox VE's machine types have a suffix. */
static void machine_types_of_proxmox_are_known(void **state)
{
    struct hf_machine m = ovmf;

    m.type = "pc-q35-9.2+pve1";
    assert_int_equal(hf_machine_check(&m, NULL), 0);
    assert_true(hf_machine_is_pinned(m.type));
    assert_int_equal(hf_board_check("pc-i440fx-8.1+pve0", "x86_64", NULL), 0);
    assert_int_equal(hf_board_check("pc-q35-9.2,x=y", "x86_64", NULL), -HF_EREFUSED);
}

static void the_guest_sees_the_variables_here(void **state)
{
    struct hf_machine virt = {.type = "virt", .code_size = BANK, .vars_size = BANK};

    assert_int_equal(hf_machine_check(&virt, NULL), 0);
    assert_true(hf_machine_vars_address(&virt) == 0x04000000);
    assert_true(hf_machine_vars_address(&ovmf) == 0xFFC00000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_banks_over_nbd),
        cmocka_unit_test(what_the_owner_named_is_left_to_the_owner),
        cmocka_unit_test(secure_boot_gets_smm_and_secure_flash),
        cmocka_unit_test(a_mailbox_makes_the_ram_the_first_object),
        cmocka_unit_test(a_path_that_cannot_be_is_named),
        cmocka_unit_test(seabios_is_one_bank),
        cmocka_unit_test(banks_that_a_board_cannot_map_are_refused),
        cmocka_unit_test(machine_types_of_proxmox_are_known),
        cmocka_unit_test(the_guest_sees_the_variables_here),
    };

    return cmocka_run_group_tests_name("qemu-machine", tests, NULL, NULL);
}
