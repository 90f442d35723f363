/* SPDX-License-Identifier: BSD-2-Clause */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "runtime.h"

#define SUFFIX    "-XXXXXX"
#define DEPTH_MAX 8

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, DEPTH_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* -1: somebody else has it locked, or it is gone. */
static int lock_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat mine, there;

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 && stat(path, &there) == 0 &&
        mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static bool is_named(const char *entry, const char *name)
{
    size_t n = strlen(name);

    return strncmp(entry, name, n) == 0 && entry[n] == '-' && strlen(entry + n) == strlen(SUFFIX);
}

static void sweep(const char *runtime, const char *name)
{
    DIR *dir = opendir(runtime);

    for (const struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        char path[PATH_MAX + 256];
        int lock;

        if (!is_named(e->d_name, name))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", runtime, e->d_name);
        lock = lock_dir(path);
        if (lock < 0)
            continue;
        remove_tree(path);
        (void)close(lock);
    }
    if (dir)
        (void)closedir(dir);
}

int hf_scratch_make(const char *name, struct hf_scratch *ret, struct hf_error *err)
{
    struct hf_scratch s = {.lock = -1};
    char runtime[PATH_MAX];
    int r = hf_runtime_dir(runtime, err);

    if (r < 0)
        return r;
    sweep(runtime, name);
    while (s.lock < 0) { /* again, when somebody swept it, or is about to, before it was locked */
        if ((size_t)snprintf(s.path, sizeof s.path, "%.*s/%s" SUFFIX, PATH_MAX - 64, runtime, name) >= sizeof s.path ||
            !mkdtemp(s.path))
            return hf_error_set(err, HF_EIO, "cannot make %s: %s", s.path, strerror(errno));
        s.lock = lock_dir(s.path);
        if (s.lock < 0 && errno != EWOULDBLOCK && access(s.path, F_OK) == 0)
            return hf_error_set(err, HF_EIO, "cannot lock %s: %s", s.path, strerror(errno));
    }
    *ret = s;
    return 0;
}

void hf_scratch_remove(struct hf_scratch *s)
{
    if (!s->path[0])
        return;
    remove_tree(s->path);
    (void)close(s->lock);
    s->path[0] = '\0';
}
