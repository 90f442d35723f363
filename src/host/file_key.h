/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A name for what a file holds, made without reading it: its path, device, inode, size and times. For keys of the
 * cache. A file that changed less than two seconds ago has none: another change might not show in its times.
 */
#ifndef HF_FILE_KEY_H
#define HF_FILE_KEY_H

#include <limits.h>
#include <stdbool.h>

#define HF_FILE_KEY_SIZE (PATH_MAX + 160)

/* False: no regular file, or too young. */
bool hf_file_key(const char *path, char key[HF_FILE_KEY_SIZE]);

/* The same of a program as the shell would find it. False also where the file alone does not say what runs: a script,
 * or an environment that names other libraries or modules. */
bool hf_program_key(const char *program, char key[HF_FILE_KEY_SIZE]);

#endif
