/* SPDX-License-Identifier: BSD-2-Clause */
/* A start that no boot follows leaves nothing behind: not an image, not a snapshot, not a count. */
#include "guest.h"

#include "banks.h"
#include "confirm.h"
#include "images.h"
#include "outlook.h"
#include "roms.h"
#include "slots.h"
#include "snapshots.h"
#include "suspended.h"

/* Everything that an apply touches. */
struct whole {
    struct hf_slot_info slots[3];
    struct hf_snapshot snapshots[HF_SNAPSHOTS_MAX];
    size_t count;
    struct hf_digest code, vars;
    struct hf_life_record record;
};

static void whole_of(struct guest *g, struct whole *w)
{
    memset(w, 0, sizeof *w);
    for (unsigned i = 0; i < 3; i++)
        (void)hf_slot_get(g->c, (enum hf_slot)(i + 1), &w->slots[i], NULL);
    ok(hf_snapshot_list(g->c, w->snapshots, &w->count, &why));
    w->code = guest_code(g);
    w->vars = guest_vars(g);
    w->record = guest_record(g);
}

static void same_whole(struct guest *g, const struct whole *before)
{
    struct whole after;

    whole_of(g, &after);
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(after.slots[i].label, before->slots[i].label);
        same(after.slots[i].code, before->slots[i].code);
        assert_int_equal(after.slots[i].snapshot, before->slots[i].snapshot);
        assert_int_equal(after.slots[i].since, before->slots[i].since);
    }
    assert_int_equal(after.count, before->count);
    for (size_t i = 0; i < after.count; i++)
        assert_int_equal(after.snapshots[i].id, before->snapshots[i].id);
    same(after.code, before->code);
    same(after.vars, before->vars);
    assert_int_equal(after.record.life, before->record.life);
    assert_int_equal(after.record.changes, before->record.changes);
    assert_int_equal(after.record.consent, before->record.consent);
    assert_memory_equal(&after.record.trial, &before->record.trial, sizeof after.record.trial);
}

