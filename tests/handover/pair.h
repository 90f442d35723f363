/* SPDX-License-Identifier: BSD-2-Clause */
/* Two hosts in one process, with a pipe between them that can be cut at any frame, split, and looked into. */
#ifndef HF_TEST_PAIR_H
#define HF_TEST_PAIR_H

#include "ground.h"

#include "exchange.h"
#include "frame.h"

struct pair {
    struct hf_container *c; /* the source's */
    struct hf_exchange *src, *dst;
    const char *to; /* the destination's file */
    bool hold;
    size_t piece;        /* bytes at once; 0: as many as there are */
    size_t cut_after[2]; /* frames that get through from the source, from the destination; SIZE_MAX: all */
    size_t frames[2];
    bool cut;
    size_t passed[2]; /* bytes of the present frame that passed; its header tells how long it is */
    uint8_t header[2][HF_FRAME_HEADER_SIZE];
    unsigned seen[2][64];   /* frames by type */
    struct hf_error failed; /* what a side said when it failed */
    uint8_t *tape;          /* all that the source sends is kept there; NULL: not */
    size_t taped;
};

static inline void pair_begin(struct pair *p, const char *from)
{
    struct hf_exchange_place place = {.hold = p->hold, .caps = "{\"schema\": 1}", .caps_size = 13};

    memset(p->frames, 0, sizeof p->frames);
    memset(p->passed, 0, sizeof p->passed);
    memset(p->seen, 0, sizeof p->seen);
    p->cut = false;
    p->failed = (struct hf_error){.code = HF_OK};
    ground_host("a");
    OK(hf_container_open_giving(ground_path(from), HF_OPEN_RUN, NOW, &p->c, &err));
    OK(hf_exchange_source(p->c, NULL, &p->src, &err));
    ground_host("b");
    place.path = ground_path(p->to);
    OK(hf_exchange_destination(&place, &p->dst, &err));
}

static inline void pair_end(struct pair *p)
{
    ground_host("a");
    hf_exchange_free(p->src);
    OK(hf_container_close(p->c, &err));
    ground_host("b");
    hf_exchange_free(p->dst);
    p->src = p->dst = NULL;
    p->c = NULL;
}

/* How many of these bytes belong to frames that still get through; counts frames as they end. */
static inline size_t pair_let_through(struct pair *p, unsigned way, const uint8_t *bytes, size_t size)
{
    size_t n = 0;

    while (n < size && !p->cut) {
        if (p->passed[way] == 0 && p->frames[way] == p->cut_after[way]) {
            p->cut = true;
            break;
        }
        if (p->passed[way] < HF_FRAME_HEADER_SIZE)
            p->header[way][p->passed[way]] = bytes[n];
        p->passed[way]++;
        n++;
        if (p->passed[way] >= HF_FRAME_HEADER_SIZE) {
            struct hf_frame_header h;

            memcpy(&h, p->header[way], sizeof h);
            if (p->passed[way] == HF_FRAME_HEADER_SIZE + hf_be32_get(h.length)) {
                p->passed[way] = 0;
                p->frames[way]++;
                p->seen[way][hf_be16_get(h.type) % 64]++;
            }
        }
    }
    return n;
}

/* Carries bytes one way; false: there were none. A side that fails has said so to the other and in p->failed. */
static inline bool pair_carry(struct pair *p, unsigned way)
{
    struct hf_exchange *from = way == 0 ? p->src : p->dst, *to = way == 0 ? p->dst : p->src;
    const uint8_t *bytes;
    size_t size, n;

    ground_host(way == 0 ? "a" : "b");
    if (hf_exchange_output(from, &bytes, &size, &p->failed) < 0)
        return true; /* its last words come next */
    n = p->piece && size > p->piece ? p->piece : size;
    if (n > hf_exchange_room(to))
        n = hf_exchange_room(to);
    n = pair_let_through(p, way, bytes, n);
    ground_host(way == 0 ? "b" : "a");
    if (way == 0 && p->tape) {
        memcpy(p->tape + p->taped, bytes, n);
        p->taped += n;
    }
    if (n > 0)
        OK(hf_exchange_feed(to, bytes, n, &err));
    hf_exchange_written(from, n);
    return n > 0;
}

/* Carries until something happens at the side `way` (0: source), or nothing moves any more, or the pipe is cut. */
static inline enum hf_exchange_event pair_wait(struct pair *p, unsigned way)
{
    enum hf_exchange_event event;

    for (;;) {
        bool moved;

        ground_host(way == 0 ? "a" : "b");
        if (hf_exchange_next(way == 0 ? p->src : p->dst, NOW, &event, &p->failed) < 0)
            return HF_EXCHANGE_FAILED;
        if (event != HF_EXCHANGE_NONE)
            return event;
        moved = pair_carry(p, !way);
        ground_host(way == 0 ? "b" : "a");
        if (!moved && (p->cut || !pair_carry(p, way)))
            return HF_EXCHANGE_NONE;
        if (p->cut)
            return HF_EXCHANGE_NONE;
    }
}

/* A call on one of the two hosts. */
#define SRC(call) (ground_host("a"), (call))
#define DST(call) (ground_host("b"), (call))

/* What a host's file says, state 0 when there is none. */
static inline struct hf_owner owner_of(const char *host, const char *name)
{
    struct hf_owner owner = {.state = 0};
    struct hf_container *c;

    ground_host(host);
    if (access(ground_path(name), F_OK) < 0)
        return owner;
    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_owner_standing(c, &owner, &err));
    OK(hf_container_close(c, &err));
    return owner;
}

#endif
