/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask for a departure, and when the guest may be given away. */
#include "bare_run.h"

#include <fcntl.h>

#include "departing.h"
#include "guest.h"

/* A guest under a QEMU that does what it is told, and the verb that asks for it. */
struct leaving {
    struct bare_run bare;
    struct guest guest;
    struct hf_departure_guest now;
    struct hf_departure departure;
    int verb; /* -1: none asks */
};

static struct hf_departure_guest guest_now(void *ctx)
{
    return ((struct leaving *)ctx)->now;
}

static int renew(void *ctx, struct hf_error *err)
{
    return 0;
}

static void begin(struct leaving *l)
{
    const struct hf_departure_ops ops = {.guest = guest_now, .renew = renew, .ctx = l};

    *l = (struct leaving){.now = {.vmm = "7.2", .machine = "pc-q35-7.2"}, .verb = -1};
    guest_new(&l->guest, NULL, NULL);
    (void)guest_power_on(&l->guest);
    bare_run_begin(&l->bare, true);
    l->bare.run.container = l->guest.c;
    (void)snprintf(l->bare.run.dir, sizeof l->bare.run.dir, "%s", l->guest.dir);
    hf_departure_init(&l->departure, &l->bare.run, &ops);
    assert_int_equal(hf_departure_listen(&l->departure, NULL), 0);
}

static void end(struct leaving *l)
{
    if (l->verb >= 0)
        (void)close(l->verb);
    hf_departure_close(&l->departure);
    bare_run_end(&l->bare);
    guest_free(&l->guest);
}

/* A line for the verb. The caller's reference; NULL: there is none, and the connection was ended. */
static json_t *hear(struct leaving *l)
{
    char line[4096];
    size_t used = 0;
    unsigned turns = 0;

    assert_int_equal(fcntl(l->verb, F_SETFL, O_NONBLOCK), 0);
    for (;;) {
        ssize_t n = read(l->verb, line + used, 1);

        if (n == 0)
            return NULL;
        if (n < 0) {
            assert_true(turns++ < 200);
            assert_int_equal(hf_loop_turn(&l->bare.run.loop, 1000, NULL), 0);
        } else if (line[used++] == '\n') {
            return json_loadb(line, used, 0, NULL);
        }
        assert_true(used < sizeof line);
    }
}

/* `peer`: the end of the connection that the guest would take; two descriptors are sent with the request. */
static void ask(struct leaving *l, json_t *request, int *peer)
{
    int pair[2];

    if (l->verb >= 0)
        (void)close(l->verb);
    assert_int_equal(hf_control_connect(l->guest.dir, &l->verb, NULL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(hf_control_ask(l->verb, request, (int[]){pair[0], pair[0]}, 2, NULL), 0);
    (void)close(pair[0]);
    *peer = pair[1];
}

static void expect_end(struct leaving *l, enum hf_code code, const char *text)
{
    json_t *line = hear(l);

    assert_int_equal(json_integer_value(json_object_get(line, "ended")), code);
    if (!strstr(json_string_value(json_object_get(line, "text")), text))
        fail_msg("'%s' is not in: %s", text, json_string_value(json_object_get(line, "text")));
    json_decref(line);
}

static void expect_refusal(struct leaving *l, json_t *request, enum hf_code code, const char *text)
{
    int peer;

    ask(l, request, &peer);
    expect_end(l, code, text);
    assert_null(l->departure.move);
    (void)close(peer);
}

static json_t *migrate(void)
{
    return json_pack("{s:s}", "do", "migrate");
}

static void a_guest_is_moved_only_while_it_is_here(void **state)
{
    struct leaving l;

    NEED_IMAGES();
    begin(&l);
    expect_refusal(&l, migrate(), HF_EOWNED, "the guest is starting");
    hf_departure_started(&l.departure);
    (void)hf_pause_hold(&l.bare.run.pause, HF_HOLD_STORAGE);
    expect_refusal(&l, migrate(), HF_EOWNED, "flash writes are stored");
    (void)hf_pause_drop(&l.bare.run.pause, HF_HOLD_STORAGE);
    expect_refusal(&l, json_pack("{s:s}", "do", "fly"), HF_EPROTO, "unknown");
    expect_refusal(&l, json_pack("{s:s, s:i}", "do", "migrate", "timeout", 0), HF_EPROTO, "timeout must be");
    l.departure.whereabouts = HF_GUEST_RESUMING;
    expect_refusal(&l, migrate(), HF_EOWNED, "previous migration");
    end(&l);
}

static void one_departure_at_a_time_and_it_ends_with_qemu(void **state)
{
    struct leaving l;
    json_t *line;
    int first, second;

    NEED_IMAGES();
    begin(&l);
    hf_departure_started(&l.departure);
    ask(&l, migrate(), &first);
    while (!l.departure.move)
        assert_int_equal(hf_loop_turn(&l.bare.run.loop, 1000, NULL), 0);
    second = dup(first);
    assert_int_equal(hf_control_ask(l.verb, migrate(), (int[]){second, second}, 2, NULL), 0);
    line = hear(&l);
    assert_int_equal(json_integer_value(json_object_get(line, "refused")), HF_EOWNED);
    json_decref(line);
    hf_departure_end(&l.departure);
    expect_end(&l, HF_EIO, "QEMU exited");
    assert_int_equal(l.departure.whereabouts, HF_GUEST_STARTING);
    (void)close(first);
    (void)close(second);
    end(&l);
}

static void expect_kept(struct leaving *l, const char *text)
{
    struct hf_error err;

    assert_true(hf_departing_mover.hold(&l->departure, &err) < 0);
    if (!strstr(err.text, text))
        fail_msg("'%s' is not in: %s", text, err.text);
    assert_string_equal(bare_run_told(&l->bare), "");
}

static void a_guest_that_changed_meanwhile_is_not_given_away(void **state)
{
    struct hf_departing move = {.before = HF_DEPARTING_RAN, .clock = 100};
    struct leaving l;

    NEED_IMAGES();
    begin(&l);
    l.departure.move = &move;
    l.now.clock = 100;
    (void)hf_pause_hold(&l.bare.run.pause, HF_HOLD_SERVER);
    expect_kept(&l, "not stored yet");
    (void)hf_pause_drop(&l.bare.run.pause, HF_HOLD_SERVER);
    l.now.is_reset = true;
    expect_kept(&l, "being reset");
    l.now.is_reset = false;
    move.before = HF_DEPARTING_STOPPED;
    expect_kept(&l, "paused by its operator");
    move.before = HF_DEPARTING_RAN;
    l.now.clock = 3700;
    expect_kept(&l, "set its clock");
    l.now.clock = 101;
    l.now.alive = l.now.on_trial = true;
    expect_kept(&l, "first sign of life");
    l.now.on_trial = false;
    assert_int_equal(hf_departing_mover.hold(&l.departure, NULL), 0);
    assert_string_equal(bare_run_told(&l.bare), " migrate-continue");
    assert_int_equal(move.qemu, HF_DEPARTURE_QEMU_CONTINUED);
    l.departure.move = NULL;
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_moved_only_while_it_is_here),
        cmocka_unit_test(one_departure_at_a_time_and_it_ends_with_qemu),
        cmocka_unit_test(a_guest_that_changed_meanwhile_is_not_given_away),
    };

    return cmocka_run_group_tests_name("supervisor-departure", tests, images_load, images_free);
}
