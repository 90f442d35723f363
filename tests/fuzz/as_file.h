/* SPDX-License-Identifier: BSD-2-Clause */
/* For parsers that open a path: the input as a file that has no name. */
#ifndef HF_AS_FILE_H
#define HF_AS_FILE_H

#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Fills `path`; gives the descriptor to close afterwards. */
static inline int hf_as_file(const uint8_t *bytes, size_t size, char path[32])
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    MUST(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
