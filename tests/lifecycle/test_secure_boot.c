/* SPDX-License-Identifier: BSD-2-Clause */
/* What Secure Boot is with given firmware over given variables, and that it does not end unasked. */
#include "guest.h"

#include "banks.h"
#include "confirm.h"
#include "eventlog.h"
#include "provision.h"
#include "revert.h"
#include "rollback.h"
#include "secure_boot_record.h"
#include "slots.h"
#include "state.h"

#define NEED_KEYS()                                                                                                    \
    do {                                                                                                               \
        NEED_IMAGES();                                                                                                 \
        if (!vars_ms.bytes || !code_smm.bytes)                                                                         \
            skip();                                                                                                    \
    } while (0)

static struct hf_variables variables_of(const struct image *vars)
{
    uint8_t *bytes = malloc(vars->size);
    struct hf_variables v;

    assert_non_null(bytes);
    memcpy(bytes, vars->bytes, vars->size);
    ok(hf_variables_of_bytes(bytes, vars->size, &v, &why));
    return v;
}

static void only_firmware_that_has_it_over_enrolled_keys_is_on(void **state)
{
    struct hf_variables keys, none;

    NEED_KEYS();
    keys = variables_of(&vars_ms);
    none = variables_of(&vars_4m);
    assert_int_equal(hf_secure_boot_mode(HF_YES, &keys), HF_SECURE_BOOT_ON);
    assert_int_equal(hf_secure_boot_mode(HF_NO, &keys), HF_SECURE_BOOT_NONE);
    assert_int_equal(hf_secure_boot_mode(HF_UNKNOWN, &keys), HF_SECURE_BOOT_UNKNOWN);
    assert_int_equal(hf_secure_boot_mode(HF_YES, &none), HF_SECURE_BOOT_SETUP);
    assert_int_equal(hf_secure_boot_mode(HF_NO, &none), HF_SECURE_BOOT_NONE);
    hf_variables_done(&keys);
    hf_variables_done(&none);
}

static void every_change_of_image_is_asked_for(void **state)
{
    static const struct {
        enum hf_answer has, smm, next_has, next_smm;
        bool refused; /* where keys are enrolled */
    } cases[] = {
        {HF_YES, HF_NO, HF_YES, HF_NO, false},         {HF_YES, HF_NO, HF_NO, HF_NO, true},
        {HF_YES, HF_NO, HF_UNKNOWN, HF_UNKNOWN, true}, {HF_YES, HF_YES, HF_YES, HF_NO, true},
        {HF_YES, HF_YES, HF_YES, HF_UNKNOWN, true},    {HF_YES, HF_NO, HF_YES, HF_YES, false},
        {HF_NO, HF_NO, HF_NO, HF_NO, false},           {HF_NO, HF_NO, HF_YES, HF_YES, false},
        {HF_UNKNOWN, HF_NO, HF_NO, HF_NO, true},       {HF_UNKNOWN, HF_NO, HF_UNKNOWN, HF_NO, false},
    };
    struct hf_variables keys, none;

    NEED_KEYS();
    keys = variables_of(&vars_ms);
    none = variables_of(&vars_4m);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hf_flash_image now = {.secure_boot = cases[i].has, .needs_smm = cases[i].smm};
        struct hf_flash_image next = {.secure_boot = cases[i].next_has, .needs_smm = cases[i].next_smm};
        struct hf_error err;

        assert_int_equal(hf_secure_boot_keep(&now, &next, &none, &err), 0);
        assert_int_equal(hf_secure_boot_keep(&now, &next, &keys, &err), cases[i].refused ? -HF_EREFUSED : 0);
        if (cases[i].refused) {
            assert_string_equal(err.rule, "secure-boot");
            assert_non_null(strstr(err.text, "--no-secure-boot"));
        }
    }
    hf_variables_done(&keys);
    hf_variables_done(&none);
}

static int find_text(void *ctx, const struct hf_event *event)
{
    return strstr(event->text, ctx) != NULL;
}

static bool logged(struct guest *g, const char *text)
{
    return hf_event_list(g->c, 1, find_text, (void *)text, NULL) == 1;
}

static int stage_plain(struct guest *g, bool no_secure_boot, struct hf_error *err)
{
    struct hf_stage_request request = {.bytes = code_4m.bytes,
                                       .size = code_4m.size,
                                       .origin = "/somewhere/code.fd",
                                       .no_secure_boot = no_secure_boot,
                                       .now = NOW};
    struct hf_stage_report report;

    return hf_stage(g->c, &request, &report, err);
}

