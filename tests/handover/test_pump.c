/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pump and the relay of QEMU's stream, at both ends of a hand-over: one end is a pump in a loop, as a supervisor has it;
 * the other an exchange that the test moves by hand, so that it decides when that end reads and writes. QEMU is a socket.
 */
#include "ends.h"

#include <pthread.h>

#define STREAM_SIZE (24U << 20)
/* What may lie between two QEMUs: a buffer in each relay, what the exchange takes ahead, and the sockets'. */
#define BETWEEN_MAX (8U << 20)

/* QEMU here writes more of its stream, as much as is taken. */
static uint64_t say(int qemu, uint64_t at, uint64_t until)
{
    static uint8_t buffer[50021];

    while (at < until) {
        size_t want = until - at < sizeof buffer ? (size_t)(until - at) : sizeof buffer;
        ssize_t n;

        for (size_t i = 0; i < want; i++)
            buffer[i] = stream_byte(at + i);
        n = write(qemu, buffer, want);
        if (n <= 0)
            break;
        at += (uint64_t)n;
    }
    return at;
}

/* ---- the source ---- */

static void meet_as_source(struct ends *e)
{
    begin(e, true);
    turn_until_seen(e, HF_EXCHANGE_PEER);
    OK(hf_exchange_offer(hf_pump_exchange(e->pump), true, NOW, &err));
    hf_pump_turn(e->pump);
    turn_until_seen(e, HF_EXCHANGE_READY);
    OK(hf_stream_relay_read(e->relay, e->pump, &err));
}

static void a_stream_goes_out_whole_and_its_end_is_told_once(void **state)
{
    struct ends e;
    uint64_t said = 0;

    meet_as_source(&e);
    for (unsigned i = 0; i < TURNS && e.heard < STREAM_SIZE; i++) {
        said = say(e.qemu, said, STREAM_SIZE);
        (void)turn(&e, true);
    }
    assert_int_equal(e.heard, STREAM_SIZE);
    assert_false(e.wrong);
    assert_false(hf_stream_relay_is_done(e.relay));
    assert_false(e.seen & 1U << HF_EXCHANGE_STREAM_END);
    (void)close(hf_take_fd(e.qemu));
    turn_until_heard(&e, HF_EXCHANGE_STREAM_END);
    assert_true(hf_stream_relay_is_done(e.relay));
    assert_int_equal(hf_stream_relay_bytes(e.relay), STREAM_SIZE);
    assert_true(hf_pump_is_open(e.pump));
    OK(hf_exchange_grant(hf_pump_exchange(e.pump), NOW, &err)); /* the hand-over goes on behind the stream */
    hf_pump_turn(e.pump);
    turn_until_heard(&e, HF_EXCHANGE_GRANTED);
    ground_host(e.other);
    OK(hf_exchange_claim(e.hand, NOW, &err));
    ground_host(e.host);
    turn_until_seen(&e, HF_EXCHANGE_DEPARTED);
    finish(&e);
}

static void a_side_that_does_not_read_stops_qemu(void **state)
{
    struct ends e;
    uint64_t said = 0, before;

    meet_as_source(&e);
    do {
        before = said;
        said = say(e.qemu, said, STREAM_SIZE);
    } while (turn(&e, false) || said != before);
    assert_in_range(said, 1, BETWEEN_MAX);
    assert_true(hf_pump_is_open(e.pump));
    for (unsigned i = 0; i < TURNS && e.heard < STREAM_SIZE; i++) { /* and then it reads */
        said = say(e.qemu, said, STREAM_SIZE);
        (void)turn(&e, true);
    }
    assert_int_equal(e.heard, STREAM_SIZE);
    assert_false(e.wrong);
    finish(&e);
}

static void what_came_before_the_end_of_the_connection_is_heard(void **state)
{
    struct ends e;

    begin(&e, true);
    for (unsigned i = 0; i < 10; i++)
        move_hand(&e); /* it introduces itself ... */
    OK(hf_loop_turn(&e.loop, 0, &err));
    move_hand(&e);
    (void)close(e.fd); /* ... and is gone */
    e.fd = -1;
    for (unsigned i = 0; i < 100 && hf_pump_is_open(e.pump); i++)
        (void)turn(&e, false);
    assert_true(hf_pump_seen(e.pump, HF_EXCHANGE_PEER));
    assert_false(hf_pump_is_open(e.pump));
    assert_int_equal(hf_pump_fault(e.pump)->code, HF_EIO);
    assert_true(e.news >= 2);
    hf_pump_forget(e.pump, HF_EXCHANGE_PEER);
    assert_false(hf_pump_seen(e.pump, HF_EXCHANGE_PEER));
    finish(&e);
}

