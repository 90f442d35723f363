/* SPDX-License-Identifier: BSD-2-Clause */
#include "code_in_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define LINE_MAX_SIZE 4352 /* a line of /proc/PID/maps: numbers and a path */

struct piece {
    uint64_t at, size;
};

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

/* The next mapping that can be written and has that size. */
static bool next_piece(FILE *maps, uint64_t size, struct piece *out)
{
    char line[LINE_MAX_SIZE], perms[8];
    uint64_t from, to;

    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, perms) != 3 || perms[1] != 'w' || to - from != size)
            continue;
        *out = (struct piece){from, size};
        return true;
    }
    return false;
}

static int read_piece(int mem, const struct piece *p, uint8_t *bytes)
{
    for (uint64_t done = 0; done < p->size;) {
        ssize_t n = pread(mem, bytes + done, p->size - done, (off_t)(p->at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -HF_EIO;
        done += (uint64_t)n;
    }
    return 0;
}

int hf_code_in_memory(int64_t pid, uint64_t size, const struct hf_digest *expected, enum hf_code_found *out,
                      struct hf_digest *found, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = malloc(size ? size : 1);
    hf_auto(close_file) FILE *maps = NULL;
    hf_auto(hf_cleanup_close) int mem = -1;
    enum hf_code_found seen = HF_CODE_UNSEEN;
    struct piece p;
    char path[64];

    if (!bytes)
        return hf_error_set(err, HF_ENOMEM, "%" PRIu64 " bytes of code: out of memory", size);
    snprintf(path, sizeof path, "/proc/%" PRId64 "/maps", pid);
    maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%" PRId64 "/mem", pid);
    mem = maps ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (mem < 0)
        return hf_error_set(err, HF_EIO, "the memory of QEMU, process %" PRId64 ", cannot be read: %s", pid,
                            strerror(errno));
    while (seen != HF_CODE_SAME && next_piece(maps, size, &p)) {
        if (read_piece(mem, &p, bytes) < 0)
            continue;
        *found = hf_digest_of(bytes, size);
        seen = hf_digest_equal(found, expected) ? HF_CODE_SAME : HF_CODE_OTHER;
    }
    *out = seen;
    return 0;
}
