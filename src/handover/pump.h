/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One side of a hand-over (exchange.h) on a pair of descriptors, inside a loop: reads, acts and writes as far as that
 * goes without waiting. Everything that moves a container uses it; what they do at an event differs.
 *
 * After a call that makes the exchange speak, outside of `event`, call hf_pump_turn(). One thread.
 */
#ifndef HF_PUMP_H
#define HF_PUMP_H

#include "exchange.h"
#include "loop.h"

/* The default of every time-out for a silent peer, and the largest, in seconds. */
#define HF_PEER_TIMEOUT     120
#define HF_PEER_TIMEOUT_MAX 86400

struct hf_pump;

enum hf_pump_state {
    HF_PUMP_OPEN,
    HF_PUMP_ENDED,  /* the connection was closed or broke */
    HF_PUMP_FAILED, /* the exchange failed, or `event` did */
};

struct hf_pump_ops {
    /* Every event but STREAM, in order, at once. Negative ends it: the peer is told why unless a grant forbids that.
     * NULL: events are kept in a mask and acted on between turns: hf_pump_seen(). */
    int (*event)(void *ctx, enum hf_exchange_event event, struct hf_error *err);
    /* Something new: hf_pump_seen(), hf_pump_state(). Called from inside the loop; it only takes a note. May be NULL.
     */
    void (*news)(void *ctx);
    /* Destination: bytes for QEMU. True when they are all taken; false: the callee keeps them, and the pump waits for
     * hf_pump_resume(). NULL: dropped. */
    bool (*stream)(void *ctx, const void *bytes, size_t size);
    /* Source: everything is written, so there is room for more of QEMU's stream; true when some was put. May be NULL.
     */
    bool (*fill)(void *ctx);
    void *ctx;
};

/* Takes both descriptors (they may be the same) and the exchange, also on failure. Nothing is read or written yet. */
int hf_pump_open(struct hf_exchange *exchange, int in, int out, struct hf_loop *loop, const struct hf_pump_ops *ops,
                 struct hf_pump **out_pump, struct hf_error *err);

/* Waits at most `grace_ms` until everything that this side has to say is written. */
void hf_pump_flush(struct hf_pump *pump, int grace_ms);

/* Flushes and ends the connection. detach: the exchange is the caller's again. close: NULL is allowed. */
struct hf_exchange *hf_pump_detach(struct hf_pump *pump, int grace_ms);
void hf_pump_close(struct hf_pump *pump, int grace_ms);

struct hf_exchange *hf_pump_exchange(struct hf_pump *pump);

/* Acts and writes. */
void hf_pump_turn(struct hf_pump *pump);

/* After `stream` returned false: takes the stream again. */
void hf_pump_resume(struct hf_pump *pump);

/* Without the op `event`: whether it was seen since it was last forgotten. */
bool hf_pump_seen(const struct hf_pump *pump, enum hf_exchange_event event);
void hf_pump_forget(struct hf_pump *pump, enum hf_exchange_event event);

/* A driver of a move keeps what happened as bits until it acts on it. `bits`: the driver's for each event; 0: it means
 * nothing to it. Those that were seen, which are forgotten. */
static inline unsigned hf_pump_take_seen(struct hf_pump *pump, const unsigned bits[HF_EXCHANGE_EVENTS])
{
    unsigned taken = 0;

    for (unsigned e = 0; e < HF_EXCHANGE_EVENTS; e++) {
        if (bits[e] && hf_pump_seen(pump, (enum hf_exchange_event)e)) {
            hf_pump_forget(pump, (enum hf_exchange_event)e);
            taken |= bits[e];
        }
    }
    return taken;
}

enum hf_pump_state hf_pump_state(const struct hf_pump *pump);
bool hf_pump_is_open(const struct hf_pump *pump);
/* Why it is not open: HF_EIO when the connection was closed. */
const struct hf_error *hf_pump_fault(const struct hf_pump *pump);

/* For how long the peer has neither sent nor read anything; 0 while `stream` is waited for. Whether that is too long
 * depends on what the peer is waited for; start_clock: it is waited for from now on. */
int64_t hf_pump_silent_ms(const struct hf_pump *pump);
void hf_pump_start_clock(struct hf_pump *pump);
/* There is something to be written that the peer does not read; the silence is counted from then, at most. */
bool hf_pump_is_stuck(const struct hf_pump *pump);

/* HF_ETIMEDOUT: what a peer that was silent for `timeout_s` is told. */
int hf_pump_timed_out(unsigned timeout_s, struct hf_error *err);

#endif
