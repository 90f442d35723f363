/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptors.h"

/* Three directories in a scratch directory, as the three documented ones. */
static char scratch[64];
static char dir_paths[3][96];
static char *dirs[4];

static const char *inside(const char *name)
{
    static char path[4][160];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof path[0], "%s/%s", scratch, name);
    return p;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *where)
{
    return remove(path);
}

static int set_up(void **state)
{
    strcpy(scratch, "/tmp/hf-descriptors-XXXXXX");
    assert_non_null(mkdtemp(scratch));
    for (int i = 0; i < 3; i++) {
        snprintf(dir_paths[i], sizeof dir_paths[i], "%s/%d", scratch, i);
        assert_int_equal(mkdir(dir_paths[i], 0755), 0);
        dirs[i] = dir_paths[i];
    }
    put(inside("code.fd"), "code");
    return 0;
}

static int tear_down(void **state)
{
    return nftw(scratch, forget, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes DIR/NAME with the given mapping, architecture, machines and features (JSON fragments). */
static void describe(const char *name, const char *mapping, const char *arch, const char *machines,
                     const char *features)
{
    char text[1024];

    snprintf(text, sizeof text,
             "{\"description\":\"d\",\"interface-types\":[\"uefi\"],\"mapping\":{%s},"
             "\"targets\":[{\"architecture\":\"%s\",\"machines\":[%s]}],\"features\":[%s],\"tags\":[]}",
             mapping, arch, machines, features);
    put(inside(name), text);
}

static const char *flash(const char *file, const char *more)
{
    static char text[512];

    snprintf(text, sizeof text,
             "\"device\":\"flash\"%s,\"executable\":{\"filename\":\"%s\",\"format\":\"raw\"},"
             "\"nvram-template\":{\"filename\":\"/vars.fd\",\"format\":\"raw\"}",
             more, file);
    return text;
}

static int find(const char *name, const char *machine, struct hf_host_firmware *out, struct hf_error *err)
{
    struct hf_host_firmware_query q = {.name = name, .machine = machine};

    return hf_host_firmware_find(&q, dirs, out, err);
}

static void the_first_name_with_the_features_wins(void **state)
{
    struct hf_host_firmware f;
    struct hf_error err;

    describe("2/60-plain.json", flash(inside("code.fd"), ""), "x86_64", "\"pc-q35-*\",\"pc-i440fx-*\"", "\"acpi-s3\"");
    describe("2/50-secure.json", flash(inside("code.fd"), ""), "x86_64", "\"pc-q35-*\"",
             "\"secure-boot\",\"requires-smm\"");
    describe("2/40-keys.json", flash(inside("code.fd"), ""), "x86_64", "\"pc-q35-*\"",
             "\"secure-boot\",\"requires-smm\",\"enrolled-keys\"");
    describe("1/55-other.json", flash(inside("code.fd"), ""), "aarch64", "\"virt-*\"", "");

    assert_int_equal(find("ovmf", "pc-i440fx-7.2", &f, &err), 0);
    assert_string_equal(strrchr(f.origin, '/'), "/60-plain.json");
    assert_string_equal(f.vars, "/vars.fd");
    assert_string_equal(f.architecture, "x86_64");
    assert_false(f.requires_smm || f.secure_boot);
    hf_host_firmware_done(&f);

    assert_int_equal(find("ovmf-secboot", "q35", &f, &err), 0);
    assert_string_equal(strrchr(f.origin, '/'), "/40-keys.json");
    assert_true(f.requires_smm && f.secure_boot && f.enrolled_keys);
    hf_host_firmware_done(&f);

    assert_int_equal(find("ovmf-secboot", "pc", &f, &err), -HF_ENOTFOUND);
    assert_int_equal(find("aavmf", NULL, &f, &err), 0);
    assert_string_equal(f.architecture, "aarch64");
    hf_host_firmware_done(&f);
}

static void earlier_directories_mask_by_name_and_empty_files_hide(void **state)
{
    struct hf_host_firmware f;
    struct hf_error err;

    put(inside("other.fd"), "other");
    describe("2/60-plain.json", flash(inside("code.fd"), ""), "x86_64", "\"pc-q35-*\"", "");
    describe("2/70-later.json", flash(inside("code.fd"), ""), "x86_64", "\"pc-q35-*\"", "");
    describe("0/60-plain.json", flash(inside("other.fd"), ""), "x86_64", "\"pc-q35-*\"", "");
    assert_int_equal(find("ovmf", NULL, &f, &err), 0);
    assert_string_equal(f.code, inside("other.fd"));
    hf_host_firmware_done(&f);

    put(inside("0/60-plain.json"), "");
    assert_int_equal(find("ovmf", NULL, &f, &err), 0);
    assert_string_equal(strrchr(f.origin, '/'), "/70-later.json");
    hf_host_firmware_done(&f);
    assert_int_equal(find("60-plain", NULL, &f, &err), -HF_ENOTFOUND);
    assert_non_null(strstr(err.text, "hides"));
}

static void a_descriptor_is_found_by_its_base_name(void **state)
{
    struct hf_host_firmware f;
    struct hf_error err;

    describe("1/77-mine.json", flash(inside("code.fd"), ",\"mode\":\"split\""), "x86_64", "\"pc-q35-*\"", "");
    assert_int_equal(find("77-mine", "pc-q35-10.0", &f, &err), 0);
    hf_host_firmware_done(&f);
    assert_int_equal(find("77-mine.json", NULL, &f, &err), 0);
    hf_host_firmware_done(&f);
    assert_int_equal(find("77", NULL, &f, &err), -HF_ENOTFOUND);
    assert_int_equal(find("77-mine", "pc", &f, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "machine");
}

static void kinds_a_container_does_not_hold_are_refused_by_name(void **state)
{
    struct hf_host_firmware f;
    struct hf_error err;

    describe("2/80-stateless.json", flash("/x", ",\"mode\":\"stateless\""), "x86_64", "\"pc-q35-*\"", "");
    describe("2/81-combined.json", flash("/x", ",\"mode\":\"combined\""), "x86_64", "\"pc-q35-*\"", "");
    describe("2/82-memory.json", "\"device\":\"memory\",\"filename\":\"/x\"", "x86_64", "\"pc-q35-*\"", "");
    assert_int_equal(find("80-stateless", NULL, &f, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "stateless");
    assert_int_equal(find("81-combined", NULL, &f, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "combined");
    assert_int_equal(find("82-memory", NULL, &f, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "not-flash");
    assert_int_equal(find("ovmf", NULL, &f, &err), -HF_ENOTFOUND);
}

static void damaged_descriptors_are_passed_over_unless_asked_for(void **state)
{
    struct hf_host_firmware f;
    struct hf_error err;

    put(inside("2/10-broken.json"), "{\"mapping\": ");
    put(inside("2/11-types.json"), "{\"mapping\": 7, \"targets\": {}, \"features\": \"x\"}");
    put(inside("2/12-array.json"), "[]");
    put(inside("2/13-text"), "not even named like one");
    describe("2/60-plain.json", flash(inside("code.fd"), ""), "x86_64", "\"pc-q35-*\"", "");
    assert_int_equal(find("ovmf", NULL, &f, &err), 0);
    hf_host_firmware_done(&f);
    assert_int_equal(find("10-broken", NULL, &f, &err), -HF_EDAMAGED);
    assert_int_equal(find("11-types", NULL, &f, &err), -HF_EDAMAGED);
    assert_int_equal(find("12-array", NULL, &f, &err), -HF_EDAMAGED);
    assert_int_equal(find("13-text", NULL, &f, &err), -HF_ENOTFOUND);
}

static void a_path_is_taken_as_it_is(void **state)
{
    struct hf_host_firmware f;
    struct hf_error err;

    assert_int_equal(find(inside("code.fd"), NULL, &f, &err), 0);
    assert_string_equal(f.code, inside("code.fd"));
    assert_null(f.vars);
    assert_false(f.described);
    hf_host_firmware_done(&f);
    assert_int_equal(find(inside("absent.fd"), NULL, &f, &err), -HF_ENOTFOUND);
}

static void the_documented_directories_in_their_order(void **state)
{
    char **found;

    setenv("XDG_CONFIG_HOME", "/conf", 1);
    found = hf_host_firmware_dirs();
    assert_string_equal(found[0], "/conf/qemu/firmware");
    assert_string_equal(found[1], "/etc/qemu/firmware");
    assert_string_equal(found[2], "/usr/share/qemu/firmware");
    assert_null(found[3]);
    hf_firmware_dirs_free(found);
}

static void seabios_comes_from_the_data_directories(void **state)
{
    struct hf_host_firmware_query q = {.name = "seabios"};
    struct hf_host_firmware f;
    struct hf_error err;
    char program[256];

    put(inside("bios-256k.bin"), "bios");
    snprintf(program, sizeof program, "#!/bin/sh\n[ \"$1 $2\" = '-L help' ] && echo /nowhere && echo %s\n", scratch);
    put(inside("qemu"), program);
    assert_int_equal(chmod(inside("qemu"), 0755), 0);
    q.qemu = inside("qemu");
    assert_int_equal(hf_host_firmware_find(&q, dirs, &f, &err), 0);
    assert_string_equal(f.code, inside("bios-256k.bin"));
    hf_host_firmware_done(&f);

    q.architecture = "aarch64";
    assert_int_equal(hf_host_firmware_find(&q, dirs, &f, &err), -HF_EREFUSED);
    q = (struct hf_host_firmware_query){.name = "seabios", .qemu = "/bin/false"};
    assert_int_equal(hf_host_firmware_find(&q, dirs, &f, &err), -HF_EPROTO);
    q.qemu = "/nonexistent/qemu";
    assert_int_equal(hf_host_firmware_find(&q, dirs, &f, &err), -HF_ENOTFOUND);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_first_name_with_the_features_wins),
        EACH(earlier_directories_mask_by_name_and_empty_files_hide),
        EACH(a_descriptor_is_found_by_its_base_name),
        EACH(kinds_a_container_does_not_hold_are_refused_by_name),
        EACH(damaged_descriptors_are_passed_over_unless_asked_for),
        EACH(a_path_is_taken_as_it_is),
        EACH(the_documented_directories_in_their_order),
        EACH(seabios_comes_from_the_data_directories),
    };

    return cmocka_run_group_tests_name("qemu-descriptors", tests, NULL, NULL);
}
