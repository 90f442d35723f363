/* SPDX-License-Identifier: BSD-2-Clause */
#include "noticed.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"

#define DIGITS 20 /* always as many, so that who reads meanwhile sees one number or the other */

static bool path_of(const char *dir, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/noticed", dir) < PATH_MAX;
}

void hf_noticed_say(const char *dir, uint64_t commits)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    char path[PATH_MAX], text[DIGITS + 1];

    if (!path_of(dir, path))
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    (void)snprintf(text, sizeof text, "%0*llu", DIGITS, (unsigned long long)commits);
    if (fd >= 0 && pwrite(fd, text, DIGITS, 0) != DIGITS)
        (void)unlink(path); /* no disk for twenty bytes: who would wait for them? */
}

void hf_noticed_forget(const char *dir)
{
    char path[PATH_MAX];

    if (path_of(dir, path))
        (void)unlink(path);
}

bool hf_noticed(const char *dir, uint64_t commits)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    char path[PATH_MAX], text[DIGITS + 1] = "";

    if (!path_of(dir, path))
        return true;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return true;
    return pread(fd, text, DIGITS, 0) == DIGITS && strtoull(text, NULL, 10) >= commits;
}
