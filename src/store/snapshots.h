/* SPDX-License-Identifier: BSD-2-Clause */
/* Variables and active slot at one moment. */
#ifndef HF_SNAPSHOTS_H
#define HF_SNAPSHOTS_H

#include "container.h"
#include "digest.h"

#define HF_SNAPSHOTS_MAX        8
#define HF_SNAPSHOT_REASON_SIZE 64

struct hf_snapshot {
    int64_t id; /* counts up from 1, never used again */
    int64_t taken;
    char reason[HF_SNAPSHOT_REASON_SIZE]; /* "before apply", "operator", ...: for people */
    bool has_code;
    struct hf_digest code; /* the active slot's image then; kept as long as the snapshot */
    bool has_vars;         /* false: the guest had no vars bank */
    struct hf_digest vars; /* digest of the bank then */
    uint64_t size;         /* of the bank */
    bool pinned;           /* a slot refers to it */
};

/* In a transaction. Beyond HF_SNAPSHOTS_MAX the oldest that is not pinned goes; HF_EREFUSED "snapshots" when all are. */
int hf_snapshot_take(struct hf_container *c, const char *reason, int64_t now, int64_t *id, struct hf_error *err);

/* HF_ENOTFOUND. */
int hf_snapshot_get(struct hf_container *c, int64_t id, struct hf_snapshot *snapshot, struct hf_error *err);
/* Oldest first. */
int hf_snapshot_list(struct hf_container *c, struct hf_snapshot list[HF_SNAPSHOTS_MAX], size_t *count,
                     struct hf_error *err);
/* A range of the variables in it. HF_EUSAGE: outside. */
int hf_snapshot_read(struct hf_container *c, int64_t id, uint64_t offset, void *buf, size_t size, struct hf_error *err);
/* In a transaction: the vars bank becomes what it was, size included. Slots are the caller's (L3). */
int hf_snapshot_restore(struct hf_container *c, int64_t id, struct hf_error *err);
/* In a transaction. HF_EREFUSED "snapshots": pinned. */
int hf_snapshot_delete(struct hf_container *c, int64_t id, struct hf_error *err);

#endif
