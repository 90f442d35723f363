/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "banks.h"
#include "confirm.h"
#include "images.h"
#include "revert.h"
#include "rollback.h"
#include "slots.h"
#include "variables.h"

static void a_rollback_may_keep_the_present_variables(void **state)
{
    struct hf_rollback_request back = {.now = NOW};
    struct hf_rollback_report report;
    struct hf_digest code, vars;
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    guest_stage(&g, 1);
    guest_power_on(&g);
    guest_write(&g, 200000, "new");
    vars = guest_vars(&g);
    assert_int_equal(hf_rollback(g.c, &back, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "variables");
    assert_int_equal(guest_record(&g).life, HF_LIFE_TRIAL);
    back.chosen = true;
    back.wish.variables = HF_VARIABLES_CURRENT;
    ok(hf_rollback(g.c, &back, &report, &why));
    guest_power_on(&g);
    same(guest_code(&g), code);
    same(guest_vars(&g), vars);
    guest_free(&g);
}

static void firmware_that_nobody_knows_comes_back_too(void **state)
{
    static const uint8_t noise[65536] = "nobody knows what this is";
    struct hf_rollback_request back = {.now = NOW, .chosen = true};
    struct hf_slot_info slot = {.since = NOW, .label = "unknown"};
    struct hf_rollback_report report;
    struct hf_digest staged;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    ok(hf_begin(g.c, &why));
    ok(hf_image_add(g.c, HF_IMAGE_CODE, "unknown", noise, sizeof noise, NOW, &slot.code, &why));
    ok(hf_slot_set(g.c, HF_SLOT_ACTIVE, &slot, &why));
    ok(hf_bank_resize(g.c, HF_BANK_CODE, sizeof noise, &why));
    ok(hf_commit(g.c, HF_DURABLE, &why));
    staged = guest_stage(&g, 1);
    guest_power_on(&g);
    same(guest_code(&g), staged);
    ok(hf_rollback(g.c, &back, &report, &why));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_ROLL_BACK);
    same(guest_code(&g), hf_digest_of(noise, sizeof noise));
    guest_free(&g);
}

