/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One side of a hand-over (exchange.h) on a pair of descriptors, inside a loop. Events are collected in a mask and
 * acted on between turns; bytes of QEMU's stream go to `stream` at once.
 *
 * Whoever calls something of the exchange that makes it speak calls hf_link_pump() afterwards. One thread.
 */
#ifndef HF_LINK_H
#define HF_LINK_H

#include "exchange.h"
#include "loop.h"

struct hf_link;

struct hf_link_ops {
    /* Something new: hf_link_seen(), hf_link_is_open(). May be called from inside the loop; it only takes a note. */
    void (*news)(void *ctx);
    /* Destination: bytes for QEMU. True when they are all taken; false: they are kept by the callee, and the link waits
     * for hf_link_go_on(). NULL at a source. */
    bool (*stream)(void *ctx, const void *bytes, size_t size);
    /* Source: everything is written, so there is room for more of QEMU's stream; true when some was put. May be NULL.
     */
    bool (*fill)(void *ctx);
    void *ctx;
};

/* Takes both descriptors (they may be one and the same) and the exchange, also on failure. */
int hf_link_open(struct hf_exchange *exchange, int in, int out, struct hf_loop *loop, const struct hf_link_ops *ops,
                 struct hf_link **out_link, struct hf_error *err);

/* Ends the connection; what waits to be sent gets at most `grace_ms` to be taken. NULL is fine. */
void hf_link_close(struct hf_link *link, int grace_ms);

struct hf_exchange *hf_link_exchange(struct hf_link *link);

/* Reads, acts and writes as far as that goes without waiting. */
void hf_link_pump(struct hf_link *link);

/* After `stream` gave false: goes on. */
void hf_link_go_on(struct hf_link *link);

/* Whether `event` was seen since it was last forgotten. */
bool hf_link_seen(const struct hf_link *link, enum hf_exchange_event event);
void hf_link_forget(struct hf_link *link, enum hf_exchange_event event);

/* False once the connection is gone or the exchange is over; hf_link_fault() then says why: HF_EIO when the other side
 * just ended it. */
bool hf_link_is_open(const struct hf_link *link);
const struct hf_error *hf_link_fault(const struct hf_link *link);

/* For how long the other side has neither said nor taken anything; 0 while `stream` is what is waited for. Whether that
 * is silence depends on what it is waited for. */
int64_t hf_link_silent_ms(const struct hf_link *link);
/* There is something to be written that the other side does not take; the silence is counted from then, at most. */
bool hf_link_is_stuck(const struct hf_link *link);

#endif
