/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of a boot on trial: confirmed, reset, or waited for. */
#include "bare_run.h"

#include "guest.h"
#include "trial_timer.h"

#define TIMEOUT 30

/* A guest whose staged firmware was applied and runs, and what the rest of the run says. */
struct tried {
    struct bare_run bare;
    struct guest guest;
    struct hf_watch wanted;
    struct hf_trial_timer timer;
    bool still_booting, can_reset;
};

static bool still_booting(void *ctx)
{
    return ((struct tried *)ctx)->still_booting;
}

static bool can_reset(void *ctx)
{
    return ((struct tried *)ctx)->can_reset;
}

static void begin(struct tried *t, const char *const *settings)
{
    const struct hf_trial_timer_ops ops = {still_booting, can_reset, t};

    *t = (struct tried){.can_reset = true};
    guest_new(&t->guest, NULL, settings);
    (void)guest_stage(&t->guest, 1);
    (void)guest_power_on(&t->guest);
    bare_run_begin(&t->bare, true);
    t->bare.run.container = t->guest.c;
    ok(hf_lifecycle_watch(t->guest.c, false, &t->wanted, &why));
    assert_int_equal(t->wanted.life, HF_LIFE_TRIAL);
    t->wanted.timeout = TIMEOUT;
    hf_trial_timer_init(&t->timer, &t->bare.run, &t->wanted, &ops);
    hf_trial_timer_begin(&t->timer);
    hf_trial_timer_end(&t->timer); /* no second passes by itself: the test says how long the guest ran */
    assert_string_equal(bare_run_told(&t->bare), " query-blockstats");
}

static void end(struct tried *t)
{
    bare_run_end(&t->bare);
    guest_free(&t->guest);
}

static bool is_confirmed(struct tried *t)
{
    return guest_record(&t->guest).life == HF_LIFE_STEADY;
}

static void a_guest_without_a_sign_of_life_is_reset_once(void **state)
{
    static const struct {
        unsigned seconds;
        bool life, can_reset, reset;
    } rows[] = {
        {TIMEOUT - 1, false, true, false},
        {TIMEOUT, false, true, true},
        {TIMEOUT, true, true, false},
        {TIMEOUT, false, false, false}, /* another reset is under way */
    };
    struct tried t;

    NEED_IMAGES();
    begin(&t, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        t.timer.watch.running_ms = (int64_t)rows[i].seconds * 1000;
        t.timer.watch.life = rows[i].life;
        t.can_reset = rows[i].can_reset;
        hf_trial_timer_judge(&t.timer);
        assert_string_equal(bare_run_told(&t.bare), rows[i].reset ? " system_reset" : "");
        hf_trial_timer_judge(&t.timer);
        assert_string_equal(bare_run_told(&t.bare), "");
        assert_int_equal(hf_trial_timer_take_time_out(&t.timer), rows[i].reset);
        assert_false(hf_trial_timer_take_time_out(&t.timer));
    }
    end(&t);
}

/* Firmware that says how far it is, and stays there: what it read on the way proves nothing. */
static void firmware_that_hangs_is_reset_whatever_it_read(void **state)
{
    static const char *const by_mailbox[] = {"confirm-by=mailbox", NULL};
    struct tried t;

    NEED_IMAGES();
    begin(&t, by_mailbox);
    for (unsigned booting = 0; booting < 2; booting++) {
        t.timer.watch.running_ms = TIMEOUT * 1000;
        t.timer.watch.life = true;
        t.still_booting = booting != 0;
        hf_trial_timer_judge(&t.timer);
        assert_string_equal(bare_run_told(&t.bare), booting ? " system_reset" : "");
    }
    end(&t);
}

static void a_guest_that_ran_long_enough_is_confirmed(void **state)
{
    static const char *const by_uptime[] = {"confirm-by=uptime", "confirm-uptime=60", NULL};
    struct tried t;

    NEED_IMAGES();
    begin(&t, by_uptime);
    t.timer.watch.life = true;
    t.timer.watch.running_ms = 59000;
    hf_trial_timer_judge(&t.timer);
    assert_false(is_confirmed(&t));
    t.timer.watch.running_ms = 60000;
    hf_trial_timer_judge(&t.timer);
    assert_true(is_confirmed(&t));
    assert_non_null(strstr(t.bare.said, "the firmware on trial is confirmed by "));
    end(&t);
}

static void a_write_of_the_guest_is_a_sign_of_life(void **state)
{
    struct tried t;

    NEED_IMAGES();
    begin(&t, NULL);
    assert_false(hf_trial_timer_life(&t.timer));
    guest_write(&t.guest, 0x1000, "written");
    assert_true(hf_trial_timer_life(&t.timer));
    end(&t);
}

static void a_boot_on_no_trial_asks_nothing(void **state)
{
    json_t *opened = json_loads("{\"open\": true, \"id\": \"agent0\"}", 0, NULL);
    struct tried t;

    NEED_IMAGES();
    begin(&t, NULL);
    t.wanted.life = HF_LIFE_STEADY;
    hf_trial_timer_begin(&t.timer);
    hf_trial_timer_port(&t.timer, opened);
    hf_trial_timer_last_look(&t.timer);
    hf_trial_timer_booted(&t.timer);
    assert_string_equal(bare_run_told(&t.bare), "");
    assert_false(is_confirmed(&t));
    json_decref(opened);
    end(&t);
}

static void a_port_that_opens_is_told(void **state)
{
    json_t *open = json_loads("{\"open\":true,\"id\":\"agent0\"}", 0, NULL);
    json_t *closed = json_loads("{\"open\":false,\"id\":\"agent0\"}", 0, NULL);
    json_t *odd = json_loads("{\"open\":true,\"id\":7}", 0, NULL);

    assert_string_equal(hf_trial_opened_port(open), "agent0");
    assert_null(hf_trial_opened_port(closed));
    assert_null(hf_trial_opened_port(odd));
    json_decref(open);
    json_decref(closed);
    json_decref(odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_without_a_sign_of_life_is_reset_once),
        cmocka_unit_test(firmware_that_hangs_is_reset_whatever_it_read),
        cmocka_unit_test(a_guest_that_ran_long_enough_is_confirmed),
        cmocka_unit_test(a_write_of_the_guest_is_a_sign_of_life),
        cmocka_unit_test(a_boot_on_no_trial_asks_nothing),
        cmocka_unit_test(a_port_that_opens_is_told),
    };

    return cmocka_run_group_tests_name("supervisor-trial_timer", tests, images_load, images_free);
}
