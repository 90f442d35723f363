/* SPDX-License-Identifier: BSD-2-Clause */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "cleanup.h"

#define OPEN_MAX_PER_PROCESS 4096

/* Containers that this process has open: closing a second descriptor of one would drop SQLite's locks on it. */
static struct {
    pthread_mutex_t lock;
    struct {
        dev_t device;
        ino_t inode;
    } open[OPEN_MAX_PER_PROCESS];
    unsigned count;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int enter(struct hf_place *place, struct hf_error *err)
{
    int r = 0;

    pthread_mutex_lock(&process.lock);
    for (unsigned i = 0; i < process.count && r == 0; i++)
        if (process.open[i].device == place->device && process.open[i].inode == place->inode)
            r = hf_error_set(err, HF_EUSAGE, "%s: this process has it open already", place->path);
    if (r == 0 && process.count == OPEN_MAX_PER_PROCESS)
        r = hf_error_set(err, HF_EUSAGE, "%s: this process has %d containers open already", place->path,
                         OPEN_MAX_PER_PROCESS);
    if (r == 0) {
        process.open[process.count].device = place->device;
        process.open[process.count++].inode = place->inode;
        place->registered = true;
    }
    pthread_mutex_unlock(&process.lock);
    return r;
}

static void leave(struct hf_place *place)
{
    pthread_mutex_lock(&process.lock);
    for (unsigned i = 0; place->registered && i < process.count; i++)
        if (process.open[i].device == place->device && process.open[i].inode == place->inode) {
            process.open[i] = process.open[--process.count];
            place->registered = false;
        }
    pthread_mutex_unlock(&process.lock);
}

/* Types whose locks and shared memory are this machine's own. Everything else is treated as remote. */
static bool is_local(int fd)
{
    static const long local[] = {
        EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
        F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, /* its upper layer cannot be a network file system that lacks what we need */
        0x2fc12fc1,                              /* ZFS */
        0xca451a4e,                              /* bcachefs */
    };
    const char *forced = getenv("HOLDFAST_ROLLBACK_JOURNAL");
    struct statfs fs;

    if ((forced && *forced) || fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < HF_ARRAY_SIZE(local); i++)
        if ((unsigned long)fs.f_type == (unsigned long)local[i])
            return true;
    return false;
}

static int check_directory(const char *dir, struct hf_place *place, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", dir, strerror(errno));
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return hf_error_refuse(err, "permissions",
                               "%s: the directory belongs to user %u, who could replace the files in it; use one of "
                               "your own (mkdir -m 700)",
                               dir, (unsigned)st.st_uid);
    if ((st.st_mode & S_IWOTH) || ((st.st_mode & S_IWGRP) && st.st_gid != getegid()))
        return hf_error_refuse(err, "permissions",
                               "%s: others can write to this directory (mode %04o) and replace the files in it; use "
                               "one of your own (mkdir -m 700)",
                               dir, (unsigned)(st.st_mode & 07777));
    place->local = is_local(fd);
    return 0;
}

/* What SQLite's unix VFS opens: 512 bytes, with "-journal" behind the name. */
#define SQLITE_PATH_MAX 504

int hf_place_fits(size_t length, struct hf_error *err)
{
    if (length <= SQLITE_PATH_MAX)
        return 0;
    return hf_error_set(err, HF_EUSAGE,
                        "container path too long: the limit is %d bytes, this has %zu: use a shorter one",
                        SQLITE_PATH_MAX, length);
}

int hf_place_find(const char *path, struct hf_place *place, struct hf_error *err)
{
    struct hf_place p = {.fd = -1};
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char dir[PATH_MAX], real[PATH_MAX];
    int r;

    if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        return hf_error_set(err, HF_EUSAGE, "'%s': not a file name", path);
    if (strlen(path) >= PATH_MAX - 16)
        return hf_error_set(err, HF_EUSAGE, "path too long: %zu bytes; the limit is %d", strlen(path), PATH_MAX - 17);
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    if (!realpath(dir, real))
        return hf_error_set(err, errno == ENOENT || errno == ENOTDIR ? HF_ENOTFOUND : HF_EIO, "%s: %s", dir,
                            strerror(errno));
    r = hf_place_fits(strlen(real) + 1 + strlen(base), err);
    if (r < 0)
        return r;
    r = check_directory(real, &p, err);
    if (r < 0)
        return r;
    snprintf(p.path, sizeof p.path, "%.*s/%.255s", (int)(PATH_MAX - 300), strcmp(real, "/") == 0 ? "" : real, base);
    *place = p;
    return 0;
}

void hf_place_beside(const struct hf_place *place, const char *suffix, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%.*s%s", PATH_MAX - 16, place->path, suffix);
}

/* A regular file of the right owner that nobody else may write. */
static int check_file(const char *path, const struct stat *st, uid_t owner, struct hf_error *err)
{
    if (!S_ISREG(st->st_mode))
        return hf_error_refuse(err, "permissions", "%s: not a regular file; a container is never a %s", path,
                               S_ISBLK(st->st_mode) ? "block device" : "directory, device, pipe or link");
    if (st->st_uid != owner && st->st_uid != geteuid())
        return hf_error_refuse(err, "permissions", "%s: belongs to user %u instead of %u", path, (unsigned)st->st_uid,
                               (unsigned)owner);
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return hf_error_refuse(err, "permissions",
                               "%s: others may write it (mode %04o); chmod 600 it if you trust what it holds", path,
                               (unsigned)(st->st_mode & 07777));
    if (st->st_nlink > 1)
        return hf_error_refuse(err, "permissions", "%s: %lu hard links; with another name it would get another log",
                               path, (unsigned long)st->st_nlink);
    return 0;
}

static int look_beside(struct hf_place *place, const char *suffix, uid_t owner, uint64_t *size, struct hf_error *err)
{
    char path[PATH_MAX];
    struct stat st;
    int r;

    *size = 0;
    hf_place_beside(place, suffix, path);
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    r = check_file(path, &st, owner, err);
    if (r == 0)
        *size = (uint64_t)st.st_size;
    return r;
}

static int look_around(struct hf_place *place, uid_t owner, struct hf_error *err)
{
    uint64_t shm;
    int r = look_beside(place, "-wal", owner, &place->log_size, err);

    if (r == 0)
        r = look_beside(place, "-journal", owner, &place->journal_size, err);
    if (r == 0)
        r = look_beside(place, "-shm", owner, &shm, err);
    return r;
}

static int open_checked(struct hf_place *place, struct stat *st, struct hf_error *err)
{
    int fd = open(place->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 && errno == ELOOP)
        return hf_error_refuse(err, "permissions", "%s: a symbolic link; name the file itself", place->path);
    if (fd < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", place->path, strerror(errno));
    place->fd = fd;
    if (fstat(fd, st) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", place->path, strerror(errno));
    return check_file(place->path, st, st->st_uid, err);
}

static int check_header(struct hf_place *place, struct hf_error *err)
{
    uint8_t header[100];
    ssize_t n = pread(place->fd, header, sizeof header, 0);
    int r;

    if (n < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", place->path, strerror(errno));
    if (n < (ssize_t)sizeof header)
        return hf_error_set(err, HF_EDAMAGED, "%s: not a container: %zd bytes; the shortest header has %zu",
                            place->path, n, sizeof header);
    r = hf_header_check(header, place->size, place->log_size == 0 && place->journal_size == 0, err);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", place->path) : 0;
}

/* The file must not be opened at all when this process has it open: so its identity is asked for by name first. */
static int find_identity(struct hf_place *place, struct hf_error *err)
{
    struct stat st;

    if (lstat(place->path, &st) < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", place->path, strerror(errno));
    place->device = st.st_dev;
    place->inode = st.st_ino;
    return enter(place, err);
}

int hf_place_open(struct hf_place *place, struct hf_error *err)
{
    struct stat st;
    int r = find_identity(place, err);

    if (r < 0)
        return r;
    r = open_checked(place, &st, err);
    if (r == 0 && (st.st_dev != place->device || st.st_ino != place->inode))
        r = hf_error_set(err, HF_EIO, "%s: replaced while it was opened; try again", place->path);
    if (r == 0) {
        place->size = (uint64_t)st.st_size;
        place->changed = st.st_mtim;
        r = look_around(place, st.st_uid, err);
    }
    return r < 0 ? r : check_header(place, err);
}

void hf_place_close(struct hf_place *place)
{
    if (place->fd >= 0)
        close(place->fd);
    place->fd = -1;
    leave(place);
}

bool hf_place_changed(const struct hf_place *place)
{
    char log[PATH_MAX];
    struct stat st;
    bool logged;

    hf_place_beside(place, "-journal", log);
    logged = stat(log, &st) == 0 && st.st_size > 0;
    if (logged != (place->journal_size > 0))
        return true;
    hf_place_beside(place, "-wal", log);
    logged = stat(log, &st) == 0 && st.st_size > 0;
    if (logged != (place->log_size > 0) || fstat(place->fd, &st) < 0)
        return true;
    return (uint64_t)st.st_size != place->size || st.st_mtim.tv_sec != place->changed.tv_sec ||
           st.st_mtim.tv_nsec != place->changed.tv_nsec;
}

int hf_place_sync_dir(const struct hf_place *place, struct hf_error *err)
{
    char dir[PATH_MAX];
    int fd hf_auto(hf_cleanup_close) = -1;
    char *slash;

    snprintf(dir, sizeof dir, "%s", place->path);
    slash = strrchr(dir, '/');
    slash[slash == dir] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", dir, strerror(errno));
    return 0;
}
