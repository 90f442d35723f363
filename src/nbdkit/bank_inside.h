/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to bank_server.c, bank_incoming.c and bank_whole.c. */
#ifndef HF_BANK_INSIDE_H
#define HF_BANK_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "bank_server.h"
#include "committer.h"
#include "outline.h"
#include "replaced.h"

struct hf_bank_server {
    char *path;
    int lock_fd; /* a descriptor of the owner lock that survives the handles; -1 before the first is open */
    uint64_t size[HF_BANK_VARS + 1];
    struct hf_queue_file *queue; /* NULL: no variable bank */
    struct hf_committer *committer;
    struct hf_committer_ops ops;
    void (*status)(const struct hf_nbd_status *s);
    bool (*may_replace)(void); /* NULL: always */

    pthread_mutex_t take_over;      /* held by the write that ends `incoming` */
    pthread_mutex_t lock;           /* for what follows; taken after the committer's own */
    bool arrives;                   /* it was opened as one that is being received: the guest brings its own bank */
    bool incoming;                  /* being received: neither queue nor committer yet */
    struct hf_container *container; /* NULL after a failure, until it can be opened again */
    const char *boot_id;            /* of the host, for the boot that is opened here */
    atomic_bool opens_boot; /* by the next that reads code or writes. No lock: writes must not wait for commits */
    bool doubtful;          /* SQLite reported an error: recover before the next use */
    /* A whole bank that is being written; of the one thread that writes. */
    struct {
        bool under_way, differs;
        uint64_t next; /* where it goes on */
        struct hf_replaced before;
    } whole;
    struct hf_outline *outline; /* of a bank that was received, until it is written; or NULL */
};

/* With `lock` held: the container's handle, opened again after an error of the file system. */
int hf_bank_server_container(struct hf_bank_server *s, struct hf_container **out, struct hf_error *err);
/* Gives `r`, what a call of the store returned, and notes whether the handle can still be trusted. */
int hf_bank_server_judged(struct hf_bank_server *s, int r);
void hf_bank_server_forget_outline(struct hf_bank_server *s);

/* The parts of opening. */
int hf_bank_server_new(const char *path, void (*status)(const struct hf_nbd_status *s), struct hf_bank_server **out,
                       struct hf_error *err);
int hf_bank_server_find_sizes(struct hf_bank_server *s, struct hf_error *err);
int hf_bank_server_opened(struct hf_bank_server *s, int r, struct hf_bank_server **out);
int hf_bank_server_start_committer(struct hf_bank_server *s, struct hf_error *err);

/* bank_incoming.c: a container that is being received. The first write waits until this host owns it. */
bool hf_bank_server_is_incoming(struct hf_bank_server *s);
int hf_bank_server_become_owner(struct hf_bank_server *s, struct hf_error *err);

/* bank_whole.c: a client that writes the whole bank. Before a write: whether it is a piece of one; then each piece;
 * after the last: what became of the variables. */
int hf_bank_server_follow_whole(struct hf_bank_server *s, uint64_t offset, size_t size, struct hf_error *err);
int hf_bank_server_write_piece(struct hf_bank_server *s, uint64_t offset, const uint8_t *bytes, size_t size,
                               struct hf_error *err);
void hf_bank_server_judge_whole(struct hf_bank_server *s);

#endif
