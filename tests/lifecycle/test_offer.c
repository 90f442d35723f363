/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

static struct hf_boot_plan power_on_with(struct guest *g, unsigned n, const char *vmm, bool pinned)
{
    struct hf_boot boot = guest_boot(g, HF_MOMENT_POWER_ON);
    uint8_t *bytes = variant(&code_4m, n);
    struct hf_offer offer = {.bytes = bytes, .size = code_4m.size, .origin = "/usr/share/OVMF/OVMF_CODE_4M.fd"};
    struct hf_boot_plan plan;
    bool wants;

    boot.vmm = vmm;
    boot.pinned = pinned;
    ok(hf_lifecycle_wants_offer(g->c, &boot, &wants, &why));
    boot.offer = wants ? &offer : NULL;
    ok(hf_lifecycle_power_on(g->c, &boot, &plan, &why));
    ok(hf_lifecycle_opened(g->c, &boot, &why));
    ok(hf_lifecycle_started(g->c, vmm, "pc-q35-7.2", guest_record(g).tpm, g->now, &why));
    free(bytes);
    return plan;
}

static void the_host_policy_takes_the_hosts_and_never_a_rejected_one_again(void **state)
{
    static const char *const host[] = {"policy=host", NULL};
    struct hf_digest code;
    struct hf_error err;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, host);
    code = guest_code(&g);
    assert_int_equal(power_on_with(&g, 0, "7.2", true).did, HF_DECIDE_NOTHING);
    assert_int_equal(power_on_with(&g, 1, "7.2", true).did, HF_DECIDE_APPLY);
    for (unsigned i = 0; i < 3; i++)
        guest_reset(&g, HF_ENDING_RESET, NULL);
    same(guest_code(&g), code);
    assert_int_equal(power_on_with(&g, 1, "7.2", true).did, HF_DECIDE_NOTHING);
    assert_non_null(strstr(guest_record(&g).offer, "rolled back"));
    assert_int_equal(power_on_with(&g, 2, "7.2", true).did, HF_DECIDE_APPLY);
    assert_int_equal(guest_try_stage(&g, &code_4m, 3, false, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "policy");
    guest_free(&g);
}

static void the_versioned_policy_follows_the_vmm(void **state)
{
    static const char *const versioned[] = {"policy=versioned", NULL};
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, "q35", versioned);
    assert_int_equal(power_on_with(&g, 1, "7.2", false).did, HF_DECIDE_NOTHING);
    assert_int_equal(power_on_with(&g, 1, "7.2", false).did, HF_DECIDE_NOTHING);
    assert_int_equal(power_on_with(&g, 1, "10.0", true).did, HF_DECIDE_NOTHING);
    assert_int_equal(power_on_with(&g, 1, "7.2", false).did, HF_DECIDE_APPLY);
    guest_free(&g);
}

static void a_policy_only_stages_where_there_is_a_tpm(void **state)
{
    static const char *const host[] = {"policy=host", NULL};
    struct hf_boot_plan plan;
    struct hf_digest code;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, host);
    code = guest_code(&g);
    ok(hf_lifecycle_started(g.c, "7.2", "pc-q35-7.2", true, g.now, &why));
    plan = power_on_with(&g, 1, "7.2", true);
    assert_int_equal(plan.life, HF_LIFE_STAGED);
    assert_non_null(strstr(plan.words, "TPM"));
    same(guest_code(&g), code);
    struct hf_stage_request word = {.tpm_aware = true, .now = NOW};
    struct hf_stage_report report;
    ok(hf_stage(g.c, &word, &report, &why));
    assert_int_equal(guest_power_on(&g).did, HF_DECIDE_APPLY);
    guest_free(&g);
}

/* The next start asks the policy anew, which may say something else then. */
static void what_a_policy_took_for_a_start_that_failed_does_not_stay(void **state)
{
    static const char *const host[] = {"policy=host", NULL};
    uint8_t *bytes;
    struct hf_offer offer = {.size = code_4m.size, .origin = "/usr/share/OVMF/OVMF_CODE_4M.fd"};
    struct hf_boot_plan plan;
    struct hf_digest code;
    struct hf_boot boot;
    struct guest g;

    NEED_IMAGES();
    guest_new(&g, NULL, host);
    code = guest_code(&g);
    offer.bytes = bytes = variant(&code_4m, 1);
    offer.size = code_4m.size;
    boot = guest_boot(&g, HF_MOMENT_POWER_ON);
    boot.offer = &offer;
    ok(hf_lifecycle_power_on(g.c, &boot, &plan, &why));
    assert_int_equal(plan.did, HF_DECIDE_APPLY);
    ok(hf_lifecycle_ended(g.c, HF_ENDING_HOST, g.now, NULL, &why));
    same(guest_code(&g), code);
    assert_int_equal(guest_record(&g).life, HF_LIFE_STEADY);
    assert_int_equal(power_on_with(&g, 0, "7.2", true).did, HF_DECIDE_NOTHING);
    free(bytes);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_policy_takes_the_hosts_and_never_a_rejected_one_again),
        cmocka_unit_test(the_versioned_policy_follows_the_vmm),
        cmocka_unit_test(what_a_policy_took_for_a_start_that_failed_does_not_stay),
        cmocka_unit_test(a_policy_only_stages_where_there_is_a_tpm),
    };

    return cmocka_run_group_tests_name("lifecycle-offer", tests, images_load, images_free);
}
