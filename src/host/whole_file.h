/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are read or written as a whole: firmware images, variable stores, exports. */
#ifndef HF_WHOLE_FILE_H
#define HF_WHOLE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include <holdfast/error.h>

/* Reads a regular file of at most `max` bytes into memory that the caller frees; an empty file gives a pointer, too. A
 * NUL that *size does not count follows them, so that a text is a string. Links are followed (a distribution's firmware
 * is often one). HF_ENOTFOUND; HF_EREFUSED "file" (no regular file, or longer than `max`); HF_EIO; HF_ENOMEM. */
int hf_file_read(const char *path, uint64_t max, uint8_t **bytes, uint64_t *size, struct hf_error *err);

/* Makes a new file with all of `bytes`, durable when it returns. HF_EREFUSED "exists": something is at `path`; HF_EIO,
 * HF_ENOSPC: and nothing is left there. */
int hf_file_write_new(const char *path, const void *bytes, uint64_t size, mode_t mode, struct hf_error *err);

/* The same, in place of a file that may be there: readers see the old bytes or the new ones, whole. With `keep` (may be
 * NULL) the old file gets that name first; something at `keep` is HF_EREFUSED "exists". Owner and group become those of
 * the caller unless the old file had others and the caller may give them. */
int hf_file_replace(const char *path, const void *bytes, uint64_t size, mode_t mode, const char *keep,
                    struct hf_error *err);

#endif
