/* SPDX-License-Identifier: BSD-2-Clause */
/* When a guest is stopped for its flash server, and when it continues. */
#include "bare_run.h"

#include "server_watch.h"

struct served {
    struct bare_run bare;
    struct hf_machine machine;
    struct hf_server_watch watch;
};

static void begin(struct served *s, bool without_storage)
{
    bare_run_begin(&s->bare, true);
    s->bare.options.continue_without_storage = without_storage;
    s->machine = (struct hf_machine){.type = "q35"};
    hf_server_watch_init(&s->watch, &s->bare.run, &s->machine);
}

static void hear(struct served *s, enum hf_nbd_status_kind kind, const char *text)
{
    struct hf_nbd_status status = {.kind = kind, .bytes = 4096};

    (void)snprintf(status.text, sizeof status.text, "%s", text);
    hf_server_watch_hear(&s->watch, &status);
}

static void a_guest_is_stopped_while_storage_is_behind(void **state)
{
    struct served s;

    begin(&s, false);
    hear(&s, HF_NBD_BEHIND, "disk full");
    assert_string_equal(bare_run_told(&s.bare), " stop");
    assert_non_null(strstr(s.bare.said, "storage is behind by 4096 bytes: disk full; the guest is stopped"));
    hf_pause_on_stop(&s.bare.run.pause);
    s.bare.said[0] = '\0';
    hear(&s, HF_NBD_BEHIND, "disk full"); /* the same trouble is told once */
    assert_string_equal(s.bare.said, "");
    assert_string_equal(bare_run_told(&s.bare), "");
    hear(&s, HF_NBD_CAUGHT_UP, "");
    assert_string_equal(bare_run_told(&s.bare), " cont");
    assert_string_equal(s.bare.said, "storage has caught up\n");
    bare_run_end(&s.bare);
}

static void its_owner_may_have_it_run_on(void **state)
{
    for (unsigned later = 0; later < 2; later++) {
        struct served s;

        begin(&s, later == 0);
        hear(&s, HF_NBD_BEHIND, "disk full");
        assert_string_equal(bare_run_told(&s.bare), later ? " stop" : "");
        if (later) {
            hf_pause_on_stop(&s.bare.run.pause);
            hf_server_watch_go_on(&s.watch);
            assert_string_equal(bare_run_told(&s.bare), " cont");
            (void)hf_pause_on_resume(&s.bare.run.pause);
        }
        hear(&s, HF_NBD_BEHIND, "disk full"); /* from now on, too */
        assert_string_equal(bare_run_told(&s.bare), "");
        bare_run_end(&s.bare);
    }
}

/* One hold of several. */
static void a_guest_that_waits_for_its_server_stays_stopped_when_storage_has_caught_up(void **state)
{
    struct served s;

    begin(&s, false);
    hear(&s, HF_NBD_BEHIND, "disk full");
    hf_pause_on_stop(&s.bare.run.pause);
    (void)hf_pause_hold(&s.bare.run.pause, HF_HOLD_SERVER);
    hear(&s, HF_NBD_CAUGHT_UP, "");
    assert_string_equal(bare_run_told(&s.bare), " stop"); /* and not to continue */
    bare_run_end(&s.bare);
}

/* Nothing to compare: a machine without a variable bank, or a guest that is not all here. */
static void a_guest_continues_when_its_server_is_back(void **state)
{
    for (unsigned complete = 0; complete < 2; complete++) {
        struct served s;

        begin(&s, false);
        s.machine.vars_size = complete ? 0 : 4096;
        hf_run_pause(&s.bare.run, hf_pause_hold(&s.bare.run.pause, HF_HOLD_SERVER));
        hf_pause_on_stop(&s.bare.run.pause);
        s.bare.run.todo = HF_TODO_VERIFY | HF_TODO_DECIDE;
        assert_string_equal(bare_run_told(&s.bare), " stop");
        hf_server_watch_verify(&s.watch, complete != 0);
        assert_int_equal(s.bare.run.todo, HF_TODO_DECIDE);
        assert_string_equal(bare_run_told(&s.bare), " cont");
        assert_string_equal(s.bare.said, "the guest's variables are safe; it continues as before\n");
        bare_run_end(&s.bare);
    }
}

static void what_the_server_says_is_told(void **state)
{
    struct served s;

    begin(&s, false);
    hear(&s, HF_NBD_ALARM, "page 3 is damaged");
    hear(&s, HF_NBD_FAILED, "the lock is lost");
    hear(&s, HF_NBD_READY, "not for the owner");
    hear(&s, (enum hf_nbd_status_kind)(HF_NBD_DIED + 1), "unknown");
    assert_string_equal(s.bare.said, "page 3 is damaged\nthe flash server gives up: the lock is lost\n");
    assert_string_equal(bare_run_told(&s.bare), "");
    bare_run_end(&s.bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_stopped_while_storage_is_behind),
        cmocka_unit_test(its_owner_may_have_it_run_on),
        cmocka_unit_test(a_guest_that_waits_for_its_server_stays_stopped_when_storage_has_caught_up),
        cmocka_unit_test(a_guest_continues_when_its_server_is_back),
        cmocka_unit_test(what_the_server_says_is_told),
    };

    return cmocka_run_group_tests_name("supervisor-server_watch", tests, NULL, NULL);
}
