/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest whose state goes to a file, or comes from one. */
#include "ground.h"

#include "arrival.h"
#include "bare_run.h"
#include "eventlog.h"

struct kept {
    struct bare_run bare;
    struct hf_machine machine;
    struct hf_arrival arrival;
};

static void begin(struct kept *k)
{
    bare_run_begin(&k->bare, true);
    k->bare.run.container = ground_container("g.hold");
    hf_arrival_init(&k->arrival, &k->bare.run, &k->machine);
}

static void end(struct kept *k)
{
    OK(hf_container_close(k->bare.run.container, &err));
    bare_run_end(&k->bare);
}

static void migration(struct kept *k, const char *status)
{
    json_t *data = json_pack("{s:s}", "status", status);

    hf_arrival_on_migration(&k->arrival, data);
    json_decref(data);
}

static int count(void *ctx, const struct hf_event *event)
{
    *(unsigned *)ctx += strcmp(event->kind, "suspend") == 0;
    return 0;
}

static unsigned suspensions(struct kept *k)
{
    unsigned found = 0;

    OK(hf_event_list(k->bare.run.container, 0, count, &found, &err));
    return found;
}

static void a_guest_that_ends_with_its_state_in_a_file_is_suspended(void **state)
{
    static const struct {
        const char *status;
        bool ran_on, suspended;
    } rows[] = {
        {"completed", false, true},
        {"completed", true, false}, /* 'cont' made the file an old one */
        {"failed", false, false},
        {"active", false, false},
    };
    struct kept k;

    begin(&k);
    hf_arrival_begin(&k.arrival, false);
    assert_string_equal(bare_run_told(&k.bare), " migrate-set-capabilities");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned before = suspensions(&k);

        migration(&k, rows[i].status);
        if (rows[i].ran_on)
            hf_arrival_on_resume(&k.arrival);
        hf_arrival_end(&k.arrival);
        assert_int_equal(suspensions(&k) - before, rows[i].suspended);
        hf_arrival_end(&k.arrival); /* once */
        assert_int_equal(suspensions(&k) - before, rows[i].suspended);
    }
    end(&k);
}

static void a_run_that_failed_records_nothing(void **state)
{
    struct hf_error fault;
    struct kept k;

    begin(&k);
    migration(&k, "completed");
    (void)hf_error_set(&fault, HF_EIO, "the loop failed");
    hf_run_fail(&k.bare.run, &fault);
    hf_arrival_end(&k.arrival);
    assert_int_equal(suspensions(&k), 0);
    k.bare.run.fault.code = HF_OK;
    end(&k);
}

static void a_state_is_compared_once_it_is_all_there(void **state)
{
    struct kept k;

    begin(&k);
    k.bare.answer = "{\"status\": \"inmigrate\"}";
    hf_arrival_begin(&k.arrival, true);
    while (!strstr(k.bare.told, "query-status query-status")) {
        assert_int_equal(hf_loop_turn(&k.bare.run.loop, -1, NULL), 0);
        assert_int_equal(k.bare.run.todo, 0);
    }
    k.bare.answer = "{\"status\": \"paused\"}";
    while (!k.bare.run.todo)
        assert_int_equal(hf_loop_turn(&k.bare.run.loop, -1, NULL), 0);
    assert_int_equal(k.bare.run.todo, HF_TODO_ARRIVED);
    hf_arrival_end(&k.arrival);
    end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_guest_that_ends_with_its_state_in_a_file_is_suspended, ground_setup,
                                        ground_teardown),
        cmocka_unit_test_setup_teardown(a_run_that_failed_records_nothing, ground_setup, ground_teardown),
        cmocka_unit_test_setup_teardown(a_state_is_compared_once_it_is_all_there, ground_setup, ground_teardown),
    };

    return cmocka_run_group_tests_name("supervisor-arrival", tests, NULL, NULL);
}
