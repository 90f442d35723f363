/* SPDX-License-Identifier: BSD-2-Clause */
#include "ground.h"

#include "check.h"
#include "copy.h"
#include "eventlog.h"

static void print_finding(void *ctx, const char *line)
{
    printf("# finding: %s\n", line);
}

static size_t findings(const char *path)
{
    struct hf_check_report report = {0};
    struct hf_error err;
    int r = hf_check(path, print_finding, NULL, &report, &err);

    return r < 0 ? (size_t)-r + 1000 : report.findings;
}

static struct hf_digest vars_of(const char *path)
{
    struct hf_digest digest;
    struct hf_container *c;

    OK(hf_container_open(path, HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_bank_digest(c, HF_BANK_VARS, &digest, &err));
    OK(hf_container_close(c, &err));
    return digest;
}

static void a_sound_container_has_no_findings(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    int64_t id;

    OK(hf_begin(c, &err));
    OK(hf_snapshot_take(c, "test", NOW, &id, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
    assert_int_equal(findings(ground_path("g.hold")), 0);
}

static void a_backup_reads_but_does_not_run(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_digest before, after;

    OK(hf_bank_digest(c, HF_BANK_VARS, &before, &err));
    OK(hf_container_close(c, &err));
    OK(hf_backup(ground_path("g.hold"), ground_path("b.hold"), NOW, &err));
    after = vars_of(ground_path("b.hold"));
    assert_memory_equal(&before, &after, sizeof before);
    REFUSED("backup", hf_container_open(ground_path("b.hold"), HF_OPEN_RUN, NOW, &c, &err));
    REFUSED("backup", hf_container_open(ground_path("b.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    REFUSED("exists", hf_backup(ground_path("g.hold"), ground_path("b.hold"), NOW, &err));
    assert_int_equal(findings(ground_path("b.hold")), 0);
}

static void a_restored_backup_is_the_container_from_then_on(void **state)
{
    struct hf_container *c = ground_container("g.hold");

    OK(hf_container_close(c, &err));
    OK(hf_backup(ground_path("g.hold"), ground_path("b.hold"), NOW, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    OK(hf_restore(ground_path("b.hold"), ground_path("r.hold"), NOW, &err));
    assert_int_equal(findings(ground_path("r.hold")), 0);
    OK(hf_container_open(ground_path("r.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    REFUSED("epoch", hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_int_equal(findings(ground_path("g.hold")), 0);
}

static void a_clone_is_another_guest(void **state)
{
    static const char uuid[] = "11111111-2222-3333-4444-555555555555";
    struct hf_container *c = ground_container("g.hold");
    char id[HF_ID_TEXT_SIZE];
    struct hf_guest guest;

    strcpy(id, hf_container_id(c));
    OK(hf_container_close(c, &err));
    REFUSED("uuid", hf_clone(ground_path("g.hold"), ground_path("c.hold"), ground_guest.uuid, NULL, NOW, &err));
    REFUSED("uuid", hf_clone(ground_path("g.hold"), ground_path("c.hold"), "nonsense", NULL, NOW, &err));
    assert_int_not_equal(access(ground_path("c.hold"), F_OK), 0);
    OK(hf_clone(ground_path("g.hold"), ground_path("c.hold"), uuid, "other", NOW, &err));
    OK(hf_container_open(ground_path("c.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_string_not_equal(id, hf_container_id(c));
    OK(hf_guest_get(c, &guest, &err));
    assert_string_equal(guest.uuid, uuid);
    assert_string_equal(guest.name, "other");
    OK(hf_container_close(c, &err));
}

static void copy_file(const char *from, const char *to)
{
    char command[2 * PATH_MAX + 200];

    snprintf(command, sizeof command, "cp -p '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static void a_lost_log_is_damage_until_accepted(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    uint8_t bytes[100] = {1};

    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 9000, bytes, sizeof bytes, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    copy_file(ground_path("g.hold"), ground_path("x.hold"));
    OK(hf_container_close(c, &err));
    FAILS(HF_EDAMAGED, hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    FAILS(HF_EDAMAGED, hf_container_open(ground_path("x.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_int_equal(findings(ground_path("x.hold")), 1);
    OK(hf_check_accept_loss(ground_path("x.hold"), NOW, &err));
    assert_int_equal(findings(ground_path("x.hold")), 0);
    REFUSED("nothing-lost", hf_check_accept_loss(ground_path("x.hold"), NOW, &err));
}

static void a_foreign_log_is_damage_and_kept(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    char lost[64];

    copy_file(ground_path("g.hold"), ground_path("x.hold"));
    OK(hf_container_close(c, &err));
    c = ground_container("h.hold");
    copy_file(ground_path("h.hold-wal"), ground_path("x.hold-wal"));
    OK(hf_container_close(c, &err));
    FAILS(HF_EDAMAGED, hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_check_accept_loss(ground_path("x.hold"), NOW, &err));
    snprintf(lost, sizeof lost, "x.hold-wal.lost-%d", NOW);
    assert_int_equal(access(ground_path(lost), F_OK), 0);
    assert_int_equal(findings(ground_path("x.hold")), 0);
}

/* A closed container with the log of another life of it beside it. */
static void a_stale_log_beside_a_closed_container_is_damage(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    uint8_t bytes[100] = {1};

    OK(hf_container_close(c, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 9000, bytes, sizeof bytes, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    copy_file(ground_path("g.hold-wal"), ground_path("stale"));
    OK(hf_container_close(c, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    copy_file(ground_path("stale"), ground_path("g.hold-wal"));
    FAILS(HF_EDAMAGED, hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
}

static void a_log_that_lost_its_end_is_damage_on_the_same_boot(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    char command[2 * PATH_MAX + 200];
    uint8_t bytes[100] = {1};

    for (unsigned i = 0; i < 3; i++) {
        bytes[0] = (uint8_t)i;
        OK(hf_begin(c, &err));
        OK(hf_bank_write(c, HF_BANK_VARS, 9000, bytes, sizeof bytes, NULL, &err));
        OK(hf_commit(c, HF_DURABLE, &err));
    }
    copy_file(ground_path("g.hold"), ground_path("x.hold"));
    copy_file(ground_path("g.hold-wal"), ground_path("x.hold-wal"));
    OK(hf_container_close(c, &err));
    snprintf(command, sizeof command, "truncate -s -100 '%s'", ground_path("x.hold-wal"));
    assert_int_equal(system(command), 0);
    FAILS(HF_EDAMAGED, hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    setenv("HOLDFAST_BOOT_ID", "another", 1);
    OK(hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    unsetenv("HOLDFAST_BOOT_ID");
    OK(hf_check_accept_loss(ground_path("x.hold"), NOW, &err));
    OK(hf_container_open(ground_path("x.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_bank_read(c, HF_BANK_VARS, 9000, bytes, 1, &err));
    assert_int_equal(bytes[0], 1);
    OK(hf_container_close(c, &err));
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(a_sound_container_has_no_findings),
        IN_GROUND(a_backup_reads_but_does_not_run),
        IN_GROUND(a_restored_backup_is_the_container_from_then_on),
        IN_GROUND(a_clone_is_another_guest),
        IN_GROUND(a_lost_log_is_damage_until_accepted),
        IN_GROUND(a_foreign_log_is_damage_and_kept),
        IN_GROUND(a_stale_log_beside_a_closed_container_is_damage),
        IN_GROUND(a_log_that_lost_its_end_is_damage_on_the_same_boot),
    };

    return cmocka_run_group_tests_name("store-copy", tests, NULL, NULL);
}
