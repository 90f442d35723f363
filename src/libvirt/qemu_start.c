/* SPDX-License-Identifier: BSD-2-Clause */
#include "qemu_start.h"

#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define LIBVIRT_PIDS "/run/libvirt/qemu"

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

static FILE *open_command_line(const char *domain)
{
    hf_auto(close_file) FILE *f = NULL;
    char path[PATH_MAX];
    int64_t pid;

    if (snprintf(path, sizeof path, LIBVIRT_PIDS "/%s.pid", domain) >= (int)sizeof path)
        return NULL;
    f = fopen(path, "re");
    if (!f || fscanf(f, "%" SCNd64, &pid) != 1)
        return NULL;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/cmdline", pid);
    return fopen(path, "re");
}

bool hf_qemu_awaits_state(const char *domain)
{
    hf_auto(close_file) FILE *f = open_command_line(domain);
    hf_auto(hf_cleanup_free) char *word = NULL;
    bool found = false;
    size_t room = 0;

    while (f && !found && getdelim(&word, &room, '\0', f) > 0)
        found = !strcmp(word, "-incoming");
    return found;
}
