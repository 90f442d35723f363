/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorded_program.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *program, const char *why, struct hf_error *err)
{
    return hf_error_refuse(err, "program",
                           "the container names '%.200s' as the guest's QEMU, which %s; give --probe-source", program,
                           why);
}

int hf_recorded_program_check(const char *program, struct hf_error *err)
{
    const char *slash = strrchr(program, '/');
    struct stat st;

    if (strncmp(slash ? slash + 1 : program, "qemu-", 5) != 0)
        return refuse(program, "is not named qemu-...", err);
    if (!slash)
        return 0;
    if (program[0] != '/')
        return refuse(program, "is relative to the working directory", err);
    if (stat(program, &st) < 0)
        return 0; /* starting it says why it cannot be */
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0)
        return refuse(program, "others may write", err);
    return 0;
}