static void a_peer_that_talks_nonsense_is_told_so_and_left(void **state)
{
    static const char nonsense[] = "Last login: Tue Nov 14 22:13:20 2023 from alpha, welcome to beta!";
    struct ends e;
    char text[65536], why[HF_ERROR_TEXT_MAX];
    ssize_t n, used = 0;

    begin(&e, true);
    assert_int_equal(write(e.fd, nonsense, sizeof nonsense), sizeof nonsense);
    for (unsigned i = 0; i < 100 && hf_pump_is_open(e.pump); i++)
        (void)turn(&e, false);
    assert_false(hf_pump_is_open(e.pump));
    assert_int_equal(hf_pump_fault(e.pump)->code, HF_EPROTO);
    (void)snprintf(why, sizeof why, "%s", hf_pump_fault(e.pump)->text);
    hf_pump_close(e.pump, 1000);
    e.pump = NULL;
    while ((n = read(e.fd, text + used, sizeof text - (size_t)used)) > 0)
        used += n;
    assert_int_equal(n, 0); /* closed, and before that: HELLO, and why it was left */
    assert_non_null(memmem(text, (size_t)used, "\"side\"", 6));
    assert_non_null(memmem(text, (size_t)used, why, strlen(why)));
    finish(&e);
}

struct reader {
    int fd;
    char last[256];
    size_t used;
};

static void *read_to_the_end(void *arg)
{
    struct reader *r = arg;
    char buffer[4096];
    ssize_t n;

    (void)fcntl(r->fd, F_SETFL, 0);
    while ((n = read(r->fd, buffer, sizeof buffer)) > 0) {
        size_t keep = (size_t)n < sizeof r->last ? (size_t)n : sizeof r->last;

        if (r->used + keep > sizeof r->last) {
            size_t drop = r->used + keep - sizeof r->last;

            memmove(r->last, r->last + drop, r->used - drop);
            r->used -= drop;
        }
        memcpy(r->last + r->used, buffer + n - keep, keep);
        r->used += keep;
    }
    return NULL;
}

static void last_words_wait_for_a_slow_reader(void **state)
{
    static const char why[] = "called off by the operator";
    struct reader reader;
    struct ends e;
    pthread_t thread;
    uint64_t said = 0, before;

    meet_as_source(&e);
    do {
        before = said;
        said = say(e.qemu, said, STREAM_SIZE);
    } while (turn(&e, false) || said != before);
    OK(hf_exchange_cancel(hf_pump_exchange(e.pump), why, &err));
    reader = (struct reader){.fd = e.fd};
    assert_int_equal(pthread_create(&thread, NULL, read_to_the_end, &reader), 0);
    hf_pump_close(e.pump, 60000);
    e.pump = NULL;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_non_null(memmem(reader.last, reader.used, why, strlen(why)));
    finish(&e);
}

/* ---- the destination ---- */

static void meet_as_destination(struct ends *e)
{
    begin(e, false);
    turn_until_heard(e, HF_EXCHANGE_PEER);
    ground_host(e->other);
    OK(hf_exchange_offer(e->hand, true, NOW, &err));
    ground_host(e->host);
    turn_until_heard(e, HF_EXCHANGE_READY);
}

/* The hand gives more of the stream to the connection, as far as it takes it; returns how far that is. */
static uint64_t put(struct ends *e, uint64_t at, uint64_t until)
{
    static uint8_t buffer[70001];

    ground_host(e->other);
    while (at < until) {
        size_t want = until - at < sizeof buffer ? (size_t)(until - at) : sizeof buffer;
        int n;

        for (size_t i = 0; i < want; i++)
            buffer[i] = stream_byte(at + i);
        n = hf_exchange_put_stream(e->hand, buffer, want, NULL);
        assert_true(n >= 0);
        at += (uint64_t)n;
        if (n == 0)
            break;
    }
    ground_host(e->host);
    return at;
}

