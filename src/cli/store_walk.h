/* SPDX-License-Identifier: BSD-2-Clause */
/* Variable stores and containers in files and directories. */
#ifndef HF_STORE_WALK_H
#define HF_STORE_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include <holdfast/error.h>

struct hf_store_walk {
    /* Every store, in the order of names. `why` is NULL, or what keeps the path from being looked at. A negative return
     * ends the walk. */
    int (*each)(void *ctx, const char *path, const char *why, struct hf_error *err);
    void *ctx;
    size_t skipped; /* files in directories that are neither */
};

/* A path that is named is a store, whatever it holds; in a directory, and those below it, what looks like one is: links
 * are not followed there. */
int hf_store_walk(struct hf_store_walk *walk, const char *path, struct hf_error *err);

#endif
