/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What two holdfasts say to each other over a pair of pipes: frames of a fixed header and a bounded payload. Bytes in,
 * bytes out; the layout is specified in docs/handover.md, which must change with it. A peer is hostile: everything is
 * checked here, once.
 */
#ifndef HF_FRAME_H
#define HF_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <holdfast/endian.h>
#include <holdfast/error.h>

#include "steps.h"

#define HF_FRAME_MAGIC       0x48464d56U /* "HFMV" */
#define HF_FRAME_VERSION     2
#define HF_FRAME_HEADER_SIZE 24
#define HF_FRAME_PAYLOAD_MAX (1U << 20)
#define HF_FRAME_EPOCH_MAX   (1ULL << 48) /* epochs only grow: another host's word alone does not use them up */

/* Numbers below 16 are enum hf_message: the hand-over's own; their payload is empty but for the 32-byte digest of the
 * state that OFFER, READY and GRANT are about, behind which GRANT names whom it is for (struct hf_frame_grant). The rest carries what is handed over. Never renumber. */
enum hf_frame_type {
    HF_FRAME_HELLO = 16,  /* JSON: who speaks, and what it offers or has; the first frame each way */
    HF_FRAME_WANT = 17,   /* JSON: digests of the images that the destination lacks */
    HF_FRAME_IMAGE = 18,  /* 32-byte digest, be64 number of a chunk, the chunk as it is stored */
    HF_FRAME_STATE = 19,  /* be64 offset, bytes of the container's rows (store/transfer.h) */
    HF_FRAME_FAILED = 20, /* UTF-8: why this side gives up; the last frame it sends */
    HF_FRAME_STREAM = 21, /* bytes of QEMU's own stream, for the QEMU over there; none: it is complete */
    HF_FRAME_CAPS = 22,   /* JSON: what the destination's host can do, as `holdfast caps` says it */
    HF_FRAME_ASK = 23,    /* the destination wants the grant now */
};

struct hf_frame_header {
    hf_be32 magic;
    hf_be16 version;
    hf_be16 type;
    hf_be32 attempt;
    hf_be32 length; /* of the payload that follows */
    hf_be64 epoch;  /* of the sender's container */
};
_Static_assert(sizeof(struct hf_frame_header) == HF_FRAME_HEADER_SIZE, "the header is 24 bytes on the wire");
_Static_assert(offsetof(struct hf_frame_header, epoch) == 16, "the epoch is last");

/* The payload of GRANT. Host and nonce are what the destination's introduction in this exchange said, as text without a NUL:
 * a grant that was recorded is worth nothing to another host, nor to the same one another time. */
struct hf_frame_grant {
    uint8_t state[32];
    char host[32], nonce[32];
};
_Static_assert(sizeof(struct hf_frame_grant) == 96, "the grant's payload is 96 bytes on the wire");

struct hf_frame {
    unsigned type;
    uint32_t attempt;
    uint64_t epoch;
    const uint8_t *payload; /* in the caller's buffer */
    size_t length;
};

/* Reads the frame at the start of `bytes`. Returns how many bytes it took, 0 when more are needed (*need says how many
 * there must be before it is worth asking again), or HF_EPROTO (magic, type, length of this type, epoch) or HF_EVERSION. */
int hf_frame_parse(const uint8_t *bytes, size_t size, struct hf_frame *ret, size_t *need, struct hf_error *err);

/* The header of a frame whose payload (length within its type's limits, asserted) follows it. */
struct hf_frame_header hf_frame_header_of(const struct hf_frame *frame);

#endif
