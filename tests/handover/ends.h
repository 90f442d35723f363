/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both ends of a hand-over: one is a pump in a loop, as a supervisor has it; the other an exchange that the test moves
 * by hand, so that it decides when that end reads and writes. QEMU is a socket.
 */
#ifndef HF_TEST_ENDS_H
#define HF_TEST_ENDS_H

#include "ground.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "exchange.h"
#include "pump.h"
#include "stream_relay.h"

#define TURNS 10000

struct ends {
    struct hf_loop loop;
    struct hf_pump *pump;
    struct hf_stream_relay *relay;
    struct hf_container *c; /* the source's */
    struct hf_exchange *hand;
    const char *host, *other; /* of the pump, of the hand */
    int fd;                   /* the hand's; -1: closed */
    int qemu;                 /* of the pump's side */
    unsigned news;
    unsigned seen;          /* by the hand: a bit for each event */
    uint64_t heard;         /* of the stream, by the hand */
    bool wrong;             /* it was other bytes */
    struct hf_error failed; /* the hand's */
};

/* Byte `at` of the stream; no power of two long, so that a piece that is lost or repeated shows. */
static inline uint8_t stream_byte(uint64_t at)
{
    return (uint8_t)(at % 251);
}

static inline void news(void *ctx)
{
    ((struct ends *)ctx)->news++;
}

static inline bool stream(void *ctx, const void *bytes, size_t size)
{
    struct ends *e = ctx;

    return hf_stream_relay_put(e->relay, e->pump, bytes, size);
}

static inline bool fill(void *ctx)
{
    struct ends *e = ctx;

    return e->relay && hf_stream_relay_fill(e->relay);
}

static inline void no_waiting(int fd)
{
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static inline struct hf_exchange *source(struct ends *e)
{
    struct hf_exchange *x;

    e->c = ground_container("g.hold");
    OK(hf_exchange_source(e->c, NULL, &x, &err));
    return x;
}

static inline struct hf_exchange *destination(void)
{
    struct hf_exchange_place place = {.path = ground_path("moved.hold"), .caps = "{\"schema\": 1}", .caps_size = 13};
    struct hf_exchange *x;

    OK(hf_exchange_destination(&place, &x, &err));
    return x;
}

/* A connection between the hand and a pump of `x`. */
static inline void connect_ends(struct ends *e, struct hf_exchange *x, bool is_source)
{
    const struct hf_pump_ops ops = {
        .news = news, .stream = is_source ? NULL : stream, .fill = is_source ? fill : NULL, .ctx = e};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    e->fd = pair[0];
    no_waiting(e->fd);
    OK(hf_pump_open(x, pair[1], pair[1], &e->loop, &ops, &e->pump, &err));
}

/* The pump is the source, on host "a", or the destination, on host "b". */
static inline void begin(struct ends *e, bool is_source)
{
    struct hf_exchange *x;

    *e = (struct ends){.host = is_source ? "a" : "b", .other = is_source ? "b" : "a"};
    ground_host(e->other);
    e->hand = is_source ? destination() : source(e);
    ground_host(e->host);
    x = is_source ? source(e) : destination();
    hf_loop_init(&e->loop);
    OK(hf_stream_relay_open(&e->loop, &e->relay, &e->qemu, &err));
    no_waiting(e->qemu);
    connect_ends(e, x, is_source);
}

static inline void finish(struct ends *e)
{
    ground_host(e->host);
    hf_pump_close(e->pump, 0);
    hf_stream_relay_close(e->relay);
    ground_host(e->other);
    hf_exchange_free(e->hand);
    if (e->fd >= 0)
        (void)close(e->fd);
    if (e->qemu >= 0)
        (void)close(e->qemu);
    if (e->c)
        OK(hf_container_close(e->c, &err));
}

static inline void hear_stream(struct ends *e)
{
    size_t size;
    const uint8_t *bytes = hf_exchange_stream(e->hand, &size);

    for (size_t i = 0; i < size; i++)
        e->wrong |= bytes[i] != stream_byte(e->heard + i);
    e->heard += size;
}

static inline int hear(struct ends *e)
{
    enum hf_exchange_event event;
    int r;

    while ((r = hf_exchange_next(e->hand, NOW, &event, &e->failed)) == 0 && event != HF_EXCHANGE_NONE) {
        e->seen |= 1U << event;
        if (event == HF_EXCHANGE_STREAM)
            hear_stream(e);
    }
    return r;
}

/* The hand reads and writes what it can. */
static inline void move_hand(struct ends *e)
{
    static uint8_t buffer[1 << 16];
    const uint8_t *bytes;
    size_t room, size;
    ssize_t n;

    ground_host(e->other);
    while ((room = hf_exchange_room(e->hand)) > 0 &&
           (n = read(e->fd, buffer, room < sizeof buffer ? room : sizeof buffer)) > 0) {
        OK(hf_exchange_feed(e->hand, buffer, (size_t)n, &err));
        if (hear(e) < 0)
            break;
    }
    while (hf_exchange_output(e->hand, &bytes, &size, &e->failed) == 0 && size > 0) {
        n = write(e->fd, bytes, size);
        if (n <= 0)
            break;
        hf_exchange_written(e->hand, (size_t)n);
    }
    ground_host(e->host);
}

/* Everything that can move moves; false: nothing did. */
static inline bool turn(struct ends *e, bool hand)
{
    unsigned news_before = e->news, seen = e->seen;
    uint64_t heard = e->heard, bytes = hf_stream_relay_bytes(e->relay);

    OK(hf_loop_turn(&e->loop, 0, &err));
    if (hand && e->fd >= 0)
        move_hand(e);
    OK(hf_loop_turn(&e->loop, 0, &err));
    return news_before != e->news || seen != e->seen || heard != e->heard || bytes != hf_stream_relay_bytes(e->relay);
}

static inline void turn_until_seen(struct ends *e, enum hf_exchange_event event)
{
    for (unsigned i = 0; i < TURNS && !hf_pump_seen(e->pump, event); i++)
        (void)turn(e, true);
    if (!hf_pump_seen(e->pump, event))
        fail_msg("event %d never came: %s %s", (int)event, hf_pump_fault(e->pump)->text, e->failed.text);
}

static inline void turn_until_heard(struct ends *e, enum hf_exchange_event event)
{
    for (unsigned i = 0; i < TURNS && !(e->seen & 1U << event); i++)
        (void)turn(e, true);
    if (!(e->seen & 1U << event))
        fail_msg("the hand never had event %d: %s %s", (int)event, hf_pump_fault(e->pump)->text, e->failed.text);
}

#endif
