/* SPDX-License-Identifier: BSD-2-Clause */
/* --timeout of the verbs that have a peer, and --pause-limit of those that move a running guest. */
#ifndef HF_PEER_TIMEOUT_H
#define HF_PEER_TIMEOUT_H

#include "output.h"
#include "sending.h"
#include "verb.h"

#define HF_PEER_TIMEOUT_TEXT_OF(number) #number
#define HF_PEER_TIMEOUT_TEXT(number)    HF_PEER_TIMEOUT_TEXT_OF(number)

/* A row of a verb's options. */
#define HF_PEER_TIMEOUT_OPTION                                                                                         \
    {                                                                                                                  \
        .name = "timeout", .arg = "SECONDS",                                                                           \
        .help = "give up when the peer is silent for so long; default: " HF_PEER_TIMEOUT_TEXT(HF_PEER_TIMEOUT)         \
    }

#define HF_PAUSE_LIMIT_OPTION                                                                                          \
    {                                                                                                                  \
        .name = "pause-limit", .arg = "SECONDS",                                                                       \
        .help = "resume the guest here when it is paused for so long; default: " HF_PEER_TIMEOUT_TEXT(HF_PAUSE_LIMIT)  \
    }

static inline int hf_pause_limit(const struct hf_invocation *inv, unsigned *seconds, struct hf_error *err)
{
    uint64_t given;
    int r = hf_number(inv, "pause-limit", 1, HF_PEER_TIMEOUT_MAX, HF_PAUSE_LIMIT, &given, err);

    if (r == 0)
        *seconds = (unsigned)given;
    return r;
}

static inline int hf_peer_timeout(const struct hf_invocation *inv, unsigned *seconds, struct hf_error *err)
{
    uint64_t given;
    int r = hf_number(inv, "timeout", 1, HF_PEER_TIMEOUT_MAX, HF_PEER_TIMEOUT, &given, err);

    if (r == 0)
        *seconds = (unsigned)given;
    return r;
}

#endif
