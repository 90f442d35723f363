/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may write (L6). The container says which host owns it, at which epoch; each host remembers per container id the
 * highest epoch it saw and where it went (epochs.h). Epochs only grow: at every run, claim, take and restore.
 */
#ifndef HF_OWNER_H
#define HF_OWNER_H

#include "container.h"

#define HF_HOST_NAME_SIZE 128

enum hf_owner_state {
    HF_OWNER_HELD = 1,     /* the host below owns it */
    HF_OWNER_DEPARTED = 2, /* handed over to the host below: this copy never writes again */
    HF_OWNER_INCOMING = 3, /* being received: serves reads, owns nothing */
    HF_OWNER_BACKUP = 4,   /* a backup: readable, does not run until restored */
};

struct hf_owner {
    enum hf_owner_state state;
    uint64_t epoch;
    char host_id[HF_ID_TEXT_SIZE];
    char host_name[HF_HOST_NAME_SIZE]; /* for people */
    int64_t since;
    char reason[HF_HOST_NAME_SIZE]; /* "created", "run", "claim", "take: ...", ...: for people */
};

/* "held", "departed", "incoming", "backup"; never NULL. */
const char *hf_owner_state_text(enum hf_owner_state state);

int hf_owner_get(struct hf_container *c, struct hf_owner *owner, struct hf_error *err);

/* Who runs the container on this host right now, without opening it for writing. HF_ENOTFOUND: nobody. */
struct hf_runner {
    int64_t pid;
    int64_t since;
    uint64_t device, inode; /* of the file it runs from */
    char host_name[HF_HOST_NAME_SIZE];
};
int hf_runner_get(const char *container_id, struct hf_runner *runner, struct hf_error *err);

/* Source of a hand-over, the commit point on this side. A transaction of its own, durable: the container (EDIT or RUN)
 * becomes departed to `host_id`, at its present epoch + 1, and the host's register says so. From then on this handle
 * only reads. */
int hf_owner_depart(struct hf_container *c, const char *host_id, const char *host_name, int64_t now,
                    struct hf_error *err);

/* Destination of a hand-over. hf_container_open_incoming: reads an incoming container; hf_begin() on it is refused
 * ("incoming"). hf_begin_claim(): begins the transaction whose commit makes this host the owner at `epoch`, which must be
 * higher than the container's and than any this host saw (HF_EREFUSED "epoch"). After its commit the handle writes like
 * one opened with HF_OPEN_RUN. */
int hf_container_open_incoming(const char *path, int64_t now, struct hf_container **out, struct hf_error *err);
int hf_begin_claim(struct hf_container *c, uint64_t epoch, int64_t now, struct hf_error *err);

/* The operator's word against the register: this copy is the one that counts from now on. Works on a container in any
 * state that nobody runs on this host; the epoch becomes higher than any this host has seen. `reason` is logged and must
 * not be empty. */
int hf_owner_take(const char *path, const char *reason, int64_t now, uint64_t *epoch, struct hf_error *err);

#endif
