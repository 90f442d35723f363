/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flash writes that the guest was told are done and the container does not hold yet (law L7).
 *
 * What the guest sees is the container's bank with two batches of pages over it:
 *
 *      guest's view  =  bank  <  sealed batch (being committed)  <  open batch (receives writes)
 *
 * A write changes the open batch. hf_write_queue_seal() makes the open batch the sealed one; every page of the sealed
 * batch goes into the container in one transaction, and hf_write_queue_committed() then empties it. A transaction that
 * fails leaves the sealed batch as it is, to be tried again, while the open one goes on growing. So the container
 * always holds the guest's view of one moment, moments come in order, and the queue needs no more room than two banks,
 * however long the container cannot be written.
 *
 * The queue lives in memory of the caller's: plain memory, or a shared mapping of a file. In the second case it
 * survives the death of its process: everything below is stored so that a process killed between any two instructions
 * leaves a queue whose view includes every write that returned, and the one that was under way wholly or not at all.
 * A write is first copied to a place of its own (the intent); the next hf_write_queue_recover() does it again.
 *
 * Pure: no I/O, no clock, no allocation, no threads (the caller holds a lock). Two callbacks reach the outside.
 */
#ifndef HF_WRITE_QUEUE_H
#define HF_WRITE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#define HF_WRITE_QUEUE_PAGE      4096u
#define HF_WRITE_QUEUE_WRITE_MAX (128u << 10) /* bytes of one hf_write_queue_write() */
#define HF_WRITE_QUEUE_BANK_MAX  (64u << 20)  /* bytes of the largest bank */
#define HF_WRITE_QUEUE_KEY_SIZE  4176u

/* How the queue reaches what it does not hold. Each returns 0 or an error of enum hf_code, negative. */
struct hf_write_queue_ops {
    /* Reads one page of the container's bank, HF_WRITE_QUEUE_PAGE bytes (the last one padded with 0xFF). */
    int (*load)(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err);
    /* Makes sure that the queue's memory [offset, offset + size) can be stored to; NULL when it always can. */
    int (*reserve)(void *opaque, size_t offset, size_t size, struct hf_error *err);
    void *opaque;
};

struct hf_write_queue_layout; /* what lies at the start of the memory */

/* One process's handle on a queue; the pointers are into the caller's memory. Use the functions below. */
struct hf_write_queue {
    struct hf_write_queue_layout *layout;
    uint8_t *memory;
    const struct hf_write_queue_ops *ops;
    uint64_t bank_size;
    uint32_t pages;
    uint8_t scratch[HF_WRITE_QUEUE_PAGE];
};

/* Bytes of memory that a queue for a bank of this size needs; the first hf_write_queue_head_size() of them are always
 * stored to, the rest only after ops->reserve. */
size_t hf_write_queue_memory_size(uint64_t bank_size);
size_t hf_write_queue_head_size(uint64_t bank_size);

/* Makes an empty queue in `memory` (page aligned, of the size above). `key` says what the queue belongs to. Afterwards
 * as hf_write_queue_attach(). `ops` must outlive the queue. */
void hf_write_queue_init(struct hf_write_queue *q, void *memory, uint64_t bank_size,
                         const uint8_t key[HF_WRITE_QUEUE_KEY_SIZE], const struct hf_write_queue_ops *ops);

/* Takes over a queue that a process left behind. HF_ENOTFOUND: there is none in this memory; HF_EDAMAGED: it contradicts
 * itself, or it is for another bank size. Follow with hf_write_queue_recover(). */
int hf_write_queue_attach(struct hf_write_queue *q, void *memory, uint64_t bank_size,
                          const struct hf_write_queue_ops *ops, struct hf_error *err);

/* Does again the write that the dead process was at, if it was at one. Fails as hf_write_queue_write() does. */
int hf_write_queue_recover(struct hf_write_queue *q, struct hf_error *err);

/* The key the queue was made with, and the caller's mark: 64 bits of its own, stored with the queue. */
const uint8_t *hf_write_queue_key(const struct hf_write_queue *q);
uint64_t hf_write_queue_mark(const struct hf_write_queue *q);
void hf_write_queue_set_mark(struct hf_write_queue *q, uint64_t mark);

/* Since when the container could not be written, in seconds since 1970; 0 when it can. Kept with the queue, so that
 * others can tell. */
int64_t hf_write_queue_behind(const struct hf_write_queue *q);
void hf_write_queue_set_behind(struct hf_write_queue *q, int64_t since);

/* Reads a queue that another process may be using, from a copy of its first `size` bytes: HF_ENOTFOUND, or the two
 * numbers that hf_write_queue_behind() and hf_write_queue_waiting() give. */
int hf_write_queue_peek(const void *head, size_t size, int64_t *behind, uint32_t *waiting, struct hf_error *err);
const uint8_t *hf_write_queue_peek_key(const void *head);
uint64_t hf_write_queue_peek_mark(const void *head);
/* Bytes of `head` that hf_write_queue_peek() wants. */
size_t hf_write_queue_peek_size(void);

/* Writes size bytes (1 to HF_WRITE_QUEUE_WRITE_MAX, inside the bank). Returns 1 when the guest's view changed, 0 when
 * it already was that, or the error of a callback, and then nothing changed. */
int hf_write_queue_write(struct hf_write_queue *q, uint64_t offset, const void *bytes, size_t size,
                         struct hf_error *err);

/* The guest's view of one page, when the queue has it: HF_WRITE_QUEUE_PAGE bytes, valid until the next call that is
 * not const. NULL: the page is as the container has it. */
const uint8_t *hf_write_queue_page(const struct hf_write_queue *q, uint32_t page);

/* Makes the open batch the sealed one. True when there is a sealed batch afterwards (also when there was one before:
 * it stays the sealed one until it is committed). */
bool hf_write_queue_seal(struct hf_write_queue *q);

/* Whether there is a sealed batch that is not committed; whether the open one holds anything. */
bool hf_write_queue_has_sealed(const struct hf_write_queue *q);
bool hf_write_queue_has_open(const struct hf_write_queue *q);

/* Walks the sealed batch in page order: the first page at or after *page, or NULL at the end. */
const uint8_t *hf_write_queue_sealed(const struct hf_write_queue *q, uint32_t *page);

/* The sealed batch is in the container. */
void hf_write_queue_committed(struct hf_write_queue *q);

/* Pages that wait: sealed and open. */
uint32_t hf_write_queue_waiting(const struct hf_write_queue *q);

/* Forgets the clean copies that an empty batch keeps of pages already committed, and reports the part of the memory that
 * may be given back to the system: offset and size. False: no empty batch has any. Pages there are reserved anew. */
bool hf_write_queue_trim(struct hf_write_queue *q, size_t *offset, size_t *size);

/* Pages of memory that were reserved and not given back. */
uint32_t hf_write_queue_reserved(const struct hf_write_queue *q);

#endif
