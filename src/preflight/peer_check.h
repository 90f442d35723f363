/* SPDX-License-Identifier: BSD-2-Clause */
/* Preflight of a move (law L8): may this container's guest go to the host that described itself? Every way to move one
 * asks here. */
#ifndef HF_PEER_CHECK_H
#define HF_PEER_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "container.h"
#include "preflight.h"

struct hf_peer_check {
    struct hf_container *container;
    const char *host; /* the destination's name, as it introduced itself */
    const char *caps; /* what it says of itself (host_caps.h), with its probe where it made one; NULL: nothing */
    size_t caps_size;
    const json_t *here; /* what a probe showed on this host (probe_told.h); NULL: none was made */
    /* Adds to what the container says of its guest. NULL: it is off, and there is no more to say. */
    void (*complete)(void *ctx, struct hf_guest_needs *needs);
    /* The verdict with all its findings, also where it refuses. NULL: not wanted. */
    void (*judged)(void *ctx, const struct hf_host_caps *host, const struct hf_verdict *verdict);
    void *ctx;
};

/* HF_EREFUSED with the first refusal's rule, text and remedy; HF_EPROTO: that is no description; the store's errors.
 * *probed: the probes of both hosts were compared. */
int hf_peer_check(const struct hf_peer_check *q, bool *probed, struct hf_error *err);

#endif
