/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "resets.h"

/* The little of QEMU that matters here: which actions are set, whether it runs, and that a reset is performed some time
 * after system_reset was answered. */
struct machine {
    bool stop_at_reset, pause_at_shutdown, fail_at_panic, running, must_reset, reset_due, dead;
    unsigned boots;
};

static bool obey(struct machine *m, const struct hf_resets_step *s)
{
    if (strcmp(s->command, "set-action") == 0) {
        if (strstr(s->arguments, "\"reboot\":\"shutdown\""))
            m->stop_at_reset = true;
        if (strstr(s->arguments, "\"reboot\":\"reset\""))
            m->stop_at_reset = false;
        if (strstr(s->arguments, "\"shutdown\":"))
            m->pause_at_shutdown = strstr(s->arguments, "pause") != NULL;
        if (strstr(s->arguments, "\"panic\":"))
            m->fail_at_panic = strstr(s->arguments, "exit-failure") != NULL;
        return true;
    }
    if (strcmp(s->command, "system_reset") == 0) {
        assert_false(m->stop_at_reset);
        m->reset_due = true;
        return true;
    }
    if (strcmp(s->command, "cont") == 0) {
        if (m->must_reset)
            return false; /* "Resetting the Virtual Machine is required" */
        m->running = true;
        m->boots++;
        return true;
    }
    assert_string_equal(s->command, "quit");
    m->dead = true;
    return true;
}

/* Sends what is asked for until nothing is; QEMU's reset comes before or after the answer to system_reset. */
static struct hf_resets_step settle(struct hf_resets *r, struct machine *m, struct hf_resets_step s, bool late)
{
    while (s.want == HF_RESETS_SEND) {
        bool good = obey(m, &s), reset = m->reset_due;

        m->must_reset = m->must_reset && !reset;
        m->reset_due = false;
        if (reset && !late) {
            s = hf_resets_on_reset(r);
            assert_int_equal(s.want, HF_RESETS_NOTHING);
        }
        s = hf_resets_on_answer(r, good);
        if (reset && late) {
            assert_int_equal(s.want, HF_RESETS_NOTHING);
            s = hf_resets_on_reset(r);
        }
    }
    return s;
}

static struct hf_resets_step guest_resets(struct hf_resets *r, struct machine *m)
{
    assert_true(m->stop_at_reset && m->pause_at_shutdown);
    m->running = false;
    m->must_reset = true;
    return hf_resets_on_shutdown(r, "guest-reset");
}

static void an_armed_reset_waits_for_the_decision(void **state)
{
    for (unsigned late = 0; late < 2; late++) {
        struct machine m = {.stop_at_reset = true, .pause_at_shutdown = true, .running = true};
        struct hf_resets r;

        hf_resets_init(&r, (struct hf_user_actions){0}, true);
        for (unsigned i = 1; i <= 100; i++) {
            struct hf_resets_step s = guest_resets(&r, &m);

            assert_int_equal(s.want, HF_RESETS_DECIDE);
            assert_true(s.by_guest);
            assert_false(m.running);
            s = settle(&r, &m, hf_resets_release(&r), late);
            assert_int_equal(s.want, HF_RESETS_RELEASED);
            assert_true(m.running && m.stop_at_reset);
            assert_int_equal(m.boots, i);
        }
    }
}

static void disarming_gives_back_what_the_user_said(void **state)
{
    for (unsigned k = 0; k < 4; k++) {
        struct hf_user_actions user = {.no_reboot = k & 1U, .no_shutdown = k & 2U};
        struct machine m = {.stop_at_reset = true, .pause_at_shutdown = true, .running = true};
        struct hf_resets r;

        hf_resets_init(&r, user, true);
        assert_int_equal(settle(&r, &m, hf_resets_arm(&r, false), false).want, HF_RESETS_NOTHING);
        assert_int_equal(r.state, HF_RESETS_LOOSE);
        assert_int_equal(m.stop_at_reset, user.no_reboot);
        assert_int_equal(m.pause_at_shutdown, user.no_shutdown);
        assert_int_equal(hf_resets_arm(&r, false).want, HF_RESETS_NOTHING);
        assert_int_equal(settle(&r, &m, hf_resets_arm(&r, true), false).want, HF_RESETS_NOTHING);
        assert_int_equal(r.state, HF_RESETS_ARMED);
        assert_true(m.stop_at_reset && m.pause_at_shutdown);
    }
}