static void add_rom(struct guest *g, unsigned n)
{
    struct hf_rom rom = {.name = "vgabios-stdvga.bin"};
    uint8_t bytes[512] = {0x55, 0xaa, 1, (uint8_t)n};

    ok(hf_begin(g->c, &why));
    ok(hf_image_add(g->c, HF_IMAGE_ROM, rom.name, bytes, sizeof bytes, g->now, &rom.image, &why));
    ok(hf_rom_set(g->c, HF_SLOT_ACTIVE, &rom, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
}

static struct hf_digest rom_of(struct guest *g, enum hf_slot slot)
{
    struct hf_rom list[HF_ROMS_MAX];
    size_t count;

    ok(hf_rom_list(g->c, slot, list, &count, &why));
    assert_int_equal(count, 1);
    return list[0].image;
}

/* A guest that was upgraded before, with other ROMs then: an apply has a fallback to lose. */
static void upgraded(struct guest *g)
{
    struct hf_confirm_report confirmed;

    guest_new(g, NULL, NULL);
    add_rom(g, 1);
    g->now += 100;
    guest_stage(g, 1);
    guest_power_on(g);
    ok(hf_confirm(g->c, g->now, false, &confirmed, &why));
    add_rom(g, 2);
    guest_write(g, 200000, "set by the guest");
    g->now += 100;
}

static void fails_to_start(struct guest *g)
{
    struct hf_digest active = guest_code(g);
    char words[HF_BOOT_WORDS_SIZE];
    struct hf_outlook outlook;
    struct hf_boot_plan plan = guest_start(g);

    g->now += 100;
    assert_int_equal(plan.did, HF_DECIDE_APPLY);
    assert_int_equal(plan.life, HF_LIFE_APPLIED);
    assert_false(hf_digest_equal(&plan.code, &active));
    same(guest_code(g), plan.code);
    assert_int_equal(guest_record(g).trial.started, 0);
    ok(hf_outlook_get(g->c, &outlook, &why));
    assert_false(outlook.has_staged);
    assert_non_null(strstr(outlook.waits, "waits for the guest to run"));
    ok(hf_lifecycle_ended(g->c, HF_ENDING_HOST, g->now, words, &why));
    assert_non_null(strstr(words, "staged again"));
}

static void a_start_without_a_boot_leaves_nothing(void **state)
{
    struct hf_digest rom_before, rom_former;
    struct whole before;
    struct guest g;

    NEED_IMAGES();
    upgraded(&g);
    guest_stage(&g, 2);
    whole_of(&g, &before);
    rom_before = rom_of(&g, HF_SLOT_ACTIVE);
    rom_former = rom_of(&g, HF_SLOT_FALLBACK);
    assert_false(hf_digest_equal(&rom_before, &rom_former));
    for (unsigned i = 0; i < 5; i++) {
        fails_to_start(&g);
        same_whole(&g, &before);
        same(rom_of(&g, HF_SLOT_ACTIVE), rom_before);
        same(rom_of(&g, HF_SLOT_FALLBACK), rom_former);
    }
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    assert_int_equal(guest_record(&g).trial.started, 1);
    same(rom_of(&g, HF_SLOT_FALLBACK), rom_before);
    guest_free(&g);
}

static void converted_variables_come_back_byte_for_byte(void **state)
{
    struct whole before;
    struct guest g;

    NEED_IMAGES();
    upgraded(&g);
    ok(guest_try_stage(&g, &code_2m, 0, false, &why));
    whole_of(&g, &before);
    fails_to_start(&g);
    same_whole(&g, &before);
    guest_free(&g);
}

/* The first upgrade of a guest: there was no fallback, and there is none again. */
static void where_there_was_no_fallback_there_is_none(void **state)
{
    struct hf_slot_info slot;
    struct whole before;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_stage(&g, 1);
    whole_of(&g, &before);
    fails_to_start(&g);
    same_whole(&g, &before);
    assert_int_equal(hf_slot_get(g.c, HF_SLOT_FALLBACK, &slot, NULL), -HF_ENOTFOUND);
    guest_power_on(&g);
    assert_int_equal(hf_slot_get(g.c, HF_SLOT_STAGED, &slot, NULL), -HF_ENOTFOUND);
    ok(hf_slot_get(g.c, HF_SLOT_FALLBACK, &slot, &why));
    guest_free(&g);
}

static void a_start_that_was_killed_is_taken_back_by_the_next(void **state)
{
    struct hf_digest staged;
    struct whole before;
    struct guest g;

    NEED_IMAGES();
    upgraded(&g);
    staged = guest_stage(&g, 2);
    whole_of(&g, &before);
    for (unsigned i = 0; i < 3; i++) {
        guest_start(&g);
        guest_reopen(&g);
        assert_int_equal(guest_record(&g).life, HF_LIFE_APPLIED);
    }
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    same(guest_code(&g), staged);
    assert_int_equal(guest_record(&g).trial.started, 1);
    assert_int_equal(guest_record(&g).trial.cut, 0);
    guest_free(&g);
}

/* Or by an operator's verb, where nobody runs the guest; while somebody does, the verb is refused. */
static void an_operator_meets_no_leftover(void **state)
{
    struct hf_confirm_report confirmed;
    struct hf_error err;
    struct whole before;
    struct guest g;

    NEED_IMAGES();
    upgraded(&g);
    whole_of(&g, &before);
    guest_stage(&g, 2);
    guest_start(&g);
    assert_int_equal(guest_try_stage(&g, &code_4m, 3, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "applied");
    assert_int_equal(hf_unstage(g.c, g.now, false, &err), -HF_EREFUSED);
    assert_int_equal(hf_confirm(g.c, g.now, false, &confirmed, &err), -HF_EREFUSED);
    ok(hf_container_close(g.c, &why));
    ok(hf_container_open(g.path, HF_OPEN_EDIT, g.now, &g.c, &why));
    ok(hf_unstage(g.c, g.now, false, &why));
    same_whole(&g, &before);
    guest_free(&g);
}

/* `vars set` works on a guest that is off; what it set is not the apply's to take back. */
static void what_an_operator_set_in_between_stays(void **state)
{
    struct hf_digest code, vars;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    guest_stage(&g, 1);
    guest_start(&g);
    guest_write(&g, 200000, "set by an operator");
    vars = guest_vars(&g);
    ok(hf_lifecycle_ended(g.c, HF_ENDING_HOST, g.now, NULL, &why));
    same(guest_code(&g), code);
    same(guest_vars(&g), vars);
    guest_free(&g);
}

static void a_saved_state_survives_a_start_that_fails(void **state)
{
    struct hf_resume_report report;
    struct hf_digest code, vars;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_power_on(&g);
    code = guest_code(&g);
    vars = guest_vars(&g);
    ok(hf_suspend(g.c, g.now, &why));
    guest_stage(&g, 1);
    fails_to_start(&g);
    ok(hf_resume(g.c, &code, &vars, g.now, &report, &why));
    guest_free(&g);
}

static void opening_twice_is_opening_once(void **state)
{
    struct hf_boot boot;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, NULL);
    guest_stage(&g, 1);
    guest_power_on(&g);
    boot = guest_boot(&g, HF_MOMENT_POWER_ON);
    for (unsigned i = 0; i < 3; i++)
        ok(hf_lifecycle_opened(g.c, &boot, &why));
    assert_int_equal(guest_record(&g).trial.started, 1);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_without_a_boot_leaves_nothing),
        cmocka_unit_test(converted_variables_come_back_byte_for_byte),
        cmocka_unit_test(where_there_was_no_fallback_there_is_none),
        cmocka_unit_test(a_start_that_was_killed_is_taken_back_by_the_next),
        cmocka_unit_test(an_operator_meets_no_leftover),
        cmocka_unit_test(what_an_operator_set_in_between_stays),
        cmocka_unit_test(a_saved_state_survives_a_start_that_fails),
        cmocka_unit_test(opening_twice_is_opening_once),
    };

    return cmocka_run_group_tests_name("lifecycle-applied", tests, images_load, images_free);
}
