/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One side of a hand-over (docs/handover.md): bytes in, bytes out. No sockets, no processes, no clock; the container is
 * read and changed, and what a step changes is durable before its message can be had. Both sides are driven alike:
 *
 *      read at most hf_exchange_room() bytes from the peer, hf_exchange_feed() them
 *      while hf_exchange_next() gives an event: act on it
 *      while hf_exchange_output() gives bytes: write some of them, hf_exchange_written()
 *
 * until the caller has what it wants, or HF_EXCHANGE_FAILED. A connection that ends is no event: hf_exchange_free() at
 * any moment leaves the container in the state of the last step, and a new exchange goes on from there.
 *
 *      source                                    destination
 *      PEER   may this guest go there?           PEER   do we want it?
 *      offer(running)  ->                        READY  the copy is in place; others may open it
 *      READY  start QEMU's migration; stream     STREAM bytes of it, for QEMU
 *                                           <-   ask()  the guest there is about to write  (where nobody asks: not)
 *      ASKED  stop the guest, flush
 *      offer(flushed)  ->                        READY
 *      READY  grant()  ->                        GRANTED  claim(), or in the commit of the guest's first write
 *      DEPARTED                             <-   (CLAIMED is sent)
 *
 * A source whose container is GRANTED when it begins (a retry) gets PEER and then calls hf_exchange_revoke(): the answer
 * is DEPARTED or RESUMED, and after RESUMED the same exchange may offer again. Where the peer holds the answer to an
 * earlier hand-over already (its introduction says so), the engine takes it in and says so by an event of its own.
 *
 * One thread at a time, the one that uses the container's handle.
 */
#ifndef HF_EXCHANGE_H
#define HF_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "container.h"
#include "owner_steps.h"
#include "steps.h"

struct hf_exchange;

enum hf_exchange_event {
    HF_EXCHANGE_NONE,       /* nothing until more bytes are fed or something below is called */
    HF_EXCHANGE_PEER,       /* both: the peer introduced itself: hf_exchange_peer(). Nothing has moved. To decline:
                         hf_exchange_cancel() */
    HF_EXCHANGE_READY,      /* source: what was offered last is durable in the destination's incoming copy.
                           destination: the same; the copy lies at its path and may be opened (container.h) */
    HF_EXCHANGE_ASKED,      /* source: the destination wants the grant now */
    HF_EXCHANGE_STREAM,     /* destination: hf_exchange_stream() has bytes until the next call of hf_exchange_next() */
    HF_EXCHANGE_STREAM_END, /* destination: the source closed its stream */
    HF_EXCHANGE_GRANTED,    /* destination: it may be claimed */
    HF_EXCHANGE_REVOKED,    /* destination: the source took it back; this copy will never be claimed */
    HF_EXCHANGE_DEPARTED,   /* source: the destination owns it; recorded here */
    HF_EXCHANGE_RESUMED,    /* source: it will never be claimed there; owned here again, at an epoch two higher */
    HF_EXCHANGE_FAILED,     /* the peer gave up: hf_exchange_failure(). Who owns the container is what it says */
    HF_EXCHANGE_EVENTS,
};

/* What the peer says of itself. Hostile but checked: texts are UTF-8 without control characters. */
struct hf_exchange_peer {
    struct hf_host host;
    enum hf_holder holder; /* of its container; NONE: it has none yet */
    uint32_t attempt;
    uint64_t epoch;
    const json_t *extra; /* what the peer's caller gave; NULL: nothing. Borrowed */
    const char *caps;    /* of a destination: what `holdfast caps --json` says there; NULL: not told */
    size_t caps_size;
    struct hf_guest guest;           /* of a source */
    char container[HF_ID_TEXT_SIZE]; /* of a source: the container's id */
    uint64_t container_bytes;        /* of a source: its size */
};

/*
 * Source. `c` stays the caller's and must stay open until hf_exchange_free(): any handle that may write, or one of
 * hf_container_open_giving() (owner_steps.h). `extra` (an object, may be NULL, copied) is for the peer's caller: what a live
 * migration needs to know.
 */
