/* SPDX-License-Identifier: BSD-2-Clause */
/* Which process writes a domain's variables in this start (nbdkit's writer.h), kept in a file of the runtime directory:
 * it outlives the guard, whose successor serves the same start. */
#ifndef HF_WRITER_RECORD_H
#define HF_WRITER_RECORD_H

#include <stdint.h>

#include <holdfast/error.h>

#define HF_WRITER_ENDED (-1)

/* A number may be used again, so it is kept with when that process began. */
int hf_writer_record_keep(const char *path, int64_t pid, struct hf_error *err);

/* Its number; 0: nobody is recorded; HF_WRITER_ENDED: it does not live any more. */
int64_t hf_writer_record_read(const char *path);

#endif
