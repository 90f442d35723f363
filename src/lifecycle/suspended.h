/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * States of the guest that were saved to a file. Such a file holds both banks as they were, and the VMM writes the
 * saved variables over newer ones when the guest runs on. While one is pending the container is `suspended`; nothing is
 * locked: a power-on goes its own way, and the newer variables are then kept when the state is loaded after all.
 */
#ifndef HF_SUSPENDED_H
#define HF_SUSPENDED_H

#include "container.h"
#include "digest.h"

/* The VMM has written its state to a file and ends. */
int hf_suspend(struct hf_container *c, int64_t now, struct hf_error *err);

struct hf_resume_report {
    bool noted;           /* the saving was seen here; false: only the code could be compared */
    int64_t since;        /* noted: when it was saved */
    bool newer_variables; /* the variables were changed since: they are in the snapshot */
    int64_t snapshot;     /* of the present variables; 0 when they are what was saved or the guest has none */
};

/* The state was loaded and the guest has not run yet. `code` is the digest of the code bank as it is in the VMM's
 * memory, `vars` that of the vars bank there (NULL: none). Snapshots the present variables when they differ, and logs;
 * the VMM's own write of the bank follows. One durable transaction; HF_OPEN_RUN.
 * HF_EREFUSED "suspended": the code in memory is not the active image, or code or variables were replaced since
 * (apply, rollback, revert): the guest must not run on. */
int hf_resume(struct hf_container *c, const struct hf_digest *code, const struct hf_digest *vars, int64_t now,
              struct hf_resume_report *report, struct hf_error *err);

#endif