/* QEMU runs on after a panic while shutdown=pause, unless panic says otherwise. */
static void a_panic_ends_an_armed_guest_where_it_would_end_any(void **state)
{
    static const struct {
        struct hf_user_actions user;
        bool ends;
    } cases[] = {{{.panic_ends = true}, true},
                 {{.panic_ends = true, .no_reboot = true}, true},
                 {{.panic_ends = true, .no_shutdown = true}, false},
                 {{.panic_ends = false}, false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct machine m = {.running = true};
        struct hf_resets r;

        hf_resets_init(&r, cases[i].user, false);
        (void)settle(&r, &m, hf_resets_arm(&r, true), false);
        assert_int_equal(m.fail_at_panic, cases[i].ends);
        if (cases[i].ends) {
            assert_int_equal(settle(&r, &m, hf_resets_on_shutdown(&r, "guest-panic"), false).want, HF_RESETS_NOTHING);
            assert_true(m.dead);
            continue;
        }
        (void)settle(&r, &m, hf_resets_arm(&r, false), false);
        assert_false(m.fail_at_panic);
    }
}

static void a_power_off_stays_a_power_off(void **state)
{
    static const char *const reasons[] = {"guest-shutdown", "guest-panic", "nobody knows"};
    struct hf_resets r;

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        hf_resets_init(&r, (struct hf_user_actions){0}, true);
        assert_string_equal(hf_resets_on_shutdown(&r, reasons[i]).command, "quit");
        assert_int_equal(r.state, HF_RESETS_ENDING);
        hf_resets_init(&r, (struct hf_user_actions){.no_shutdown = true}, true);
        assert_int_equal(hf_resets_on_shutdown(&r, reasons[i]).want, HF_RESETS_LEFT);
    }
}

static void what_the_host_ends_is_left_to_end(void **state)
{
    static const char *const reasons[] = {"host-ui", "host-signal", "host-qmp-quit"};
    struct hf_resets r;

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        hf_resets_init(&r, (struct hf_user_actions){0}, true);
        assert_int_equal(hf_resets_on_shutdown(&r, reasons[i]).want, HF_RESETS_NOTHING);
        assert_int_equal(r.state, HF_RESETS_ENDING);
    }
}

static void a_machine_left_shut_down_can_be_reset(void **state)
{
    struct hf_resets r;

    hf_resets_init(&r, (struct hf_user_actions){.no_shutdown = true}, true);
    assert_int_equal(hf_resets_on_shutdown(&r, "guest-shutdown").want, HF_RESETS_LEFT);
    assert_int_equal(hf_resets_on_shutdown(&r, "host-qmp-system-reset").want, HF_RESETS_DECIDE);
    assert_int_equal(hf_resets_release(&r).want, HF_RESETS_SEND);
}

static void no_reboot_turns_a_reset_into_a_power_off(void **state)
{
    struct hf_resets r;

    hf_resets_init(&r, (struct hf_user_actions){.no_reboot = true}, true);
    assert_string_equal(hf_resets_on_shutdown(&r, "guest-reset").command, "quit");
    hf_resets_init(&r, (struct hf_user_actions){.no_reboot = true, .no_shutdown = true}, true);
    assert_int_equal(hf_resets_on_shutdown(&r, "guest-reset").want, HF_RESETS_LEFT);
}

static void an_operators_reset_is_told_apart(void **state)
{
    struct hf_resets_step s;
    struct hf_resets r;

    hf_resets_init(&r, (struct hf_user_actions){0}, true);
    s = hf_resets_on_shutdown(&r, "host-qmp-system-reset");
    assert_int_equal(s.want, HF_RESETS_DECIDE);
    assert_false(s.by_guest);
    assert_int_equal(hf_resets_on_shutdown(&r, "guest-reset").want, HF_RESETS_NOTHING);
}

