/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "runtime.h"

#define ATTEMPTS 2000 /* of 5 ms */

static int lock(int fd, short type)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &l);
}

static void pause_for(long milliseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
}

int hf_gate_enter(const char *container_id, int *gate, struct hf_error *err)
{
    char dir[PATH_MAX], path[PATH_MAX + 16];
    int fd hf_auto(hf_cleanup_close) = -1, r = hf_runtime_guest_dir(container_id, dir, err);

    if (r < 0)
        return r;
    snprintf(path, sizeof path, "%s/gate.lock", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return hf_error_set(err, HF_EIO, "cannot open %s: %s", path, strerror(errno));
    for (unsigned i = 0; lock(fd, F_RDLCK) < 0; i++) {
        if (errno != EAGAIN && errno != EACCES)
            return hf_error_set(err, HF_EIO, "cannot lock %s: %s", path, strerror(errno));
        if (i == ATTEMPTS)
            return hf_error_set(err, HF_ETIMEDOUT,
                                "%s: timed out after 10 s: another process is closing the container; try again", path);
        pause_for(5);
    }
    *gate = hf_take_fd(fd);
    return 0;
}

int hf_gate_alone(int gate)
{
    /* Two that leave at once must not wait for each other: both let go, and one of them gets it. */
    for (unsigned i = 0; i < 3; i++) {
        if (lock(gate, F_WRLCK) == 0)
            return 1;
        (void)lock(gate, F_UNLCK);
        pause_for(1);
    }
    return 0;
}
