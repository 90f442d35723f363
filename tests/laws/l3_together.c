/* SPDX-License-Identifier: BSD-2-Clause */
/* L3: code and variables change together or not at all, and roll back together. And what the counting of boots rests
 * on: the count is on the disk before the boot that it counts. */
#include "guest.h"

#include <sys/wait.h>
#include <unistd.h>

#include "banks.h"
#include "confirm.h"
#include "key_variable.h"
#include "rollback.h"
#include "sig_chain.h"
#include "slots.h"
#include "snapshots.h"
#include "variables.h"

struct pair {
    struct hf_digest code, vars;
};

static struct pair pair_of(struct guest *g)
{
    return (struct pair){guest_code(g), guest_vars(g)};
}

static void expect_pair(struct guest *g, const struct pair *p)
{
    struct pair now = pair_of(g);

    assert_memory_equal(&now.code, &p->code, sizeof now.code);
    assert_memory_equal(&now.vars, &p->vars, sizeof now.vars);
}

static void upgrade(struct guest *g, unsigned n)
{
    guest_stage(g, n);
    assert_int_equal(guest_power_on(g).did, HF_DECIDE_APPLY);
    guest_write(g, 200000 + n * 4096, "written by the new firmware");
}

static void a_failed_trial_brings_both_back(void **state)
{
    struct pair before;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    guest_write(&g, 180000, "written before");
    before = pair_of(&g);
    upgrade(&g, 1);
    for (unsigned i = 0; i < 3; i++)
        guest_reset(&g, HF_ENDING_PANIC, NULL);
    expect_pair(&g, &before);
    guest_free(&g);
}

static void an_operators_rollback_brings_both_back(void **state)
{
    struct hf_rollback_request request = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_confirm_report confirmed;
    struct pair before;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    upgrade(&g, 1);
    ok(hf_confirm(g.c, g.now, false, &confirmed, &why));
    before = pair_of(&g);
    upgrade(&g, 2);
    ok(hf_rollback(g.c, &request, &report, &why));
    guest_reset(&g, HF_ENDING_RESET, NULL);
    expect_pair(&g, &before);
    guest_free(&g);
}

/* What is replaced is never lost: a snapshot holds both. */
static void what_was_replaced_is_kept_whole(void **state)
{
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    struct pair replaced;
    struct guest g;
    size_t n;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    upgrade(&g, 1);
    replaced = pair_of(&g);
    for (unsigned i = 0; i < 3; i++)
        guest_reset(&g, HF_ENDING_RESET, NULL);
    ok(hf_snapshot_list(g.c, list, &n, &why));
    assert_true(n > 0);
    assert_memory_equal(&list[n - 1].code, &replaced.code, sizeof replaced.code);
    assert_memory_equal(&list[n - 1].vars, &replaced.vars, sizeof replaced.vars);
    guest_free(&g);
}

