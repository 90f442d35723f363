/* SPDX-License-Identifier: BSD-2-Clause */
/* A hand-over's engine (exchange.h) between two descriptors, a clock and the operator's signals. */
#ifndef HF_EXCHANGE_LOOP_H
#define HF_EXCHANGE_LOOP_H

#include "exchange.h"
#include "progress.h"

#define HF_PATIENCE     120 /* seconds */
#define HF_PATIENCE_MAX 86400

struct hf_exchange_loop {
    struct hf_exchange *x;
    int in, out;
    const char *verb;     /* for what is said on standard error */
    unsigned patience_s;  /* without a byte from the other side before it is given up */
    struct hf_progress progress;
    /* Called for each event. 0: go on; 1: done, when all output has gone; negative: the hand-over is called off. */
    int (*event)(void *ctx, enum hf_exchange_event event, struct hf_error *err);
    void *ctx;
};

/* Begins to catch SIGINT, SIGTERM, SIGHUP; from then on the loop hears them. Call once, before a child is started. */
int hf_exchange_loop_signals(struct hf_error *err);

/* Waits; false: a signal came, and is not heard again. */
bool hf_exchange_loop_pause(unsigned seconds);

/* Until `event` says done. HF_ECANCELED: by a signal, before anything was granted. HF_EIO: the connection ended;
 * HF_ETIMEDOUT; HF_EPROTO: the other side gave up, in its words; and whatever `event` and the engine return. */
int hf_exchange_loop_run(struct hf_exchange_loop *loop, struct hf_error *err);

#endif
