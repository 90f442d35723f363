/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both banks of one container, for any number of threads: the container's one handle behind a lock, and the committing
 * thread with the queue of writes for `vars`.
 */
#ifndef HF_BANK_SERVER_H
#define HF_BANK_SERVER_H

#include "banks.h"
#include "nbd_status.h"

struct hf_bank_server;

/* Opens the container: as the child of a supervisor whose owner lock is `lock_fd`, or with -1 as its only user (then it
 * takes the lock). Takes over the queue of a server that died. `status` is called from any thread, under a lock. */
int hf_bank_server_open(const char *path, int lock_fd, void (*status)(const struct hf_nbd_status *s),
                        struct hf_bank_server **out, struct hf_error *err);

/* The same for a container that is being received: it is only read, through whatever file has that name when a read
 * comes first. `lock_fd` is the receiver's owner lock. The first write takes over the container that has
 * the name then and goes on as if it had been opened above; so it must have been claimed before. */
int hf_bank_server_open_incoming(const char *path, int lock_fd, void (*status)(const struct hf_nbd_status *s),
                                 struct hf_bank_server **out, struct hf_error *err);

/* Before the first write: who is asked when a client begins to write the whole bank. False: that write fails. */
void hf_bank_server_judge(struct hf_bank_server *s, bool (*may_replace)(void));

/* Nobody else knows when the guest executes: its boot is open when the code bank is first read, or the variables are
 * first written, whichever comes first, and that waits until it is written down (boots.h). `boot_id` is the host's; it
 * is kept. Before hf_bank_server_start(). */
void hf_bank_server_opens_boot(struct hf_bank_server *s, const char *boot_id);

/* Starts the committing thread, once privileges are gone. */
int hf_bank_server_start(struct hf_bank_server *s, struct hf_error *err);

/* Commits what waits, ends the thread, closes the container. The error says what could not be brought in. */
int hf_bank_server_close(struct hf_bank_server *s, struct hf_error *err);

/* 0: the container has no such bank. */
uint64_t hf_bank_server_size(const struct hf_bank_server *s, enum hf_bank bank);

int hf_bank_server_read(struct hf_bank_server *s, enum hf_bank bank, uint64_t offset, void *bytes, size_t size,
                        struct hf_error *err);
/* To HF_BANK_VARS; any size. Every HF_WRITE_QUEUE_WRITE_MAX bytes are one write that happens wholly or not at all. */
int hf_bank_server_write(struct hf_bank_server *s, uint64_t offset, const void *bytes, size_t size,
                         struct hf_error *err);
int hf_bank_server_flush(struct hf_bank_server *s, struct hf_error *err);

/* As hf_bank_extent(), of the guest's view. */
int hf_bank_server_extent(struct hf_bank_server *s, enum hf_bank bank, uint64_t offset, uint64_t *length, bool *erased,
                          struct hf_error *err);

#endif
