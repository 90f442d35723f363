/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A container's rows as bytes, for another host's copy: everything but the owner (each host's own), the chunks of images
 * (which travel by digest) and the ledger (which every container keeps itself). docs/handover.md specifies the bytes.
 * What arrives is hostile: it goes into a transaction, row by row through the format's own constraints, and is read and
 * checked as `holdfast check` does before it is committed.
 */
#ifndef HF_TRANSFER_H
#define HF_TRANSFER_H

#include "container.h"
#include "digest.h"
#include "images.h"
#include "owner_steps.h"

#define HF_TRANSFER_MAX (96U << 20) /* bytes of one state: a container's limit and its rows' headers */

/* Of the rows as last committed, or in a transaction as they are now: equal in two containers whose rows are. */
int hf_transfer_digest(struct hf_container *c, struct hf_digest *digest, struct hf_error *err);

/* What a source remembers of the state it sent last. Begin with {0}. */
struct hf_transfer_sent {
    struct hf_sent_row *rows;
    size_t count;
    struct hf_digest digest; /* of that state */
};
void hf_transfer_sent_done(struct hf_transfer_sent *sent);

/* Outside a transaction: what the peer needs to get from the state in *sent (the first time: from nothing) to the
 * present one, of one moment. The caller frees *bytes; *sent becomes the present state. */
int hf_transfer_write(struct hf_container *c, struct hf_transfer_sent *sent, uint8_t **bytes, size_t *size,
                      struct hf_error *err);

/* One chunk of an image as it is stored; free it. */
int hf_transfer_chunk(struct hf_container *c, const struct hf_digest *image, uint32_t number, uint8_t **bytes,
                      size_t *size, struct hf_error *err);
static inline uint32_t hf_transfer_chunks(uint64_t image_size)
{
    return (uint32_t)((image_size + HF_IMAGE_CHUNK_SIZE - 1) / HF_IMAGE_CHUNK_SIZE);
}
#define HF_TRANSFER_CHUNK_MAX (132U << 10)

/* What has arrived of images, before there is a container to put it into. */
struct hf_arrived;
struct hf_arrived *hf_arrived_new(void); /* NULL: no memory */
void hf_arrived_free(struct hf_arrived *arrived);
/* HF_EPROTO: too long, out of order, or more than a container may hold. Chunks of an image come in order from 0. */
int hf_arrived_add(struct hf_arrived *arrived, const struct hf_digest *digest, uint64_t number, const void *bytes,
                   size_t size, struct hf_error *err);

/* Whether the container at hand holds this image so that its chunks need not travel. 1 or 0. */
int hf_transfer_has(struct hf_container *c, const struct hf_image *image, struct hf_error *err);

/* Whose state it is, and what it must amount to. */
struct hf_transfer_from {
    char container[HF_ID_TEXT_SIZE];
    struct hf_host host;
    uint64_t epoch;
    uint32_t attempt;
    uint64_t reserve;        /* free bytes that the source's file keeps for a rollback */
    struct hf_digest digest; /* of the state after it was applied */
};

/* Whether these bytes say that nothing changed since that state. */
bool hf_transfer_is_none(const void *bytes, size_t size, const struct hf_digest *state);

/* Makes the copy: a new container at `path`, incoming, or not at all. HF_EPROTO: not a state, or another than `from`
 * says; HF_EREFUSED "exists", "elsewhere" (this host receives the container at another path); HF_ENOSPC, ... */
int hf_transfer_create(const char *path, const struct hf_transfer_from *from, const void *bytes, size_t size,
                       const struct hf_arrived *arrived, int64_t now, struct hf_error *err);
/* The same in a copy that is there already (hf_container_open_received(), or _incoming()): all of it in one durable
 * commit, or nothing. HF_EREFUSED "step": it is held here, or at a later attempt. */
int hf_transfer_apply(struct hf_container *c, const struct hf_transfer_from *from, const void *bytes, size_t size,
                      const struct hf_arrived *arrived, int64_t now, struct hf_error *err);

#endif
