/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one thread that moves flash writes from their queue into the container.
 *
 * A write is answered once it is in the queue. The thread seals what gathered HF_COMMIT_WINDOW_MS after the first write
 * of a batch, or at once when somebody asks for durability, and commits it; the commit's own time comes on top, within
 * the 20 ms of law L7. A commit that fails is repeated, the same batch first, until it succeeds; nobody waits for it
 * but those who asked for durability, and they get the error.
 *
 * Any thread may call these; each handle has one lock. ops->commit() runs without that lock.
 */
#ifndef HF_COMMITTER_H
#define HF_COMMITTER_H

#include "nbd_status.h"
#include "queue_file.h"

#define HF_COMMIT_WINDOW_MS 10

struct hf_committer_ops {
    /* Puts the sealed batch into the container, durably; all or nothing. */
    int (*commit)(void *opaque, const struct hf_write_queue *q, struct hf_error *err);
    /* Reads from the container alone. Called with the handle's lock held. */
    int (*read)(void *opaque, uint64_t offset, void *bytes, size_t size, struct hf_error *err);
    /* Writes to the container at once, durably: only when the queue has no memory and nothing waits in it. */
    int (*write)(void *opaque, uint64_t offset, const void *bytes, size_t size, struct hf_error *err);
    /* The byte that a page of the container is known to repeat, -1: look. NULL: none is known. Called as `read` is. */
    int (*repeats)(void *opaque, uint32_t page);
    /* BEHIND and CAUGHT_UP. */
    void (*status)(void *opaque, const struct hf_nbd_status *status);
    void *opaque;
};

struct hf_committer;

/* Takes over what already waits in the queue. Queue and ops must outlive the handle. */
int hf_committer_start(struct hf_queue_file *file, const struct hf_committer_ops *ops, struct hf_committer **out,
                       struct hf_error *err);

/* Returns once the write survives the death of this process. Fails only when the page cannot be read; then nothing
 * changed. It waits only when neither the queue nor the container has room: nothing else can be done with it then that
 * would not leave a hole. At most HF_WRITE_QUEUE_WRITE_MAX bytes. */
int hf_committer_write(struct hf_committer *c, uint64_t offset, const void *bytes, size_t size, struct hf_error *err);

/* Whether those bytes are there already; false also when that cannot be told. At most HF_WRITE_QUEUE_WRITE_MAX. */
bool hf_committer_has(struct hf_committer *c, uint64_t offset, const void *bytes, size_t size);

/* The guest's view. */
int hf_committer_read(struct hf_committer *c, uint64_t offset, void *bytes, size_t size, struct hf_error *err);

/* How many of `length` bytes from `offset` on the queue has no page of: 0 when it has the first. */
uint64_t hf_committer_untouched(struct hf_committer *c, uint64_t offset, uint64_t length);

/* Returns once every write that was answered before is durable, or with the reason why it is not; it stays queued. */
int hf_committer_flush(struct hf_committer *c, struct hf_error *err);

/* Commits what waits, ends the thread and frees the handle, in any case. An error says what stays in the queue. */
int hf_committer_stop(struct hf_committer *c, struct hf_error *err);

#endif
