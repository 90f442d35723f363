/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment variables that holdfast reads, looked at once before anything else: one with a value that could only
 * be ignored is refused instead. docs: holdfast(1), ENVIRONMENT. */
#ifndef HF_ENVIRONMENT_H
#define HF_ENVIRONMENT_H

#include <holdfast/error.h>

#define HF_ENVIRONMENT_PATH_MAX 4000 /* bytes; names are made behind it */

/* HF_EUSAGE: the variable, what it holds and what it may hold. One of XDG counts only where it is read: not for root
 * whose directories are fixed, nor where one of holdfast's own stands in for it. An empty one is as an unset one. */
int hf_environment_check(struct hf_error *err);

#endif