static void an_image_that_gives_up_the_keys_is_staged_only_when_told(void **state)
{
    struct hf_error err;
    struct guest g;

    NEED_KEYS();
    guest_new_of(&g, &code_smm, &vars_ms, NULL);
    assert_int_equal(stage_plain(&g, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "secure-boot");
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    assert_int_equal(stage_plain(&g, true, &err), 0);
    assert_true(logged(&g, "given up by the operator (--no-secure-boot)"));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    assert_false(guest_record(&g).no_secure_boot);
    guest_free(&g);
}

/* A container from elsewhere may say of its image what it likes. */
static void what_the_container_says_of_its_image_decides_nothing(void **state)
{
    char digest[HF_DIGEST_TEXT_SIZE], forged[HF_STATE_VALUE_SIZE];
    struct hf_slot_info active;
    struct hf_error err;
    struct guest g;

    NEED_KEYS();
    guest_new_of(&g, &code_smm, &vars_ms, NULL);
    ok(hf_slot_get(g.c, HF_SLOT_ACTIVE, &active, &why));
    snprintf(forged, sizeof forged, "%s nn", hf_digest_text(&active.code, digest));
    ok(hf_begin(g.c, &why));
    ok(hf_state_set_text(g.c, "secure-boot.image", forged, &why));
    ok(hf_commit(g.c, HF_DURABLE, &why));
    assert_int_equal(stage_plain(&g, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "secure-boot");
    guest_free(&g);
}

static void keys_that_are_enrolled_after_stage_hold_the_image(void **state)
{
    struct hf_stage_request word = {.no_secure_boot = true, .now = NOW};
    struct hf_stage_report report;
    struct hf_boot_plan plan;
    struct hf_error err;
    struct guest g;

    NEED_KEYS();
    guest_new_of(&g, &code_smm, &vars_4m, NULL);
    assert_int_equal(stage_plain(&g, false, &err), 0);
    ok(hf_begin(g.c, &why));
    ok(hf_bank_replace(g.c, HF_BANK_VARS, vars_ms.bytes, vars_ms.size, &why));
    ok(hf_commit(g.c, HF_DURABLE, &why));
    plan = guest_power_on(&g);
    assert_int_equal(plan.did, HF_DECIDE_NOTHING);
    assert_int_equal(plan.life, HF_LIFE_STAGED);
    assert_non_null(strstr(plan.words, "--no-secure-boot"));
    ok(hf_stage(g.c, &word, &report, &why));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    guest_free(&g);
}

static void the_policies_keep_the_firmware_that_protects_the_keys(void **state)
{
    static const char *const host[] = {"policy=host", NULL};
    struct hf_offer offer = {.bytes = code_4m.bytes, .size = code_4m.size, .origin = "/usr/share/OVMF/OVMF_CODE_4M.fd"};
    struct hf_boot_plan plan;
    struct hf_digest code;
    struct hf_boot boot;
    struct guest g;

    NEED_KEYS();
    offer.bytes = code_4m.bytes;
    offer.size = code_4m.size;
    guest_new_of(&g, &code_smm, &vars_ms, host);
    code = guest_code(&g);
    boot = guest_boot(&g, HF_MOMENT_POWER_ON);
    boot.offer = &offer;
    ok(hf_lifecycle_power_on(g.c, &boot, &plan, &why));
    assert_int_equal(plan.did, HF_DECIDE_NOTHING);
    assert_non_null(strstr(plan.words, "Secure Boot"));
    assert_non_null(strstr(guest_record(&g).offer, "--no-secure-boot"));
    same(guest_code(&g), code);
    guest_free(&g);
}

/* A guest that got firmware with Secure Boot, and then keys: what was before has none. */
static void guest_that_gained_it(struct guest *g, int64_t *before)
{
    struct hf_stage_request request = {
        .bytes = code_smm.bytes, .size = code_smm.size, .origin = "/somewhere/code.fd", .now = NOW};
    struct hf_stage_report report;

    guest_new_of(g, &code_4m, &vars_4m, NULL);
    ok(hf_snapshot_now(g->c, "before", NOW, false, before, &why));
    ok(hf_stage(g->c, &request, &report, &why));
    assert_int_equal(guest_power_on(g).did, HF_DECIDE_APPLY);
    ok(hf_begin(g->c, &why));
    ok(hf_bank_replace(g->c, HF_BANK_VARS, vars_ms.bytes, vars_ms.size, &why));
    ok(hf_commit(g->c, HF_DURABLE, &why));
}

static void a_rollback_that_ends_it_is_refused_until_told(void **state)
{
    struct hf_rollback_request back = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_error err;
    struct guest g;
    int64_t before;

    NEED_KEYS();
    guest_that_gained_it(&g, &before);
    for (int from_inside = 0; from_inside < 2; from_inside++) {
        back.wish.by_guest = from_inside;
        assert_int_equal(hf_rollback(g.c, &back, &report, &err), -HF_EREFUSED);
        assert_string_equal(err.rule, "secure-boot");
        assert_int_equal(guest_record(&g).life, HF_LIFE_TRIAL);
    }
    back.wish.by_guest = false;
    back.no_secure_boot = true;
    ok(hf_rollback(g.c, &back, &report, &why));
    assert_true(logged(&g, "given up by the operator"));
    guest_free(&g);
}

static void so_is_a_revert(void **state)
{
    struct hf_revert_request back = {.now = NOW};
    struct hf_confirm_report confirmed;
    struct hf_revert_report report;
    struct hf_digest code;
    struct hf_error err;
    struct guest g;

    NEED_KEYS();
    guest_that_gained_it(&g, &back.id);
    ok(hf_confirm(g.c, NOW, false, &confirmed, &why));
    ok(hf_container_close(g.c, &why));
    ok(hf_container_open(g.path, HF_OPEN_EDIT, NOW, &g.c, &why));
    code = guest_code(&g);
    assert_int_equal(hf_revert(g.c, &back, &report, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "secure-boot");
    same(guest_code(&g), code);
    back.dry_run = true;
    assert_int_equal(hf_revert(g.c, &back, &report, &err), -HF_EREFUSED);
    back.dry_run = false;
    back.no_secure_boot = true;
    assert_int_equal(hf_revert(g.c, &back, &report, &err), -HF_EREFUSED); /* nor does it take the keys away */
    assert_string_equal(err.rule, "carry");
    guest_free(&g);
}

static void a_change_from_inside_is_logged_at_the_next_boot(void **state)
{
    struct hf_secure_boot_report sb;
    struct guest g;

    NEED_KEYS();
    guest_new_of(&g, &code_smm, &vars_4m, NULL);
    ok(hf_secure_boot_look(g.c, &sb, &why));
    assert_int_equal(sb.mode, HF_SECURE_BOOT_SETUP);
    assert_int_equal(sb.since, 0);
    guest_power_on(&g);
    ok(hf_secure_boot_look(g.c, &sb, &why));
    assert_int_equal(sb.since, NOW);
    assert_false(sb.changed);
    ok(hf_begin(g.c, &why));
    ok(hf_bank_replace(g.c, HF_BANK_VARS, vars_ms.bytes, vars_ms.size, &why));
    ok(hf_commit(g.c, HF_DURABLE, &why));
    ok(hf_secure_boot_look(g.c, &sb, &why));
    assert_int_equal(sb.mode, HF_SECURE_BOOT_ON);
    assert_true(sb.changed);
    g.now += 50;
    guest_power_on(&g);
    ok(hf_secure_boot_look(g.c, &sb, &why));
    assert_int_equal(sb.since, NOW + 50);
    assert_int_equal(sb.keys_protected, HF_YES);
    assert_false(sb.changed);
    assert_true(logged(&g, "Secure Boot is on; before it was setup mode"));
    guest_free(&g);
}

static void a_new_guest_keeps_what_its_keys_demand(void **state)
{
    struct hf_provision p = {.guest = {.arch = "x86_64", .machine = "q35"}, .protects_keys = true, .now = NOW};
    struct hf_provisioned made;
    struct hf_error err;

    NEED_KEYS();
    p.code = code_4m.bytes;
    p.code_size = code_4m.size;
    p.code_origin = "code.fd";
    p.vars = vars_ms.bytes;
    p.vars_size = vars_ms.size;
    p.vars_origin = "vars.fd";
    assert_int_equal(hf_provision_check(&p, &made, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "secure-boot");
    p.no_secure_boot = true;
    ok(hf_provision_check(&p, &made, &why));
    p.no_secure_boot = p.protects_keys = false; /* this build enforces, too: nothing ends */
    ok(hf_provision_check(&p, &made, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_firmware_that_has_it_over_enrolled_keys_is_on),
        cmocka_unit_test(every_change_of_image_is_asked_for),
        cmocka_unit_test(an_image_that_gives_up_the_keys_is_staged_only_when_told),
        cmocka_unit_test(what_the_container_says_of_its_image_decides_nothing),
        cmocka_unit_test(keys_that_are_enrolled_after_stage_hold_the_image),
        cmocka_unit_test(the_policies_keep_the_firmware_that_protects_the_keys),
        cmocka_unit_test(a_rollback_that_ends_it_is_refused_until_told),
        cmocka_unit_test(so_is_a_revert),
        cmocka_unit_test(a_change_from_inside_is_logged_at_the_next_boot),
        cmocka_unit_test(a_new_guest_keeps_what_its_keys_demand),
    };

    return cmocka_run_group_tests_name("lifecycle-secure_boot", tests, images_load, images_free);
}
