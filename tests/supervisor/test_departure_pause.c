/* SPDX-License-Identifier: BSD-2-Clause */
/* Which guest is paused while it moves, and which runs again where the move fails. */
#include "unit.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "departing.h"

/* A guest that is about to move. Its QEMU is a process that answers, and counts in its exit status what it was told. */
struct leaving {
    struct hf_run run;
    struct hf_departure departure;
    struct hf_departing move;
    pid_t qemu;
};

enum { KVM, EMULATED, UNKNOWN };

static const char *const answers[] = {[KVM] = "\"return\": {\"enabled\": true, \"present\": true}",
                                      [EMULATED] = "\"return\": {\"enabled\": false, \"present\": true}",
                                      [UNKNOWN] = "\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}"};

/* Never returns. */
static void be_qemu(int fd, unsigned kind)
{
    FILE *in = fdopen(fd, "r");
    char line[1024];
    int stops = 0;

    dprintf(fd, "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, "
                "\"capabilities\": []}}\n");
    while (in && fgets(line, sizeof line, in)) {
        json_t *said = json_loads(line, 0, NULL);
        const char *command = json_string_value(json_object_get(said, "execute"));
        json_int_t id = json_integer_value(json_object_get(said, "id"));

        stops += command && !strcmp(command, "stop");
        dprintf(fd, "{%s, \"id\": %lld}\n", command && !strcmp(command, "query-kvm") ? answers[kind] : "\"return\": {}",
                (long long)id);
        json_decref(said);
    }
    _exit(stops);
}

static void begin(struct leaving *l, unsigned kind, bool running, bool live_emulated)
{
    int pair[2];

    *l = (struct leaving){
        .departure = {.run = &l->run, .move = &l->move},
        .move = {.before = running ? HF_DEPARTING_RAN : HF_DEPARTING_PAUSED, .live_emulated = live_emulated}};
    hf_pause_init(&l->run.pause, running);
    hf_loop_init(&l->run.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    l->qemu = fork();
    assert_true(l->qemu >= 0);
    if (l->qemu == 0) {
        close(pair[0]);
        be_qemu(pair[1], kind);
    }
    close(pair[1]);
    assert_int_equal(hf_monitor_new(pair[0], &l->run.loop, &l->run.monitor, NULL), 0);
    assert_int_equal(hf_monitor_wait_ready(l->run.monitor, 10000, NULL), 0);
}

/* How often its QEMU was told to stop. */
static int end(struct leaving *l)
{
    int status;

    hf_monitor_free(l->run.monitor);
    assert_int_equal(waitpid(l->qemu, &status, 0), l->qemu);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void an_emulated_guest_is_paused_and_runs_again(void **state)
{
    struct leaving l;

    begin(&l, EMULATED, true, false);
    assert_int_equal(hf_departing_pause_emulated(&l.departure, NULL), 0);
    assert_true(hf_pause_holds(&l.run.pause, HF_HOLD_MOVE) && l.move.stood_at != 0);
    hf_pause_on_stop(&l.run.pause);
    assert_true(hf_departing_end_pause(&l.departure));
    assert_false(hf_pause_holds(&l.run.pause, HF_HOLD_MOVE));
    assert_int_equal(end(&l), 1);
}

static void one_of_kvm_or_that_is_wanted_live_is_not(void **state)
{
    for (unsigned live = 0; live < 2; live++) {
        struct leaving l;

        begin(&l, live ? EMULATED : KVM, true, live != 0);
        assert_int_equal(hf_departing_pause_emulated(&l.departure, NULL), 0);
        assert_false(hf_pause_holds(&l.run.pause, HF_HOLD_MOVE) || l.move.stood_at);
        assert_true(hf_departing_end_pause(&l.departure)); /* QEMU itself pauses it at the end */
        l.move.before = HF_DEPARTING_STOPPED;              /* by its operator, meanwhile */
        assert_false(hf_departing_end_pause(&l.departure));
        assert_int_equal(end(&l), 0);
    }
}

static void one_that_its_operator_paused_stays_paused(void **state)
{
    struct leaving l;

    begin(&l, EMULATED, false, false);
    assert_int_equal(hf_departing_pause_emulated(&l.departure, NULL), 0);
    assert_true(hf_pause_holds(&l.run.pause, HF_HOLD_MOVE));
    assert_false(hf_departing_end_pause(&l.departure));
    assert_int_equal(end(&l), 0);
}

static void one_that_cannot_be_stored_stays_paused(void **state)
{
    struct leaving l;

    begin(&l, EMULATED, true, false);
    assert_int_equal(hf_departing_pause_emulated(&l.departure, NULL), 0);
    hf_pause_on_stop(&l.run.pause);
    assert_int_equal(hf_pause_hold(&l.run.pause, HF_HOLD_STORAGE), HF_PAUSE_NOTHING);
    assert_false(hf_departing_end_pause(&l.departure));
    assert_int_equal(hf_pause_drop(&l.run.pause, HF_HOLD_STORAGE), HF_PAUSE_CONT);
    assert_int_equal(end(&l), 1);
}

static void where_qemu_cannot_be_asked_nothing_moves(void **state)
{
    struct hf_error err;
    struct leaving l;

    begin(&l, UNKNOWN, true, false);
    assert_int_equal(hf_departing_pause_emulated(&l.departure, &err), -HF_EREFUSED);
    assert_false(hf_pause_holds(&l.run.pause, HF_HOLD_MOVE));
    assert_int_equal(end(&l), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_emulated_guest_is_paused_and_runs_again),
        cmocka_unit_test(one_of_kvm_or_that_is_wanted_live_is_not),
        cmocka_unit_test(one_that_its_operator_paused_stays_paused),
        cmocka_unit_test(one_that_cannot_be_stored_stays_paused),
        cmocka_unit_test(where_qemu_cannot_be_asked_nothing_moves),
    };

    return cmocka_run_group_tests_name("supervisor-departure-pause", tests, NULL, NULL);
}
