/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child process that does not outlive its parent: the kernel kills it when the parent's thread that started it ends,
 * however that happens. Start children from the main thread only.
 */
#ifndef HF_CHILD_H
#define HF_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <holdfast/error.h>

#define HF_CHILD_FDS_MAX 8

struct hf_child_spec {
    char *const *argv;          /* argv[0] is looked up in PATH */
    int keep[HF_CHILD_FDS_MAX]; /* descriptors of ours that the child gets under the same number */
    size_t keep_count;
    int input, output, errors; /* of ours that become its standard ones; 0: as ours (or input from /dev/null) */
    bool detached; /* own session, standard input from /dev/null, and no descriptor beyond 2 and `keep`: the terminal's
                      signals and what our caller passed for QEMU are not for it */
};

/* HF_ENOTFOUND (no such program), HF_EIO. */
int hf_child_start(const struct hf_child_spec *spec, pid_t *pid, struct hf_error *err);

/* "exited with status 3", "was killed by SIGSEGV": for messages, from waitpid()'s status. `size` at least 64. */
const char *hf_child_end_text(int status, char *text, size_t size);

#endif
