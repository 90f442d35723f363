/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a reception share; nobody else includes it.
 *
 *   reception_intro.c  the introduction: what the source says of its guest, and what it is told of this host
 *   reception.c        the copy, QEMU's state, the claim: the supervisor as the receiver of a move (receiving.h)
 */
#ifndef HF_RECEPTION_INSIDE_H
#define HF_RECEPTION_INSIDE_H

#include "reception.h"

/* reception_intro.c; ctx: the reception. hear: the source introduced itself. describe: this host, with the program
 * and the arguments that the guest would have here. */
int hf_reception_hear(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err);
int hf_reception_describe(void *ctx, const struct hf_exchange_peer *source, char **caps, struct hf_error *err);

#endif
