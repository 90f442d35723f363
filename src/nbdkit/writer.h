/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one process that writes the variables in this start of the guest: the first to write. It may connect again,
 * also to a server that was started again, and may have several connections, of which one writes at a time. Nobody else
 * becomes the writer when it has left: a second QEMU whose arguments name the same socket would write its own, older
 * view of the bank over the guest's.
 *
 * Threads may call these at the same time.
 */
#ifndef HF_WRITER_H
#define HF_WRITER_H

#include <stdbool.h>
#include <stdint.h>

/* A connection. */
struct hf_writer_client {
    int64_t pid; /* of the peer, as this process sees it; 0 or less: it cannot be told */
};

enum hf_writer_turn {
    HF_WRITER_OURS,
    HF_WRITER_BUSY,  /* another connection of the same process did not end in time */
    HF_WRITER_OTHER, /* another process is this start's writer */
};

/* Before the first connection: who it was when a server before this one served the same start. 0: a process that has
 * ended since, so that nobody writes any more. */
void hf_writer_is(int64_t pid);
/* Its process id; 0: nobody has written yet, or it cannot be told. */
int64_t hf_writer_pid(void);

/* Whether a write of this client could be accepted, now or later. */
bool hf_writer_may(const struct hf_writer_client *client);
/* Waits while another connection of the same process has the turn. `first`: nobody had written before. */
enum hf_writer_turn hf_writer_enter(const struct hf_writer_client *client, bool *first);
void hf_writer_leave(const struct hf_writer_client *client);

#endif
