/* SPDX-License-Identifier: BSD-2-Clause */
/* Snapshots by the operator's hand. With external snapshots of the disks they take the place of the VMM's own, which
 * cannot be taken of banks over NBD. */
#ifndef HF_REVERT_H
#define HF_REVERT_H

#include "container.h"
#include "snapshots.h"

/* Takes one. One durable transaction; works beside a runner. `reason` is for people ("operator" when empty). */
int hf_snapshot_now(struct hf_container *c, const char *reason, int64_t now, bool dry_run, int64_t *id,
                    struct hf_error *err);

struct hf_revert_report {
    struct hf_snapshot to; /* what came back */
    int64_t kept;          /* the snapshot of what was replaced */
    bool code_changes;     /* the active image too */
};

struct hf_revert_request {
    int64_t id;                     /* the snapshot */
    bool tpm_aware, no_secure_boot; /* as in struct hf_rollback_request */
    bool dry_run;
    int64_t now;
};

/* Brings back variables and active image of a snapshot, both or nothing. The guest is off: HF_EREFUSED "running" when
 * somebody runs it (L2). HF_ENOTFOUND: no such snapshot. HF_EREFUSED "staged", "trial", "rollback" (the table),
 * "snapshots"; "tpm-aware", "secure-boot" as hf_rollback(), before anything changes. */
int hf_revert(struct hf_container *c, const struct hf_revert_request *request, struct hf_revert_report *report,
              struct hf_error *err);

#endif
