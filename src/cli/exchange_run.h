/* SPDX-License-Identifier: BSD-2-Clause */
/* A hand-over (exchange.h) as all that this process does: its pump, the time-out, progress and the operator's signals.
 */
#ifndef HF_EXCHANGE_RUN_H
#define HF_EXCHANGE_RUN_H

#include "progress.h"
#include "receiving.h"
#include "sending.h"

struct hf_exchange_run {
    const char *verb;   /* for what is said on standard error */
    unsigned timeout_s; /* for a silent peer */
    struct hf_progress progress;
    /* Source: the move, and the stage at which this connection begins. `then`: where it goes on, over the same connection,
     * after RESUMED; HF_SENDING_ASKING: nowhere. */
    struct hf_sending *sending;
    const struct hf_mover_ops *mover;
    enum hf_sending_stage stage, then;
    /* Destination, where `sending` is NULL. */
    struct hf_receiving *receiving;
    const struct hf_receiver_ops *receiver;
    void *ctx;
};

/* Begins to catch SIGINT, SIGTERM, SIGHUP; from then on a run hears them. Call once, before a child is started. */
int hf_exchange_run_signals(struct hf_error *err);

/* Waits; false: a signal came, and is not heard again. */
bool hf_exchange_run_wait(unsigned seconds);

/* Until `sending` or `receiving` is over. Takes the descriptors. *x stays the caller's; NULL afterwards when it could not begin.
 * HF_ECANCELED: by a signal, before anything was granted. HF_EIO: the connection ended; HF_ETIMEDOUT; HF_EPROTO: the
 * peer gave up, in its words; and whatever mover, receiver and exchange return. */
int hf_exchange_run(const struct hf_exchange_run *run, struct hf_exchange **x, int in, int out, struct hf_error *err);

#endif