/* QEMU here takes what there is; false: it saw the end. */
static bool take(struct ends *e, uint64_t *taken, bool *wrong)
{
    static uint8_t buffer[30011];
    ssize_t n;

    while ((n = read(e->qemu, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            *wrong |= buffer[i] != stream_byte(*taken + (uint64_t)i);
        *taken += (uint64_t)n;
    }
    return n != 0;
}

static void a_stream_comes_in_whole_and_then_its_end(void **state)
{
    uint64_t given = 0, taken = 0;
    bool wrong = false, more = true;
    struct ends e;

    meet_as_destination(&e);
    for (unsigned i = 0; i < TURNS && taken < STREAM_SIZE; i++) {
        given = put(&e, given, STREAM_SIZE);
        (void)turn(&e, true);
        more = take(&e, &taken, &wrong);
        assert_true(more);
    }
    assert_false(wrong);
    assert_false(hf_pump_seen(e.pump, HF_EXCHANGE_STREAM_END));
    ground_host(e.other);
    assert_int_equal(hf_exchange_put_stream(e.hand, NULL, 0, NULL), 1);
    turn_until_seen(&e, HF_EXCHANGE_STREAM_END);
    assert_true(take(&e, &taken, &wrong)); /* QEMU is told by whoever heard it */
    hf_stream_relay_end(e.relay);
    assert_false(take(&e, &taken, &wrong));
    assert_int_equal(taken, STREAM_SIZE);
    finish(&e);
}

static void a_qemu_that_takes_nothing_stops_the_other_side_and_is_waited_for(void **state)
{
    uint64_t given = 0, before, taken = 0;
    bool wrong = false;
    struct ends e;

    meet_as_destination(&e);
    do {
        before = given;
        given = put(&e, given, STREAM_SIZE);
    } while (turn(&e, true) || given != before);
    assert_in_range(given, 1, BETWEEN_MAX);
    assert_true(hf_pump_is_open(e.pump));
    assert_int_equal(hf_pump_silent_ms(e.pump), 0); /* it is not the peer that is silent */
    for (unsigned i = 0; i < TURNS && taken < STREAM_SIZE; i++) {
        assert_true(take(&e, &taken, &wrong));
        given = put(&e, given, STREAM_SIZE);
        (void)turn(&e, true);
    }
    assert_int_equal(taken, STREAM_SIZE);
    assert_false(wrong);
    finish(&e);
}

static void a_qemu_that_is_gone_holds_nobody_up(void **state)
{
    uint64_t given = 0;
    struct ends e;

    meet_as_destination(&e);
    (void)close(hf_take_fd(e.qemu));
    for (unsigned i = 0; i < TURNS && given < STREAM_SIZE; i++) {
        given = put(&e, given, STREAM_SIZE);
        (void)turn(&e, true);
    }
    assert_int_equal(given, STREAM_SIZE);
    ground_host(e.other);
    OK(hf_exchange_grant(e.hand, NOW, &err));
    ground_host(e.host);
    turn_until_seen(&e, HF_EXCHANGE_GRANTED);
    finish(&e);
}

/* ---- either ---- */

static void what_cannot_be_opened_is_let_go(void **state)
{
    struct ends e = {.host = "a"};
    const struct hf_pump_ops ops = {.news = news, .ctx = &e};
    struct hf_exchange *x;
    struct hf_pump *pump;
    int pair[2];

    hf_loop_init(&e.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (int i = 0; i < HF_LOOP_WATCHES_MAX; i++)
        e.loop.watches[i].fd = pair[0]; /* full */
    x = source(&e);
    FAILS(HF_ENOMEM, hf_pump_open(x, pair[1], pair[1], &e.loop, &ops, &pump, &err));
    assert_int_equal(fcntl(pair[1], F_GETFD), -1);
    (void)close(pair[0]);
    OK(hf_container_close(e.c, &err));
}

int main(void)
{
#define IT(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)
    const struct CMUnitTest tests[] = {
        IT(a_stream_goes_out_whole_and_its_end_is_told_once),
        IT(a_side_that_does_not_read_stops_qemu),
        IT(what_came_before_the_end_of_the_connection_is_heard),
        IT(a_peer_that_talks_nonsense_is_told_so_and_left),
        IT(last_words_wait_for_a_slow_reader),
        IT(a_stream_comes_in_whole_and_then_its_end),
        IT(a_qemu_that_takes_nothing_stops_the_other_side_and_is_waited_for),
        IT(a_qemu_that_is_gone_holds_nobody_up),
        IT(what_cannot_be_opened_is_let_go),
    };

    return cmocka_run_group_tests_name("handover-pump", tests, NULL, NULL);
}
