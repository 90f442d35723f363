/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's register, in its state directory: per container id the highest epoch this host saw, and where it went. */
#ifndef HF_EPOCHS_H
#define HF_EPOCHS_H

#include <limits.h>

#include "owner.h"

struct hf_epoch {
    uint64_t epoch;
    bool departed;        /* to the host below */
    bool granted;         /* departed, and not heard yet that the host below took it */
    uint32_t revoked;     /* attempts up to this one are never claimed on this host; 0: none */
    char place[PATH_MAX]; /* where its copy was received last on this host; "": nowhere */
    char host_id[HF_ID_TEXT_SIZE];
    char host_name[HF_HOST_NAME_SIZE];
    char uuid[HF_UUID_TEXT_SIZE]; /* the guest's */
};

/* HF_ENOTFOUND: never seen here. */
int hf_epoch_get(const char *container_id, struct hf_epoch *seen, struct hf_error *err);
/* The same, when never seen is no failure. 1: *seen is set; 0: never seen here. */
int hf_epoch_look(const char *container_id, struct hf_epoch *seen, struct hf_error *err);
/* Calls `each` for every container of the register, in no order, until it returns non-zero; returns that. A damaged
 * entry is HF_EDAMAGED. A host that has seen none has no entries. */
int hf_epoch_list(int (*each)(void *ctx, const char *container_id, const struct hf_epoch *seen), void *ctx,
                  struct hf_error *err);
/* Durable when it returns. A lower epoch than the recorded one is HF_EREFUSED "epoch". A promise that was made stays, and
 * so does a place unless there is another. */
int hf_epoch_set(const char *container_id, const struct hf_epoch *seen, struct hf_error *err);

/* Another host says that the container is its own at `epoch`. HF_EREFUSED, and what the operator can do: "epoch": this host
 * has seen a higher one; "held": this host owns it; "granted": this host gave it to another one than that, and has not
 * heard what became of it. A peer's word changes none of these. */
int hf_epoch_check_peer(const char *container_id, const struct hf_epoch *seen, uint64_t epoch, const char *host_id,
                        struct hf_error *err);
/* This host owns it. */
bool hf_epoch_is_held(const struct hf_epoch *seen);

/* For who will be in a hurry: writes ahead what hf_epoch_set() would have to write, and changes nothing. *ready goes to
 * hf_epoch_begin(), or, when nothing comes of it, to hf_epoch_unprepare(). -1 is none. */
int hf_epoch_prepare(const char *container_id, const struct hf_epoch *seen, int *ready, struct hf_error *err);
void hf_epoch_unprepare(const char *container_id, int *ready);

/* hf_epoch_set() in two parts: what can be refused, and what waits for the disk, which any thread may do; sooner where
 * it was prepared for this and nothing came in between. *ready becomes -1. In between nobody else changes this entry:
 * another attempt waits, in this process for ever. One of the two others follows: hf_epoch_drop() changes nothing; NULL
 * is allowed. */
struct hf_epoch_pending;
int hf_epoch_begin(const char *container_id, const struct hf_epoch *seen, int *ready, struct hf_epoch_pending **out,
                   struct hf_error *err);
int hf_epoch_finish(struct hf_epoch_pending *pending, struct hf_error *err);
void hf_epoch_drop(struct hf_epoch_pending *pending);

/* The entry says from now on that the container went to another host, which has it at `epoch`. */
void hf_epoch_depart(struct hf_epoch *seen, uint64_t epoch, const char *host_id, const char *host_name);

#endif