int hf_exchange_source(struct hf_container *c, const json_t *extra, struct hf_exchange **out, struct hf_error *err);

/* Destination. */
struct hf_exchange_place {
    const char *path;    /* where the copy is, or is to be */
    const char *caps;    /* this host's description as JSON text; NULL: none */
    size_t caps_size;    /* at most HF_EXCHANGE_CAPS_MAX */
    const json_t *extra; /* for the peer's caller; an object; NULL: none */
    /* Once the source has introduced itself: makes *caps, a text that is free()d, say more of this host, or nothing.
     * What it fails with ends the exchange. NULL: not asked. Only where `caps` is given. */
    int (*describe)(void *ctx, const struct hf_exchange_peer *source, char **caps, struct hf_error *err);
    void *ctx;
    bool hold;       /* to run the guest in this process: the copy is opened with the owner lock (HF_OPEN_RUN) and
                  stays open: hf_exchange_container(). Otherwise it is opened for each step only, so that
                  another process can serve it meanwhile (hf_container_open_incoming()) */
    bool only_known; /* `claim`: refuse unless a copy is there */
};
#define HF_EXCHANGE_CAPS_MAX (1U << 20)
int hf_exchange_destination(const struct hf_exchange_place *place, struct hf_exchange **out, struct hf_error *err);

/* Ends this side where it stands. NULL is allowed. */
void hf_exchange_free(struct hf_exchange *x);

/* The pipe. Feeding more than there is room for is HF_EUSAGE. space: where as many bytes can be read to as there is room,
 * without a copy; hf_exchange_fed() says how many there are. Valid until the next call of anything here. */
size_t hf_exchange_room(const struct hf_exchange *x);
uint8_t *hf_exchange_space(struct hf_exchange *x);
void hf_exchange_fed(struct hf_exchange *x, size_t size);
int hf_exchange_feed(struct hf_exchange *x, const void *bytes, size_t size, struct hf_error *err);

/* Takes in what was fed, up to the first event. On an error (the peer broke the protocol, HF_EPROTO, HF_EVERSION; the
 * container cannot be read or written; a rule, HF_EREFUSED) the exchange is over: the peer is told with the bytes
 * that hf_exchange_output() still has, and the container stands at the last step. */
int hf_exchange_next(struct hf_exchange *x, int64_t now, enum hf_exchange_event *event, struct hf_error *err);

/* Bytes for the peer; *size 0: none now. Valid until the next call of anything here but hf_exchange_written(). Reads
 * images from the container as it goes: errors as in hf_exchange_next(). */
int hf_exchange_output(struct hf_exchange *x, const uint8_t **bytes, size_t *size, struct hf_error *err);
void hf_exchange_written(struct hf_exchange *x, size_t size);

/* NULL before HF_EXCHANGE_PEER. */
const struct hf_exchange_peer *hf_exchange_peer(const struct hf_exchange *x);
/* Where this side stands. */
struct hf_handover_state hf_exchange_state(const struct hf_exchange *x);
/* What the peer said when it gave up; "" when it did not. */
const char *hf_exchange_failure(const struct hf_exchange *x);
/* HF_EPROTO: the same, as an error of this side. */
int hf_exchange_gave_up(const struct hf_exchange *x, struct hf_error *err);
/* Bytes of state and images: written by a source, heard by a destination, of as many as are known of (0: not yet). */
void hf_exchange_progress(const struct hf_exchange *x, uint64_t *done, uint64_t *total);

/* Before the grant: this side gives up, tells the other why, and everything is as it was. After it, or a promise,
 * HF_EUSAGE: a source asks with hf_exchange_revoke() then. */
int hf_exchange_cancel(struct hf_exchange *x, const char *why, struct hf_error *err);

/*
 * Source.
 */

/* Sends what changed since the last time (the first time: everything the peer lacks) and offers it. May be called
 * again and again, running or flushed, each time after the READY before. `flushed`: the guest is paused and its last
 * write is in the container. The first call begins a new attempt: one durable commit. */
