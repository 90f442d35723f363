/* SPDX-License-Identifier: BSD-2-Clause */
/* A hand-over's exchange and the descriptors that it goes over, as one thing to wait for. */
#ifndef HF_EXCHANGE_PIPE_H
#define HF_EXCHANGE_PIPE_H

#include <poll.h>
#include <stdint.h>

#include "exchange.h"

struct hf_exchange_pipe {
    int in, out; /* non-blocking */
    struct hf_exchange *exchange;
    bool ended; /* the other side is gone: nothing comes or goes any more */
    int64_t moved_at; /* when something came or went last */
};

/* The other side is waited for from now on: for how long it has neither said nor taken anything since. */
void hf_exchange_pipe_start_clock(struct hf_exchange_pipe *l);
int64_t hf_exchange_pipe_silent_ms(const struct hf_exchange_pipe *l);

/* Writes what the exchange has to say, waits at most `timeout_ms` for the other side or one of the caller's
 * descriptors, and feeds what came. */
int hf_exchange_pipe_turn(struct hf_exchange_pipe *l, struct pollfd *others, unsigned count, int timeout_ms,
                          struct hf_error *err);

/* Whether the exchange has something to say still. */
bool hf_exchange_pipe_has_output(struct hf_exchange_pipe *l);

#endif