static void set_digests(struct guest *g, enum hf_key_variable which, uint8_t first, uint8_t last)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(which);
    struct hf_sig_chain chain = {0};
    struct hf_var var = {
        .guid = info->vendor, .attributes = info->attributes, .name = info->ucs2, .name_size = info->ucs2_size};
    struct hf_variables v;

    for (unsigned fill = first; fill <= last; fill++) {
        uint8_t data[32];
        struct hf_signature s = {.type = hf_sig_sha256, .data = data, .size = sizeof data};

        memset(data, (int)fill, sizeof data);
        ok(hf_sig_chain_add(&chain, &s, &why));
    }
    var.data = chain.bytes;
    var.data_size = (uint32_t)chain.size;
    ok(hf_variables_of_bank(g->c, &v, &why));
    ok(hf_varstore_set(v.bytes, &v.store, &var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, &why));
    ok(hf_begin(g->c, &why));
    ok(hf_variables_store(g->c, &v, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
    hf_variables_done(&v);
    hf_sig_chain_done(&chain);
}

/* Microsoft's order: db gets the new entry, dbx the old one. Either way back keeps both. */
static void what_may_boot_does_not_go_backwards(void **state)
{
    struct hf_rollback_request by_hand = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;

    if (images_missing())
        skip();
    for (int automatic = 0; automatic < 2; automatic++) {
        struct hf_variables v;
        struct guest g;

        guest_new(&g, NULL, NULL);
        set_digests(&g, HF_KEY_PK, 9, 9);
        set_digests(&g, HF_KEY_DB, 1, 1);
        guest_stage(&g, 1);
        assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
        set_digests(&g, HF_KEY_DB, 1, 2);
        set_digests(&g, HF_KEY_DBX, 1, 1);
        if (automatic)
            for (unsigned i = 0; i < 3; i++)
                guest_reset(&g, HF_ENDING_PANIC, NULL);
        else {
            ok(hf_rollback(g.c, &by_hand, &report, &why));
            assert_string_equal(report.carried, "db, dbx");
            assert_int_equal(guest_reset(&g, HF_ENDING_RESET, NULL).did, HF_DECIDE_ROLL_BACK);
        }
        ok(hf_variables_of_bank(g.c, &v, &why));
        assert_true(hf_trust_vouches(&v.store));
        assert_int_equal(hf_key_variable_in(HF_KEY_DB, v.store.vars, v.store.count)->data_size, 28 + 2 * 48);
        assert_non_null(hf_key_variable_in(HF_KEY_DBX, v.store.vars, v.store.count));
        hf_variables_done(&v);
        guest_free(&g);
    }
}

/* Keys were enrolled in the trial: without them Secure Boot would be off again. The code goes back alone, and says so.
 */
static void secure_boot_does_not_end_by_a_rollback(void **state)
{
    struct hf_variables v;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    guest_stage(&g, 1);
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    set_digests(&g, HF_KEY_PK, 9, 9);
    set_digests(&g, HF_KEY_DB, 1, 1);
    for (unsigned i = 0; i < 3; i++)
        guest_reset(&g, HF_ENDING_PANIC, NULL);
    same(guest_code(&g), hf_digest_of(code_4m.bytes, code_4m.size));
    ok(hf_variables_of_bank(g.c, &v, &why));
    assert_non_null(hf_key_variable_in(HF_KEY_PK, v.store.vars, v.store.count));
    hf_variables_done(&v);
    guest_free(&g);
}

static void a_guest_with_a_tpm_is_asked_before_it_goes_back(void **state)
{
    struct hf_rollback_request back = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_error err;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    upgrade(&g, 1);
    ok(hf_lifecycle_started(g.c, "7.2", "pc-q35-7.2", true, g.now, &why));
    assert_int_equal(hf_rollback(g.c, &back, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "tpm-aware");
    assert_non_null(strstr(err.text, "manage-bde"));
    back.tpm_aware = true;
    ok(hf_rollback(g.c, &back, &report, &why));
    guest_free(&g);
}

/* An apply that cannot convert the variables leaves everything as it was, and the guest starts. */
static void half_an_apply_is_none(void **state)
{
    struct hf_boot_plan plan;
    struct pair before;
    uint8_t *garbage;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    ok(guest_try_stage(&g, &code_2m, 0, false, &why));
    garbage = malloc(vars_4m.size);
    assert_non_null(garbage);
    memcpy(garbage, vars_4m.bytes, vars_4m.size);
    memset(garbage + 4096, 0x5a, 200000); /* the guest ruins its variables after the check */
    ok(hf_begin(g.c, &why));
    ok(hf_bank_write(g.c, HF_BANK_VARS, 0, garbage, vars_4m.size, NULL, &why));
    ok(hf_commit(g.c, HF_DURABLE, &why));
    free(garbage);
    before = pair_of(&g);
    plan = guest_power_on(&g);
    if (plan.did == HF_DECIDE_APPLY) /* what could be read was carried over: then both have changed */
        assert_int_equal(plan.vars_size, 128 << 10);
    else
        expect_pair(&g, &before);
    guest_free(&g);
}

/* Killed right after the call that precedes a boot: the boot is on the disk. */
static void the_count_is_written_before_the_boot(void **state)
{
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    guest_stage(&g, 1);
    for (uint32_t i = 1; i <= 4; i++) {
        struct hf_life_record record;
        int status;
        pid_t pid;

        ok(hf_container_close(g.c, &why));
        g.c = NULL;
        pid = fork();
        if (pid == 0) {
            struct hf_boot boot = guest_boot(&g, HF_MOMENT_POWER_ON);
            struct hf_boot_plan plan;

            if (hf_container_open(g.path, HF_OPEN_RUN, g.now, &g.c, NULL) == 0 &&
                hf_lifecycle_power_on(g.c, &boot, &plan, NULL) == 0 && hf_lifecycle_opened(g.c, &boot, NULL) == 0)
                _exit(0); /* no close: as if killed before the guest's first instruction */
            _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        guest_reopen(&g);
        record = guest_record(&g);
        assert_int_equal(record.life, HF_LIFE_TRIAL);
        assert_int_equal(record.trial.started, i);
        assert_true(record.trial.open);
    }
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_trial_brings_both_back),
        cmocka_unit_test(an_operators_rollback_brings_both_back),
        cmocka_unit_test(what_was_replaced_is_kept_whole),
        cmocka_unit_test(what_may_boot_does_not_go_backwards),
        cmocka_unit_test(secure_boot_does_not_end_by_a_rollback),
        cmocka_unit_test(a_guest_with_a_tpm_is_asked_before_it_goes_back),
        cmocka_unit_test(half_an_apply_is_none),
        cmocka_unit_test(the_count_is_written_before_the_boot),
    };

    return cmocka_run_group_tests_name("law-l3", tests, images_load, images_free);
}