int hf_exchange_offer(struct hf_exchange *x, bool flushed, int64_t now, struct hf_error *err);

/* After the READY of a flushed offer: GRANTED is durable here, unless it is so already, then the grant goes out.
 * HF_EREFUSED "changed": the container was written since that offer; offer again. From here on nothing writes the
 * container on this host, in any process, until DEPARTED or RESUMED. */
int hf_exchange_grant(struct hf_exchange *x, int64_t now, struct hf_error *err);

/*
 * The grant in parts, for a guest that is paused while the peer has not said READY yet. After the flushed offer
 * hf_exchange_promise(): the container is granted on this host's disk, and *pending is to be made durable with
 * hf_owner_promise_finish(), by any thread; what that returned is told to hf_exchange_promised(). Then hf_exchange_grant()
 * only says so. Until then nobody heard of it: hf_exchange_retract() makes everything as it was before the promise (HF_EIO,
 * ...: it is granted, and the peer is to be asked). hf_exchange_promise() fails as the grant does.
 */
int hf_exchange_promise(struct hf_exchange *x, int64_t now, struct hf_owner_pending **pending, struct hf_error *err);
void hf_exchange_promised(struct hf_exchange *x, int result);
int hf_exchange_retract(struct hf_exchange *x, int64_t now, struct hf_error *err);

/* Does ahead, when there is time, what the grant can have done ahead; changes nothing. */
int hf_exchange_prepare(struct hf_exchange *x, struct hf_error *err);

/* GRANTED and not heard: asks the peer whether it claimed it, and never to do so if not. May be repeated. */
int hf_exchange_revoke(struct hf_exchange *x, struct hf_error *err);

/* QEMU's stream, through the same pipe in order with everything else. Takes as much as there is room for and returns how
 * much that was (0: write output first). `size` 0 ends the stream: 1, or 0 as before. */
int hf_exchange_put_stream(struct hf_exchange *x, const void *bytes, size_t size, struct hf_error *err);

/* The same without a copy: where the bytes of the next frame can be read to, up to *room of them (0: write output first), and
 * how many there are, at least 1. Nothing else is called here in between. */
int hf_exchange_stream_space(struct hf_exchange *x, uint8_t **bytes, size_t *room, struct hf_error *err);
void hf_exchange_stream_filled(struct hf_exchange *x, size_t size);

/*
 * Destination.
 */

/* Valid until the next hf_exchange_next(). */
const uint8_t *hf_exchange_stream(const struct hf_exchange *x, size_t *size);

/* The guest here is about to write: the source is to flush, offer and grant. Harmless when repeated. */
int hf_exchange_ask(struct hf_exchange *x, struct hf_error *err);

/* With `hold`, from the first READY on; stays the exchange's until it is taken: hf_exchange_take_container() gives it to
 * the caller, to be closed there. NULL otherwise. */
struct hf_container *hf_exchange_container(const struct hf_exchange *x);
struct hf_container *hf_exchange_take_container(struct hf_exchange *x);

/* After GRANTED: attempt and epoch for hf_begin_claim(), for the process that has the copy open, this or another. */
void hf_exchange_terms(const struct hf_exchange *x, uint32_t *attempt, uint64_t *epoch);

/* After GRANTED: the copy becomes this host's, durable, and the source is told. */
int hf_exchange_claim(struct hf_exchange *x, int64_t now, struct hf_error *err);
/* The same in two halves, for who has a guest waiting: after the first it may run here; the second enters that in the host's
 * register and tells the source. With `hold` only. */
int hf_exchange_claim_first(struct hf_exchange *x, int64_t now, struct hf_error *err);
int hf_exchange_claim_told(struct hf_exchange *x, struct hf_container *c, struct hf_error *err);
/* The same when somebody else committed the claim, together with the guest's first write: looks, and tells the source.
 * HF_EUSAGE: the container does not say so. */
int hf_exchange_claimed(struct hf_exchange *x, struct hf_error *err);

#endif
