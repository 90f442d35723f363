/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a changed store goes: a new file, the place that it was read from, a container. */
#ifndef HF_VAR_PLACE_H
#define HF_VAR_PLACE_H

#include <limits.h>

#include "var_source.h"

/* For how long a change waits for others that change the same store, in seconds. */
#define HF_VAR_PATIENCE_S 60

struct hf_var_place {
    const char *out;    /* a new file; NULL: where it was read. A container is always changed where it is. */
    const char *backup; /* where the old store is kept; NULL: FILE.bak, FILE.bak.2, ... beside a file */
    struct hf_var_note note;
    bool dry_run, tpm_aware;
};

struct hf_var_written {
    char path[PATH_MAX];
    char kept[PATH_MAX]; /* the old store; "" for a container and a new file */
    uint64_t size;       /* of the file; 0 for a container */
};

/* Whether a store can be written there at all, before it is read. HF_EUSAGE. */
int hf_var_place_check(const char *path, const struct hf_var_place *place, struct hf_error *err);

/* In the form it was read in; a directory becomes JSON. With dry_run everything but the writing. HF_EREFUSED "changed":
 * the store is not any more what was read, so read it again; "exists"; "tpm-aware"; "in-use". HF_EOWNED. */
int hf_var_place_write(struct hf_var_source *source, const struct hf_var_place *place, struct hf_var_written *ret,
                       struct hf_error *err);

#endif