static void a_wish_during_a_change_is_not_lost(void **state)
{
    struct machine m = {.stop_at_reset = true, .pause_at_shutdown = true, .running = true};
    struct hf_resets r;
    struct hf_resets_step s;

    hf_resets_init(&r, (struct hf_user_actions){0}, true);
    s = hf_resets_arm(&r, false);
    assert_int_equal(hf_resets_arm(&r, true).want, HF_RESETS_NOTHING);
    assert_int_equal(settle(&r, &m, s, false).want, HF_RESETS_NOTHING);
    assert_int_equal(r.state, HF_RESETS_ARMED);
    assert_true(m.stop_at_reset);
}

static void a_reset_that_overtakes_an_answer_is_released_after_it(void **state)
{
    struct machine m = {.stop_at_reset = true, .pause_at_shutdown = true, .running = true};
    struct hf_resets r;
    struct hf_resets_step s, disarm;

    hf_resets_init(&r, (struct hf_user_actions){0}, true);
    disarm = hf_resets_arm(&r, false);
    assert_int_equal(guest_resets(&r, &m).want, HF_RESETS_DECIDE);
    assert_int_equal(hf_resets_release(&r).want, HF_RESETS_NOTHING);
    assert_true(obey(&m, &disarm));
    s = settle(&r, &m, hf_resets_on_answer(&r, true), false);
    assert_int_equal(s.want, HF_RESETS_RELEASED);
    assert_int_equal(r.state, HF_RESETS_LOOSE);
    assert_int_equal(m.boots, 1);
}

static void a_refused_command_leaves_the_guest_stopped(void **state)
{
    struct hf_resets r;

    hf_resets_init(&r, (struct hf_user_actions){0}, true);
    (void)hf_resets_on_shutdown(&r, "guest-reset");
    assert_int_equal(hf_resets_release(&r).want, HF_RESETS_SEND);
    assert_int_equal(hf_resets_on_answer(&r, false).want, HF_RESETS_FAILED);
    assert_int_equal(r.state, HF_RESETS_STOPPED);
}

static void a_new_monitor_arms_again(void **state)
{
    struct hf_resets r;
    struct hf_resets_step s;

    hf_resets_init(&r, (struct hf_user_actions){0}, true);
    s = hf_resets_reconnected(&r);
    assert_int_equal(s.want, HF_RESETS_SEND);
    assert_non_null(strstr(s.arguments, "\"reboot\":\"shutdown\""));
    assert_int_equal(hf_resets_on_answer(&r, true).want, HF_RESETS_NOTHING);
    (void)hf_resets_on_shutdown(&r, "guest-reset");
    assert_int_equal(hf_resets_reconnected(&r).want, HF_RESETS_DECIDE);
    for (unsigned i = 0; i < HF_RESETS_STATE_MAX; i++)
        assert_non_null(hf_resets_state_name(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_armed_reset_waits_for_the_decision),
        cmocka_unit_test(disarming_gives_back_what_the_user_said),
        cmocka_unit_test(a_panic_ends_an_armed_guest_where_it_would_end_any),
        cmocka_unit_test(a_power_off_stays_a_power_off),
        cmocka_unit_test(what_the_host_ends_is_left_to_end),
        cmocka_unit_test(a_machine_left_shut_down_can_be_reset),
        cmocka_unit_test(no_reboot_turns_a_reset_into_a_power_off),
        cmocka_unit_test(an_operators_reset_is_told_apart),
        cmocka_unit_test(a_wish_during_a_change_is_not_lost),
        cmocka_unit_test(a_reset_that_overtakes_an_answer_is_released_after_it),
        cmocka_unit_test(a_refused_command_leaves_the_guest_stopped),
        cmocka_unit_test(a_new_monitor_arms_again),
    };

    return cmocka_run_group_tests_name("supervisor-resets", tests, NULL, NULL);
}