static void a_confirmed_upgrade_can_still_be_rolled_back(void **state)
{
    struct hf_rollback_request back = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_confirm_report confirmed;
    struct hf_digest code, second;
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    second = guest_stage(&g, 1);
    guest_power_on(&g);
    ok(hf_confirm(g.c, g.now, false, &confirmed, &why));
    ok(hf_rollback(g.c, &back, &report, &why));
    ok(hf_confirm(g.c, g.now, false, &confirmed, &why)); /* called off */
    assert_int_equal(confirmed.was, HF_LIFE_ROLLBACK);
    guest_power_on(&g);
    same(guest_code(&g), second);
    ok(hf_rollback(g.c, &back, &report, &why));
    guest_power_on(&g);
    same(guest_code(&g), code);
    assert_int_equal(hf_rollback(g.c, &back, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "fallback");
    guest_free(&g);
}

/* The guest's operating system revokes a program: its dbx gets one entry (SHA-256 of `fill`), in place of any other. */
static void revoke_program(struct guest *g, uint8_t fill)
{
    static const struct hf_guid security = HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f);
    static const uint8_t name[] = {'d', 0, 'b', 0, 'x', 0, 0, 0};
    uint8_t list[76] = {0x26};
    struct hf_var var = {.guid = security,
                         .attributes = HF_VAR_NON_VOLATILE | HF_VAR_BOOT | HF_VAR_RUNTIME | HF_VAR_TIME_AUTHENTICATED,
                         .name = name,
                         .name_size = sizeof name,
                         .data = list,
                         .data_size = sizeof list};
    struct hf_variables v;

    list[16] = sizeof list;
    list[24] = 48;
    memset(list + 44, fill, 32);
    ok(hf_variables_of_bank(g->c, &v, &why));
    ok(hf_varstore_set(v.bytes, &v.store, &var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, &why));
    ok(hf_begin(g->c, &why));
    ok(hf_variables_store(g->c, &v, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
    hf_variables_done(&v);
}

/* Whether the dbx of the bank has that entry. */
static bool revoked(struct guest *g, uint8_t fill)
{
    struct hf_variables v;
    bool found = false;

    ok(hf_variables_of_bank(g->c, &v, &why));
    for (size_t i = 0; i < v.store.count; i++)
        for (uint32_t at = 44; at + 32 <= v.store.vars[i].data_size && v.store.vars[i].data[0] == 0x26; at += 48)
            found = found || v.store.vars[i].data[at + 16] == fill;
    hf_variables_done(&v);
    return found;
}

static void a_dbx_never_goes_backwards_unless_told(void **state)
{
    struct hf_rollback_request back = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_digest vars;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    revoke_program(&g, 1);
    vars = guest_vars(&g);
    for (unsigned n = 1; n <= 3; n++) {
        guest_stage(&g, n);
        guest_power_on(&g);
        revoke_program(&g, 2);
        back.wish.old_dbx = n == 3;
        if (n > 1)
            ok(hf_rollback(g.c, &back, &report, &why));
        for (unsigned i = 0; n == 1 && i < 2; i++) /* the first by evidence */
            guest_reset(&g, HF_ENDING_RESET, NULL);
        assert_int_equal(guest_reset(&g, HF_ENDING_RESET, NULL).did, HF_DECIDE_ROLL_BACK);
        assert_int_equal(revoked(&g, 2), n != 3);
        if (n == 2)
            revoke_program(&g, 1);
        if (n == 2)
            vars = guest_vars(&g);
    }
    same(guest_vars(&g), vars);
    guest_free(&g);
}

static void a_snapshot_brings_back_code_and_variables(void **state)
{
    struct hf_revert_report report;
    struct hf_confirm_report confirmed;
    struct hf_digest code, vars;
    struct hf_revert_request back = {.now = NOW};
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    vars = guest_vars(&g);
    ok(hf_snapshot_now(g.c, "tuesday", g.now, false, &back.id, &why));
    guest_write(&g, 200000, "newer");
    guest_stage(&g, 1);
    guest_power_on(&g);
    ok(hf_confirm(g.c, g.now, false, &confirmed, &why));
    assert_int_equal(hf_revert(g.c, &back, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "running");
    ok(hf_container_close(g.c, &why));
    ok(hf_container_open(g.path, HF_OPEN_EDIT, g.now, &g.c, &why));
    ok(hf_revert(g.c, &back, &report, &why));
    assert_true(report.code_changes);
    same(guest_code(&g), code);
    same(guest_vars(&g), vars);
    guest_free(&g);
}

static rlim_t file_size(const char *path, const char *suffix)
{
    char name[160];
    struct stat st;

    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &st) < 0 ? 0 : (rlim_t)st.st_size;
}

/* Stage has allocated what the way there and back needs: from then on no file may grow. */
static void a_full_disk_does_not_keep_the_fallback_away(void **state)
{
    struct hf_digest code, vars;
    struct rlimit before, full;
    rlim_t log;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_write(&g, 180000, "written before");
    code = guest_code(&g);
    vars = guest_vars(&g);
    guest_stage(&g, 1);
    ok(hf_container_reserve(g.c, 0, &why));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = before;
    full.rlim_cur = file_size(g.path, "");
    log = file_size(g.path, "-wal");
    if (log > full.rlim_cur)
        full.rlim_cur = log;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    guest_write(&g, 180000, "written by the new one");
    for (unsigned i = 0; i < 3; i++)
        guest_reset(&g, HF_ENDING_RESET, NULL);
    same(guest_code(&g), code);
    same(guest_vars(&g), vars);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_may_keep_the_present_variables),
        cmocka_unit_test(firmware_that_nobody_knows_comes_back_too),
        cmocka_unit_test(a_confirmed_upgrade_can_still_be_rolled_back),
        cmocka_unit_test(a_dbx_never_goes_backwards_unless_told),
        cmocka_unit_test(a_snapshot_brings_back_code_and_variables),
        cmocka_unit_test(a_full_disk_does_not_keep_the_fallback_away),
    };

    return cmocka_run_group_tests_name("lifecycle-rollback", tests, images_load, images_free);
}
