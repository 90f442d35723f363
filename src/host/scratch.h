/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directory for a moment, in the runtime directory. Who is killed leaves his behind; the next one who makes one of that
 * name removes it, because nobody locks it any more.
 */
#ifndef HF_SCRATCH_H
#define HF_SCRATCH_H

#include <limits.h>

#include <holdfast/error.h>

struct hf_scratch {
    char path[PATH_MAX]; /* "": there is none */
    int lock;
};

/* `name` and six characters more, mode 0700. HF_EIO; HF_EREFUSED "permissions" as hf_runtime_dir(). */
int hf_scratch_make(const char *name, struct hf_scratch *ret, struct hf_error *err);

/* Removes it with all that is in it. Harmless for one that was not made (zeros). */
void hf_scratch_remove(struct hf_scratch *s);

#endif
