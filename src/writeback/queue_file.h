/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A write queue in a file of the runtime directory, mapped, so that it outlives the process that serves the bank.
 *
 * The file belongs to one boot of one host: its bytes are never synced, and a host that went down took the guest with
 * it. A file of another boot is therefore emptied, not replayed. It is mode 0600, opened with O_NOFOLLOW, and locked
 * (an OFD lock, gone with the process) while a process uses it.
 *
 * Blocks are reserved before they are stored to, so a full file system is an error (HF_ENOSPC), not a signal.
 * Not for several threads at once.
 */
#ifndef HF_QUEUE_FILE_H
#define HF_QUEUE_FILE_H

#include <limits.h>

#include "write_queue.h"

struct hf_queue_file;

/* Whose bank it is: a copy of a container has its id, and is another file. */
struct hf_queue_owner {
    const char *id;         /* up to 47 characters */
    uint64_t device, inode; /* of the container */
    const char *place;      /* its path */
};

/* Opens or creates the queue of the bank of `bank_size` bytes. A queue left by a dead process is taken over and its last
 * write completed, which may call load(); not so one with writes for another file of that id: hf_queue_file_whose().
 * HF_EOWNED: another process uses it. HF_EDAMAGED: a queue of this boot that cannot be read; the file is left as it is. */
int hf_queue_file_open(const char *path, const struct hf_queue_owner *owner, uint64_t bank_size,
                       int (*load)(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err), void *opaque,
                       struct hf_queue_file **out, struct hf_error *err);

/* Where the file lay that the writes in it were meant for, when that is not the owner it was opened for, else NULL. Such
 * a queue can be closed, and stays; or hf_queue_file_adopt() takes it over all the same. */
const char *hf_queue_file_whose(const struct hf_queue_file *f);
int hf_queue_file_adopt(struct hf_queue_file *f, struct hf_error *err);

/* Unmaps and unlocks; the file stays, unless nothing waits in it. NULL is fine. */
void hf_queue_file_close(struct hf_queue_file *f);

struct hf_write_queue *hf_queue_file_queue(struct hf_queue_file *f);

/* Reads pages another way from now on. */
void hf_queue_file_set_load(struct hf_queue_file *f,
                            int (*load)(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err),
                            void *opaque);

/* After a commit: gives memory back to the system when the queue has more than `keep` pages of it. What is kept spares
 * later writes to the same pages a look into the container. */
void hf_queue_file_trim(struct hf_queue_file *f, uint32_t keep);

/* What a queue says about itself, whether or not a process uses it. HF_ENOTFOUND: no file, or one of another boot. */
struct hf_queue_state {
    int64_t behind_since; /* seconds since 1970; 0: the container takes writes */
    uint64_t bytes;       /* of pages not yet in the container */
    bool theirs;          /* they are for another file than the owner's: */
    char place[PATH_MAX]; /* where that lay */
    uint64_t mark;        /* hf_write_queue_mark() */
};
/* Some writes always wait for some milliseconds while a guest runs; they are news only when they cannot be stored. */
static inline bool hf_queue_is_behind(const struct hf_queue_state *state)
{
    return !state->theirs && state->behind_since && state->bytes;
}

int hf_queue_file_look(const char *path, const struct hf_queue_owner *owner, struct hf_queue_state *out,
                       struct hf_error *err);

#endif
