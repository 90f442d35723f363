/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of a reception share; nobody else includes it.
 *
 *   reception_intro.c  the introduction: what the source says of its guest, and what it is told of this host
 *   reception.c        the copy, QEMU's state, the claim: the supervisor as the receiver of a move (receiving.h)
 */
#ifndef HF_RECEPTION_INSIDE_H
#define HF_RECEPTION_INSIDE_H

#include "receiving.h"
#include "reception.h"
#include "stream_relay.h"
#include "supervision.h"

struct hf_reception {
    const struct hf_reception_options *given;
    struct hf_receiving receiving; /* its pump is NULL once the guest is ours */
    struct hf_stream_relay *relay;
    struct hf_run_options options;
    char **words; /* the source's arguments, NULL terminated */
    char host[HF_HOST_NAME_SIZE];
    int qemu_fd;   /* for QEMU; -1: it has it */
    bool ran;      /* the guest, when it left */
    bool alive;    /* on trial, it showed a sign of life there */
    int64_t ahead; /* its clock, of UTC; INT64_MAX: not told */
};

/* reception_intro.c; ctx: the supervision. hear: the source introduced itself. describe: this host, with the program
 * and the arguments that the guest would have here. */
int hf_reception_hear(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err);
int hf_reception_describe(void *ctx, const struct hf_exchange_peer *source, char **caps, struct hf_error *err);

#endif
