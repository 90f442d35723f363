/* SPDX-License-Identifier: BSD-2-Clause */
#include "writer_record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "whole_file.h"

#define RECORD_MAX 64
#define STAT_MAX   4096

/* In ticks since the host's boot: the 22nd field of its `stat`, whose second may hold anything in parentheses. 0: there
 * is no such process. */
static uint64_t began(int64_t pid)
{
    char path[64], text[STAT_MAX];
    hf_auto(hf_cleanup_close) int fd = -1;
    uint64_t ticks = 0;
    const char *at;
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n < 0)
        return 0;
    text[n] = '\0';
    at = strrchr(text, ')');
    if (!at || sscanf(at + 1, " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
                      &ticks) != 1)
        return 0;
    return ticks;
}

int hf_writer_record_keep(const char *path, int64_t pid, struct hf_error *err)
{
    char text[RECORD_MAX];
    int n = snprintf(text, sizeof text, "%" PRId64 " %" PRIu64 "\n", pid, began(pid));

    return hf_file_replace(path, text, (uint64_t)n, 0600, NULL, err);
}

int64_t hf_writer_record_read(const char *path)
{
    hf_auto(hf_cleanup_free) uint8_t *text = NULL;
    uint64_t size, then;
    int64_t pid;

    if (hf_file_read(path, RECORD_MAX, &text, &size, NULL) < 0 ||
        sscanf((const char *)text, "%" SCNd64 " %" SCNu64, &pid, &then) != 2 || pid <= 0)
        return 0;
    return then && began(pid) == then ? pid : HF_WRITER_ENDED;
}
