/* SPDX-License-Identifier: BSD-2-Clause */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "leftover.h"
#include "no_room.h"
#include "ids.h"

static int system_error(struct hf_error *err, const char *doing, const char *path)
{
    enum hf_code code = errno == ENOENT || errno == ENOTDIR ? HF_ENOTFOUND : hf_no_room_or_io(errno);

    return hf_error_set(err, code, "%s '%s': %s", doing, path, strerror(errno));
}

static int read_all(int fd, uint8_t *to, uint64_t size, const char *path, struct hf_error *err)
{
    for (uint64_t at = 0; at < size;) {
        ssize_t n = read(fd, to + at, size - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return system_error(err, "cannot read", path);
        if (n == 0)
            return hf_error_set(err, HF_EIO, "'%s': truncated while it was read: %llu of %llu bytes", path,
                                (unsigned long long)at, (unsigned long long)size);
        at += (uint64_t)n;
    }
    return 0;
}

int hf_file_read(const char *path, uint64_t max, uint8_t **bytes, uint64_t *size, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    hf_auto(hf_cleanup_free) uint8_t *all = NULL;
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return system_error(err, "cannot open", path);
    if (!S_ISREG(st.st_mode))
        return hf_error_refuse(err, "file", "'%s' is not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return hf_error_refuse(err, "file", "'%s': too large: %llu bytes; the limit is %llu", path,
                               (unsigned long long)st.st_size, (unsigned long long)max);
    all = malloc((size_t)st.st_size + 1);
    if (!all)
        return hf_error_set(err, HF_ENOMEM, "out of memory for the %llu bytes of '%s'", (unsigned long long)st.st_size,
                            path);
    r = read_all(fd, all, (uint64_t)st.st_size, path, err);
    if (r < 0)
        return r;
    all[st.st_size] = '\0';
    *bytes = hf_take_ptr(all);
    *size = (uint64_t)st.st_size;
    return 0;
}

static int write_all(int fd, const uint8_t *from, uint64_t size, const char *path, struct hf_error *err)
{
    for (uint64_t at = 0; at < size;) {
        ssize_t n = write(fd, from + at, size - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return system_error(err, "cannot write", path);
        at += (uint64_t)n;
    }
    if (fsync(fd) < 0)
        return system_error(err, "cannot sync", path);
    return 0;
}

static int sync_directory_of(const char *path, struct hf_error *err)
{
    char copy[PATH_MAX];
    hf_auto(hf_cleanup_close) int fd = -1;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return system_error(err, "cannot sync the directory of", path);
    return 0;
}

/* A file that is filled beside its final name. */
struct beside {
    char path[PATH_MAX];
    int fd;
    struct hf_leftover leftover;
};

/* Whether it has its final name by now or not: what is under its own one goes. */
static void beside_done(struct beside *b)
{
    if (b->fd < 0)
        return;
    (void)close(b->fd);
    (void)unlink(b->path);
    hf_leftover_forget(&b->leftover);
}

/* `path`.RANDOM, absolute. */
static int name_beside(const char *path, char beside[PATH_MAX], struct hf_error *err)
{
    char copy[PATH_MAX], directory[PATH_MAX], id[HF_ID_TEXT_SIZE];
    const char *slash = strrchr(path, '/');
    int r = hf_random_id(id, err);

    if (r < 0)
        return r;
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return hf_error_set(err, HF_EUSAGE, "'%s': the path is too long", path);
    if (!realpath(dirname(copy), directory))
        return system_error(err, "cannot make a file beside", path);
    if (snprintf(beside, PATH_MAX, "%s/%s.%.8s", directory, slash ? slash + 1 : path, id) >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "'%s': the path is too long", path);
    return 0;
}

static int fill_beside(const char *path, const void *bytes, uint64_t size, mode_t mode, struct beside *b,
                       struct hf_error *err)
{
    int r = name_beside(path, b->path, err);

    if (r < 0)
        return r;
    hf_leftover_sweep();
    hf_leftover_expect(b->path, &b->leftover);
    b->fd = open(b->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (b->fd < 0) {
        r = system_error(err, "cannot make a file beside", path);
        hf_leftover_forget(&b->leftover);
        return r;
    }
    hf_leftover_made(&b->leftover, b->path, b->fd);
    if (fchmod(b->fd, mode) < 0)
        return system_error(err, "cannot set the mode of", b->path);
    return write_all(b->fd, bytes, size, path, err);
}

/* Like rename(), but fails with EEXIST: the name must not be taken from a file that appeared meanwhile. */
static int name_new(const char *beside, const char *path)
{
    if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    return errno == EINVAL ? link(beside, path) : -1; /* a file system that knows only link() */
}

int hf_file_write_new(const char *path, const void *bytes, uint64_t size, mode_t mode, struct hf_error *err)
{
    hf_auto(beside_done) struct beside beside = {.fd = -1};
    int r;

    if (access(path, F_OK) == 0)
        return hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", path);
    r = fill_beside(path, bytes, size, mode, &beside, err);
    if (r < 0)
        return r;
    if (name_new(beside.path, path) == 0) {
        r = sync_directory_of(path, err);
        if (r < 0)
            (void)unlink(path); /* a second try must find the name free */
        return r;
    }
    return errno == EEXIST ? hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", path)
                           : system_error(err, "cannot make", path);
}

static int keep_old(const char *path, const char *keep, struct hf_error *err)
{
    if (!keep || link(path, keep) == 0 || errno == ENOENT)
        return 0;
    if (errno == EEXIST)
        return hf_error_refuse(err, "exists", "'%s' exists; the old '%s' would have to be kept under that name", keep,
                               path);
    return system_error(err, "cannot keep the old file as", keep);
}

int hf_file_replace(const char *path, const void *bytes, uint64_t size, mode_t mode, const char *keep,
                    struct hf_error *err)
{
    hf_auto(beside_done) struct beside beside = {.fd = -1};
    struct hf_error own;
    struct stat old;
    bool there = stat(path, &old) == 0;
    int r = fill_beside(path, bytes, size, mode, &beside, err);

    if (r < 0)
        return r;
    if (there && fchown(beside.fd, old.st_uid, old.st_gid) < 0 && errno != EPERM)
        return system_error(err, "cannot set the owner of", beside.path);
    r = keep_old(path, keep, err);
    if (r < 0)
        return r;
    if (rename(beside.path, path) < 0) {
        r = system_error(err, "cannot replace", path);
        if (keep)
            (void)unlink(keep);
        return r;
    }
    return sync_directory_of(path, &own) < 0 ? hf_error_unsynced(err, path, own.text) : 0;
}
