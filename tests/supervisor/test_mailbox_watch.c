/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's half of a mailbox, made for a boot, and made anew for the next one. */
#include "ground.h"

#include "agreement.h"
#include "bare_run.h"
#include "mailbox_watch.h"
#include "mailbox_wire.h"

struct watched {
    struct bare_run bare;
    struct hf_machine machine;
    struct hf_mailbox_watch watch;
};

static void booted(void *ctx)
{
    fail_msg("no firmware reported anything");
}

static void begin(struct watched *w, enum hf_mailbox_mode mode)
{
    bare_run_begin(&w->bare, true);
    w->bare.answer = "24"; /* qom-get: where the device stands */
    w->bare.run.container = ground_container("g.hold");
    (void)snprintf(w->bare.run.dir, sizeof w->bare.run.dir, "%s", ground_dir);
    w->machine = (struct hf_machine){.type = "pc-q35-7.2"};
    hf_mailbox_watch_init(&w->watch, &w->bare.run, &w->machine, booted, NULL);
    w->watch.hw.mode = mode;
    OK(hf_mailbox_watch_open(&w->watch, &err));
}

static void end(struct watched *w)
{
    hf_mailbox_watch_close(&w->watch);
    assert_null(w->machine.mailbox);
    OK(hf_container_close(w->bare.run.container, &err));
    bare_run_end(&w->bare);
}

static size_t agreements(struct watched *w)
{
    struct hf_agreement list[HF_AGREEMENTS_MAX];
    size_t count = 0;

    OK(hf_agreement_list(w->bare.run.container, list, &count, &err));
    return count;
}

static void each_boot_gets_another_generation(void **state)
{
    static struct watched w;
    uint32_t first;

    begin(&w, HF_MAILBOX_ALWAYS);
    assert_string_equal(w.machine.mailbox, w.watch.window.path);
    OK(hf_mailbox_watch_publish(&w.watch, false, &err));
    assert_string_equal(bare_run_told(&w.bare), " qom-get");
    assert_int_equal(w.watch.devfn, 24);
    assert_true(agreements(&w) > 0); /* the offer, before the guest reads it */
    first = w.watch.host.generation;
    OK(hf_mailbox_watch_publish(&w.watch, false, &err));
    assert_string_equal(bare_run_told(&w.bare), ""); /* the device stays where it is */
    assert_true(first != 0 && w.watch.host.generation != 0 && w.watch.host.generation != first);
    assert_false(hf_mailbox_watch_still_booting(&w.watch)); /* nobody agreed to say so */
    end(&w);
}

static void half_a_mailbox_is_withdrawn(void **state)
{
    static struct watched w;
    const uint8_t *shown;

    begin(&w, HF_MAILBOX_ALWAYS);
    shown = w.watch.window.bytes + HF_MAILBOX_HOST_AT;
    OK(hf_mailbox_watch_publish(&w.watch, false, &err));
    assert_memory_equal(shown, HF_MAILBOX_HOST_MAGIC, 4);
    w.watch.negotiate = NULL;
    w.bare.answer = "256"; /* no place on a bus */
    FAILS(HF_EPROTO, hf_mailbox_watch_publish(&w.watch, false, &err));
    assert_null(w.watch.negotiate);
    assert_memory_equal(shown, "\0\0\0\0", 4);
    end(&w);
}

static void a_machine_without_one_does_nothing(void **state)
{
    static struct watched w;

    begin(&w, HF_MAILBOX_OFF);
    assert_null(w.machine.mailbox);
    assert_false(hf_mailbox_watch_is_on(&w.watch));
    OK(hf_mailbox_watch_publish(&w.watch, false, &err));
    hf_mailbox_watch_running(&w.watch);
    assert_string_equal(bare_run_told(&w.bare), "");
    assert_int_equal(agreements(&w), 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_boot_gets_another_generation, ground_setup, ground_teardown),
        cmocka_unit_test_setup_teardown(half_a_mailbox_is_withdrawn, ground_setup, ground_teardown),
        cmocka_unit_test_setup_teardown(a_machine_without_one_does_nothing, ground_setup, ground_teardown),
    };

    return cmocka_run_group_tests_name("supervisor-mailbox_watch", tests, NULL, NULL);
}
