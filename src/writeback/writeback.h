/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A container's variable bank with the queue of flash writes in front of it. The queue is the file `vars.queue` in the
 * guest's runtime directory, so what a server answered for survives that server: the next one takes the queue over, and
 * hf_writeback_drain() brings it in when there will be none.
 *
 * One thread at a time, like the container's handle, with one exception: hf_writeback_commit() touches only the sealed
 * batch and the container, so other threads may meanwhile use the queue under a lock of their own as long as nobody
 * seals and load() has the container to itself.
 */
#ifndef HF_WRITEBACK_H
#define HF_WRITEBACK_H

#include "container.h"
#include "queue_file.h"

/* Opens a container whose guest has run. Unless `mode` is HF_OPEN_LOOK, the flash writes that a killed server acknowledged
 * and did not commit are committed first, and a copy that these writes do not belong to is refused unchanged
 * (hf_writeback_check()). With HF_OPEN_EDIT a server may run: its writes stay its own. Errors as hf_container_open(), hf_writeback_check() and hf_writeback_drain(); then
 * nothing is open. */
int hf_guest_open(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                  struct hf_error *err);

/* The same for the source of a move: opens as hf_container_open_giving() does. `drain`: the flash writes that were left are
 * committed, where this host holds the container; otherwise the caller does it before the grant. */
int hf_guest_open_giving(const char *path, enum hf_open_mode mode, bool drain, int64_t now, struct hf_container **out,
                         struct hf_error *err);

/* Opens or takes over the queue for the bank of `c`, which must be open for writing and stay open until
 * hf_queue_file_close() or hf_queue_file_set_load(). HF_ENOTFOUND: the container has no variable bank. HF_EOWNED: a
 * server is at it. HF_EREFUSED "stale-queue": the queue is of an earlier ownership; it is moved aside first, nothing is
 * lost or applied, and the text says where it is: calling again starts with an empty queue. HF_EREFUSED "copy": its writes
 * are for another file of that id, and stay where they are. */
int hf_writeback_open(struct hf_container *c, struct hf_queue_file **out, struct hf_error *err);

/* Puts the sealed batch into the container in one transaction, durable. The batch stays sealed: the caller says
 * hf_write_queue_committed(). On an error nothing was committed. HF_ENOSPC, HF_EREFUSED "epoch", HF_EOWNED, ... */
int hf_writeback_commit(struct hf_container *c, const struct hf_write_queue *q, struct hf_error *err);

/* Brings in what a server that died left behind, if it left anything; *pages (may be NULL) gets how many pages that
 * were. To be called before anything else changes or copies the bank: at a power-on, before an operator's edit, before
 * a hand-over. HF_EOWNED: a server is running, so there is nothing left behind. */
int hf_writeback_drain(struct hf_container *c, int64_t now, uint32_t *pages, struct hf_error *err);

/* The same for who only reads the container at `path`, to copy it elsewhere: opens it for that moment, if anything was
 * left. 0 also where it is not this container's to have: a copy, another host's, a server at it. HF_EREFUSED "stale-queue"
 * as hf_writeback_open(): it was moved aside. */
int hf_writeback_settle(const char *path, int64_t now, struct hf_error *err);

/* For who is about to open the container at `path` for more than a look: HF_EREFUSED "copy" as hf_writeback_open(), before
 * anything of it is changed. The first commit of a copy, were it only that of its closing, would make the file that the
 * writes are for the one with fewer commits than this boot has seen. */
int hf_writeback_check(const char *path, int64_t now, struct hf_error *err);

/* Before the operator's word makes the container at `path` the valid one: what a server left for any file of its id
 * comes into this one, when it holds all that was committed before (an older copy does not open on the same boot). 0 also
 * where that cannot be; then they are for hf_writeback_set_aside(). */
int hf_writeback_adopt(const char *path, int64_t now, uint32_t *pages, struct hf_error *err);

/* After a container was restored or taken: writes that a server left before that are not this copy's. Moves them aside;
 * `where` (PATH_MAX bytes) gets the new name, "" when there were none. */
int hf_writeback_set_aside(const struct hf_container *c, char *where, struct hf_error *err);

/* What the queue of this container says about itself; works beside a server. HF_ENOTFOUND: nothing waits. */
int hf_writeback_look(const struct hf_container *c, struct hf_queue_state *out, struct hf_error *err);

#endif
