/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs another program and keeps what it printed: for questions such as `QEMU -L help` or `nbdkit --version`. */
#ifndef HF_PROGRAM_OUTPUT_H
#define HF_PROGRAM_OUTPUT_H

#include <stddef.h>
#include <sys/types.h>

#include <holdfast/error.h>

#define HF_PROGRAM_OUTPUT_MAX 65536U
#define HF_PROGRAM_OUTPUT_MS  10000

/* Starts argv[0] (looked up in PATH) with the given descriptors as its standard input and output, and its standard
 * error thrown away; in < 0 is /dev/null. HF_ENOTFOUND: no such program; HF_EIO. */
int hf_program_start(char *const *argv, int in, int out, pid_t *pid, struct hf_error *err);

/* Waits for it, some seconds; then it is ended. Its exit status, or -1 when it was killed. */
int hf_program_end(pid_t pid);

/* What it printed, NUL terminated, the caller's to free(). HF_ENOTFOUND, HF_EIO, HF_ENOMEM; HF_EPROTO: exit status
 * other than 0, or more than HF_PROGRAM_OUTPUT_MAX bytes; HF_ETIMEDOUT: silent for HF_PROGRAM_OUTPUT_MS. */
int hf_program_output(char *const *argv, char **text, struct hf_error *err);

#endif
