/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may write (L6). The container says which host owns it, at which epoch; each host remembers per container id the
 * highest epoch it saw and where it went (epochs.h). Epochs only grow: at every run, claim, take and restore.
 */
#ifndef HF_OWNER_H
#define HF_OWNER_H

#include "container.h"

enum hf_owner_state {
    HF_OWNER_HELD = 1,     /* the host below owns it */
    HF_OWNER_DEPARTED = 2, /* handed over to the host below: this copy never writes again */
    HF_OWNER_INCOMING = 3, /* being received from the host below: serves reads, owns nothing */
    HF_OWNER_BACKUP = 4,   /* a backup: readable, does not run until restored */
    HF_OWNER_GRANTED = 5, /* the host below gave it away and has not heard that it was taken: nobody writes this copy */
    HF_OWNER_REVOKED = 6, /* received from the host below, and promised never to be claimed */
};

struct hf_owner {
    enum hf_owner_state state;
    uint64_t epoch;
    char host_id[HF_ID_TEXT_SIZE];
    char host_name[HF_HOST_NAME_SIZE]; /* for people */
    int64_t since;
    char reason[HF_HOST_NAME_SIZE]; /* "created", "run", "claim", "take: ...", ...: for people */
    uint32_t attempt;               /* the newest hand-over that was begun; 0: none yet (owner_steps.h) */
};

/* "held", "departed", "incoming", "backup", "granted", "revoked"; never NULL. */
const char *hf_owner_state_text(enum hf_owner_state state);

int hf_owner_get(struct hf_container *c, struct hf_owner *owner, struct hf_error *err);

/* False: this host has become the owner, durable in the container, but its register of epochs could not be written; that
 * is tried again with each commit. */
bool hf_owner_is_registered(const struct hf_container *c);

/* Who runs the container on this host right now, without opening it for writing. HF_ENOTFOUND: nobody. */
struct hf_runner {
    int64_t pid;
    int64_t since;
    uint64_t device, inode; /* of the file it runs from */
    char host_name[HF_HOST_NAME_SIZE];
};
int hf_runner_get(const char *container_id, struct hf_runner *runner, struct hf_error *err);
/* Who runs it from this very file on another host that sees it there. HF_ENOTFOUND: nobody who could be seen. */
int hf_runner_elsewhere(struct hf_container *c, struct hf_runner *runner, struct hf_error *err);

/* The operator's word against the register: this copy is the valid one from now on. Works on a container in any
 * state that nobody runs on this host, also on one that another host runs, which then writes no more; the epoch becomes higher than any this host has seen. `reason` is logged and must
 * not be empty. */
int hf_owner_take(const char *path, const char *reason, int64_t now, uint64_t *epoch, struct hf_error *err);

#endif
