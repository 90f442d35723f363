/* SPDX-License-Identifier: BSD-2-Clause */
#include "receive_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "places.h"

static int open_lock(const char *uuid, int flags, struct hf_error *err)
{
    char path[PATH_MAX];
    int fd;

    hf_libvirt_run_path(uuid, HF_RECEIVE_LOCK, path);
    fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    return fd < 0 ? hf_error_set(err, HF_EIO, "cannot open '%s': %s", path, strerror(errno)) : fd;
}

int hf_receive_lock(const char *uuid, int *fd, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int lock = -1;
    int r = hf_libvirt_make_run(uuid, (gid_t)-1, err);

    if (r < 0)
        return r;
    lock = open_lock(uuid, O_CREAT, err);
    if (lock < 0)
        return lock;
    if (flock(lock, LOCK_EX | LOCK_NB) < 0)
        return hf_error_set(err, HF_EOWNED, "another process receives domain %s", uuid);
    *fd = hf_take_fd(lock);
    return 0;
}

bool hf_libvirt_is_receiving(const char *uuid)
{
    hf_auto(hf_cleanup_close) int lock = open_lock(uuid, 0, NULL);

    return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0;
}
