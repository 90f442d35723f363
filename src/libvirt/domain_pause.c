/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_pause.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "places.h"

static int set_mark(const char *uuid, const char *name, bool there, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    char path[PATH_MAX];

    hf_libvirt_run_path(uuid, name, path);
    if (!there) {
        if (unlink(path) == 0 || errno == ENOENT)
            return 0;
        return hf_error_set(err, HF_EIO, "cannot remove '%s': %s", path, strerror(errno));
    }
    fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? hf_error_set(err, HF_EIO, "cannot make '%s': %s", path, strerror(errno)) : 0;
}

int hf_domain_pause_want(const char *uuid, bool want, struct hf_error *err)
{
    return set_mark(uuid, HF_HOLD_MARK, want, err);
}

bool hf_domain_pause_is_wanted(const char *uuid)
{
    return hf_libvirt_has_mark(uuid, HF_HOLD_MARK);
}

static int lock_marks(const char *uuid, int *lock, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    char path[PATH_MAX];

    hf_libvirt_run_path(uuid, NULL, path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "'%s': %s", path, strerror(errno));
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return hf_error_set(err, HF_EIO, "'%s' cannot be locked: %s", path, strerror(errno));
    *lock = hf_take_fd(fd);
    return 0;
}

/* The mark first: a guest that runs with a mark is resumed once too often, one that stands without stands for ever. */
static int pause_guest(struct hf_virt *v, const char *uuid, struct hf_error *err)
{
    struct hf_virt_state state;
    int r = hf_virt_state(v, &state, err);

    if (r < 0 || !state.active || state.paused)
        return r;
    r = set_mark(uuid, HF_PAUSED_MARK, true, err);
    return r < 0 ? r : hf_virt_suspend(v, err);
}

static int resume_guest(struct hf_virt *v, const char *uuid, struct hf_error *err)
{
    struct hf_virt_state state;
    int r = hf_virt_state(v, &state, err);

    if (r == 0 && state.active && state.paused)
        r = hf_virt_resume(v, err);
    return r < 0 ? r : set_mark(uuid, HF_PAUSED_MARK, false, err);
}

int hf_domain_pause_align(const char *uuid, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;
    hf_auto(hf_cleanup_close) int lock = -1;
    int r = hf_virt_open(NULL, uuid, &v, err);

    if (r == 0)
        r = lock_marks(uuid, &lock, err);
    while (r == 0 && hf_libvirt_has_mark(uuid, HF_HOLD_MARK) != hf_libvirt_has_mark(uuid, HF_PAUSED_MARK)) {
        if (hf_libvirt_has_mark(uuid, HF_PAUSED_MARK)) {
            r = resume_guest(v, uuid, err);
            continue;
        }
        r = pause_guest(v, uuid, err);
        if (!hf_libvirt_has_mark(uuid, HF_PAUSED_MARK))
            break; /* its operator paused it, or it has ended */
    }
    return r;
}

int hf_domain_pause_enter(struct hf_virt *v, const char *uuid, int *lock, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    int r = lock_marks(uuid, &fd, err);

    if (r == 0)
        r = pause_guest(v, uuid, err);
    if (r == 0)
        *lock = hf_take_fd(fd);
    return r;
}

int hf_domain_pause_leave(struct hf_virt *v, const char *uuid, int lock, struct hf_error *err)
{
    int r = 0;

    if (hf_libvirt_has_mark(uuid, HF_PAUSED_MARK) && !hf_libvirt_has_mark(uuid, HF_HOLD_MARK))
        r = resume_guest(v, uuid, err);
    (void)close(lock);
    return r;
}
