/* SPDX-License-Identifier: BSD-2-Clause */
/* Which resets of a guest are stopped, and what becomes of one that was. */
#include "bare_run.h"

#include "guest.h"
#include "reset_watch.h"

/* A guest under a QEMU that does what it is told, and the rest of the run, which counts what it is asked. */
struct watched {
    struct bare_run bare;
    struct guest guest;
    struct hf_arguments arguments;
    struct hf_reset_watch watch;
    bool stops, by_guest;
    unsigned planned, next_boots, released;
};

static bool stops(void *ctx)
{
    return ((struct watched *)ctx)->stops;
}

static bool is_ours(void *ctx)
{
    return true;
}

static struct hf_boot boot(void *ctx, enum hf_moment moment)
{
    struct watched *w = ctx;

    return (struct hf_boot){.moment = moment, .now = w->guest.now, .boot_id = w->guest.boot_id, .vmm = "7.2"};
}

static struct hf_host_offer_place place(void *ctx)
{
    return (struct hf_host_offer_place){.architecture = "x86_64", .machine = "pc-q35-7.2", .qemu = "qemu"};
}

static enum hf_ending ending(void *ctx, bool by_guest)
{
    ((struct watched *)ctx)->by_guest = by_guest;
    return by_guest ? HF_ENDING_RESET : HF_ENDING_OPERATOR;
}

static void planned(void *ctx, const struct hf_boot_plan *plan)
{
    ((struct watched *)ctx)->planned++;
}

static int next_boot(void *ctx, struct hf_error *err)
{
    ((struct watched *)ctx)->next_boots++;
    return 0;
}

static void released(void *ctx)
{
    ((struct watched *)ctx)->released++;
}

static void begin(struct watched *w, const char *reset)
{
    const struct hf_reset_watch_ops ops = {stops, is_ours, boot, place, ending, planned, next_boot, released, w};

    *w = (struct watched){.stops = false};
    guest_new(&w->guest, NULL, NULL);
    (void)guest_power_on(&w->guest);
    bare_run_begin(&w->bare, true);
    w->bare.options.reset = reset;
    w->bare.options.force_restart = true; /* whatever the devices */
    w->bare.run.container = w->guest.c;
    (void)snprintf(w->bare.run.dir, sizeof w->bare.run.dir, "%s", w->guest.dir);
    hf_reset_watch_init(&w->watch, &w->bare.run, &w->arguments, &ops);
    hf_resets_init(&w->watch.resets, (struct hf_user_actions){.panic_ends = true}, false);
}

static void look(struct watched *w)
{
    struct hf_error err;

    if (hf_reset_watch_look(&w->watch, &err) < 0)
        fail_msg("%s", err.text);
}

static void end(struct watched *w)
{
    bare_run_end(&w->bare);
    guest_free(&w->guest);
}

/* The guest was reset; what is decided. */
static void decide(struct watched *w, const char *reason)
{
    assert_true(hf_reset_watch_on_shutdown(&w->watch, reason));
    assert_int_equal(w->bare.run.todo, HF_TODO_DECIDE);
    hf_reset_watch_decide(&w->watch);
    assert_int_equal(w->bare.run.todo, 0);
    assert_int_equal(w->planned, 1);
}

static void resets_are_stopped_where_somebody_needs_them(void **state)
{
    static const struct {
        const char *reset;
        bool stops, staged, armed;
    } rows[] = {
        {"warm", false, false, false},
        {"warm", true, false, true}, /* the mailbox */
        {"cold", false, false, true},
        {"warm", false, true, true},
    };

    NEED_IMAGES();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct watched w;

        begin(&w, rows[i].reset);
        w.stops = rows[i].stops;
        if (rows[i].staged)
            (void)guest_stage(&w.guest, 1);
        look(&w);
        assert_string_equal(bare_run_told(&w.bare), rows[i].armed ? " set-action" : "");
        assert_true(hf_reset_watch_is_at_rest(&w.watch));
        assert_int_equal(hf_reset_watch_is_armed(&w.watch), rows[i].armed);
        end(&w);
    }
}

static void a_reset_that_changes_nothing_goes_on_in_the_same_process(void **state)
{
    struct watched w;

    NEED_IMAGES();
    begin(&w, "warm");
    w.stops = true;
    look(&w);
    assert_string_equal(bare_run_told(&w.bare), " set-action");
    decide(&w, "guest-reset");
    assert_true(w.by_guest);
    assert_int_equal(w.next_boots, 1);
    assert_false(w.bare.run.restart || hf_reset_watch_is_at_rest(&w.watch));
    while (!strstr(w.bare.told, "system_reset"))
        assert_int_equal(hf_loop_turn(&w.bare.run.loop, 1000, NULL), 0);
    assert_int_equal(w.released, 0);
    hf_reset_watch_on_reset(&w.watch);
    while (!w.released)
        assert_int_equal(hf_loop_turn(&w.bare.run.loop, 1000, NULL), 0);
    assert_true(hf_reset_watch_is_armed(&w.watch));
    end(&w);
}

static void a_reset_for_staged_firmware_or_a_cold_one_starts_qemu_anew(void **state)
{
    NEED_IMAGES();
    for (unsigned cold = 0; cold < 2; cold++) {
        struct watched w;

        begin(&w, cold ? "cold" : "warm");
        if (!cold)
            (void)guest_stage(&w.guest, 1);
        look(&w);
        assert_string_equal(bare_run_told(&w.bare), " set-action");
        decide(&w, "host-qmp-system-reset");
        assert_false(w.by_guest);
        assert_true(w.bare.run.restart);
        assert_int_equal(w.bare.run.restart_moment, cold ? HF_MOMENT_COLD_RESET : HF_MOMENT_WARM_RESET);
        assert_int_equal(w.next_boots + w.released, 0);
        assert_string_equal(bare_run_told(&w.bare), "");
        assert_true(hf_reset_watch_on_shutdown(&w.watch, "host-qmp-quit")); /* the echo of what ends it */
        end(&w);
    }
}

static void an_end_of_the_guest_is_no_reset(void **state)
{
    struct watched w;

    NEED_IMAGES();
    begin(&w, "warm");
    look(&w);
    assert_false(hf_reset_watch_on_shutdown(&w.watch, "host-qmp-quit"));
    assert_int_equal(w.bare.run.todo, 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resets_are_stopped_where_somebody_needs_them),
        cmocka_unit_test(a_reset_that_changes_nothing_goes_on_in_the_same_process),
        cmocka_unit_test(a_reset_for_staged_firmware_or_a_cold_one_starts_qemu_anew),
        cmocka_unit_test(an_end_of_the_guest_is_no_reset),
    };

    return cmocka_run_group_tests_name("supervisor-reset_watch", tests, images_load, images_free);
}
