/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The container: one guest's firmware, variables and agreements in one crash-safe file. docs/container.md describes the
 * format, schema.sql specifies it.
 *
 * A handle is one SQLite connection. A process has a given container open at most once (closing any other descriptor of
 * the file would drop SQLite's locks), never across fork(), and uses a handle from one thread at a time.
 *
 * Every change happens between hf_begin() and hf_commit(); hf_begin() checks epoch and owner inside the transaction
 * (L6), so a handle whose container was taken over, handed over or restored meanwhile changes nothing. Reading needs no
 * transaction; to read several things of one moment, put hf_begin()/hf_abort() around them (also in HF_OPEN_LOOK).
 *
 * `now` is seconds since 1970-01-01 UTC everywhere; the store asks no clock.
 *
 * Errors that every function below may return, not repeated there: HF_EIO, HF_ENOMEM, HF_EDAMAGED (a row, image or
 * tally is not what it should be; nothing was changed), HF_ETIMEDOUT (another process kept a transaction open too long).
 */
#ifndef HF_CONTAINER_H
#define HF_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

#include "ids.h"

#define HF_GUEST_NAME_SIZE    128
#define HF_GUEST_ARCH_SIZE    16
#define HF_GUEST_MACHINE_SIZE 64
#define HF_CONTAINER_MAX      (64U << 20) /* bytes of the whole file */

struct hf_container;

enum hf_open_mode {
    HF_OPEN_LOOK, /* read only: changes no byte of the container nor of the files beside it; works beside a runner */
    HF_OPEN_EDIT, /* an operator's verb: short; allowed beside a runner on the same host */
    HF_OPEN_RUN,  /* for the life of a run: holds the owner lock, moves the epoch on by one */
};

struct hf_guest {
    char uuid[HF_UUID_TEXT_SIZE];        /* required */
    char name[HF_GUEST_NAME_SIZE];       /* for people; may be empty */
    char arch[HF_GUEST_ARCH_SIZE];       /* QEMU's name: x86_64, aarch64; required */
    char machine[HF_GUEST_MACHINE_SIZE]; /* as the user named it: pc-q35-7.2, q35; may be empty */
};

enum hf_durability {
    HF_SOON,    /* survives the death of this process, not a power cut; a later durable commit or hf_sync() covers it */
    HF_DURABLE, /* survives a power cut */
};

/* Makes a new container, owned by this host at epoch 1, and opens it for editing. Nothing may exist at `path`
 * (HF_EREFUSED "exists"). A creation that fails leaves no file. HF_EREFUSED "permissions", "filesystem", "uuid";
 * HF_ENOSPC. */
int hf_container_create(const char *path, const struct hf_guest *guest, int64_t now, struct hf_container **out,
                        struct hf_error *err);

/* The same in two steps, for a container that is to hold more before anybody sees it. The first opens it for editing under
 * another name; the second gives it its own, complete and durable, and closes it, whatever comes of it. Until then, and
 * when that fails, nothing is at `path`; hf_container_close() instead of it drops what was made. */
int hf_container_begin(const char *path, const struct hf_guest *guest, int64_t now, struct hf_container **out,
                       struct hf_error *err);
int hf_container_publish(struct hf_container *c, struct hf_error *err);

/* Removes a container that was just made, is closed, and is not to be after all, with what lies beside it. */
void hf_container_discard(const char *path);

/* Opens an existing container. HF_ENOTFOUND; HF_EDAMAGED; HF_EVERSION (newer format);
 * HF_EREFUSED "permissions" (the file or its directory is writable by others, a symbolic or second hard link, a block
 * device), "foreign" (a database, but not a container);
 * and unless HF_OPEN_LOOK: HF_EREFUSED "epoch" (this host has seen a newer epoch of it), "departed", "incoming",
 * "backup"; HF_EOWNED (another host owns it; RUN: another process runs it, here or on another host that sees
 * the file, or another container with the same UUID runs: the text names pid, host and since when). */
int hf_container_open(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                      struct hf_error *err);

/* HF_OPEN_LOOK for a short time: while it is open, no operator's verb changes the container in between. */
int hf_container_open_quiet(const char *path, int64_t now, struct hf_container **out, struct hf_error *err);

/* The same for the dry run of a change: refused as HF_OPEN_EDIT would be. */
int hf_container_open_rehearsal(const char *path, int64_t now, struct hf_container **out, struct hf_error *err);

/* HF_OPEN_RUN for a child that inherited the owner lock from its supervisor: `lock_fd` is hf_container_lock_fd() of the
 * supervisor's handle, inherited over fork and exec (clear FD_CLOEXEC). Same open file description, same lock: whichever
 * of the two lives longer still holds it. Does not move the epoch. The handle owns the descriptor from then on, also
 * when opening fails. */
int hf_container_open_child(const char *path, int lock_fd, struct hf_container **out, struct hf_error *err);

/* A container that runs is also locked beside its file (PATH-owner), for other hosts that see it there. A handle of
 * hf_container_open_child() takes that lock on with this where the handle that had it is closed. HF_EOWNED. */
int hf_container_lock_place(struct hf_container *c, int64_t now, struct hf_error *err);

/* The descriptor of the owner lock, -1 unless HF_OPEN_RUN. Stays the handle's. */
int hf_container_lock_fd(const struct hf_container *c);

/* Ends an open transaction without its changes, brings everything into the one file (when nobody else has it open) and
 * frees the handle, in any case. An error says what could not be brought in; it is safe in the files beside it.
 * NULL is allowed. */
int hf_container_close(struct hf_container *c, struct hf_error *err);
/* The same at the end of a change whose every commit is durable; keeps the first error: `r` when it is one, else that of
 * closing. HF_EUNSYNCED: everything is done, and the last sync failed. */
int hf_close_after(struct hf_container *c, int r, struct hf_error *err);
/* For hf_auto(): closes and ignores the error. */
void hf_container_done(struct hf_container **c);

/* What stays the same for the life of a handle; owned by it. */
const char *hf_container_path(const struct hf_container *c); /* absolute, directory without symbolic links */
void hf_container_file(const struct hf_container *c, uint64_t *device, uint64_t *inode);
const char *hf_container_id(const struct hf_container *c);
enum hf_open_mode hf_container_mode(const struct hf_container *c);
int hf_container_created(const struct hf_container *c, int64_t *when, struct hf_error *err);

int hf_guest_get(struct hf_container *c, struct hf_guest *guest, struct hf_error *err);
/* In a transaction. */
int hf_guest_set(struct hf_container *c, const struct hf_guest *guest, struct hf_error *err);

/* Transactions; they do not nest. hf_begin: HF_EREFUSED "epoch" or HF_EOWNED when this handle no longer owns the
 * container. In HF_OPEN_LOOK it begins a read of one moment, ended by hf_abort(). */
int hf_begin(struct hf_container *c, struct hf_error *err);
/* HF_ENOSPC: the disk or the container's limit is full. On any error nothing of the transaction was done and it is
 * ended: begin again. */
int hf_commit(struct hf_container *c, enum hf_durability durability, struct hf_error *err);
/* Ends a transaction without its changes; harmless when there is none. */
void hf_abort(struct hf_container *c);
bool hf_in_transaction(const struct hf_container *c);

/* After an hf_commit() that failed: the change was made all the same, and only the sync behind it failed. A verb that ends
 * then says so with hf_error_unsynced(). */
bool hf_commit_is_made(const struct hf_container *c);

/* Makes all earlier commits durable (NBD flush; the 20 ms rule). */
int hf_sync(struct hf_container *c, struct hf_error *err);
/* The same for commits of another process, which may have been told that they did not become durable. */
int hf_sync_anew(struct hf_container *c, struct hf_error *err);

/* Commits since creation, those of other processes included: changes whenever anything changed. */
int hf_container_commits(struct hf_container *c, uint64_t *count, struct hf_error *err);

/* Bytes that wait in the log beside the file. Above HF_LOG_SOFT call hf_checkpoint() when there is a quiet moment (it
 * syncs: some milliseconds); a commit that finds more than HF_LOG_HARD does it itself. */
#define HF_LOG_SOFT (2U << 20)
#define HF_LOG_HARD (8U << 20)
uint64_t hf_log_bytes(const struct hf_container *c);
int hf_checkpoint(struct hf_container *c, struct hf_error *err);

/* Makes sure that `bytes` more can be stored and one whole variable bank can be logged without new room on the disk: all
 * of it up to 4 MiB, of a larger one what it stores, and 4 MiB at least.
 * HF_ENOSPC with the numbers. Outside a transaction. */
int hf_container_reserve(struct hf_container *c, uint64_t bytes, struct hf_error *err);
/* What the first commit of a handle does once to the file and its log, and the room of that log, ahead of a commit that is
 * waited for; changes no row that travels. */
int hf_container_warm(struct hf_container *c, struct hf_error *err);

/* Size of the file, and how much of it is free for reuse. */
int hf_container_usage(struct hf_container *c, uint64_t *bytes, uint64_t *free_bytes, struct hf_error *err);

#endif
