/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>

#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "runtime.h"

/* Byte 0 is the lock. Byte 1 is locked, too, once the file says who holds it: until then it may name nobody, or the
 * holder before. */
enum lock_byte { HELD, NAMED };

#define NAMED_TRIES 100 /* of NAMED_MS: a holder is between the two for as long as one small write takes */
#define NAMED_MS    10

static int try_lock(int fd, enum lock_byte byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

/* 1: by another open file description, 0: free, -1: errno says why it is not known. */
static int is_locked(int fd, enum lock_byte byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -1 : lock.l_type != F_UNLCK;
}

static void read_holder(int fd, struct hf_runner *runner)
{
    char text[512], *line, *save = NULL;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    unsigned long long device, inode;
    long long number;

    text[n > 0 ? n : 0] = '\0';
    for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (sscanf(line, "pid %lld", &number) == 1) {
            runner->pid = number;
        } else if (sscanf(line, "since %lld", &number) == 1) {
            runner->since = number;
        } else if (sscanf(line, "file %llu:%llu", &device, &inode) == 2) {
            runner->device = device;
            runner->inode = inode;
        } else if (strncmp(line, "host ", 5) == 0) {
            snprintf(runner->host_name, sizeof runner->host_name, "%.*s", HF_HOST_NAME_SIZE - 1, line + 5);
        }
    }
}

static int write_holder(int fd, const struct hf_place *place, int64_t now)
{
    char host[HF_HOST_NAME_SIZE] = "", text[256];
    int n;

    (void)gethostname(host, sizeof host - 1);
    n = snprintf(text, sizeof text, "pid %ld\nsince %lld\nfile %llu:%llu\nhost %s\n", (long)getpid(), (long long)now,
                 (unsigned long long)place->device, (unsigned long long)place->inode, host);
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n ? 0 : -1;
}

/* 1: held, and *runner says by whom; 0: free. */
static int find_holder(int fd, const char *path, struct hf_runner *runner, struct hf_error *err)
{
    const struct timespec moment = {.tv_nsec = NAMED_MS * 1000000L};

    memset(runner, 0, sizeof *runner);
    for (unsigned i = 0; i < NAMED_TRIES; i++) {
        int held = is_locked(fd, HELD), named = is_locked(fd, NAMED);

        if (held < 0 || named < 0)
            return hf_error_set(err, HF_EIO, "cannot query lock %s: %s", path, strerror(errno));
        if (!held)
            return 0;
        if (named) {
            read_holder(fd, runner);
            return 1;
        }
        (void)nanosleep(&moment, NULL);
    }
    return hf_error_set(err, HF_ETIMEDOUT, "lock %s: held by an unknown process; try again", path);
}

static const char *time_text(int64_t at, char text[32])
{
    time_t seconds = (time_t)at;
    struct tm tm;

    snprintf(text, 32, "an unknown time");
    if (gmtime_r(&seconds, &tm))
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return text;
}

static int say_held(int fd, const char *path, const char *what, struct hf_error *err)
{
    struct hf_runner holder;
    char since[32];

    if (find_holder(fd, path, &holder, NULL) <= 0)
        return hf_error_set(err, HF_EOWNED, "%s in use by another process", what);
    return hf_error_set(err, HF_EOWNED, "%s in use by process %lld on host '%s' since %s", what, (long long)holder.pid,
                        holder.host_name, time_text(holder.since, since));
}

int hf_lock_take(const char *path, const char *what, const struct hf_place *place, int64_t now, int *fd,
                 struct hf_error *err)
{
    int file hf_auto(hf_cleanup_close) = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (file < 0)
        return hf_error_set(err, HF_EIO, "cannot open lock %s: %s", path, strerror(errno));
    if (try_lock(file, HELD) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            return say_held(file, path, what, err);
        return hf_error_set(err, HF_EIO, "cannot lock %s: %s", path, strerror(errno));
    }
    if (write_holder(file, place, now) < 0 || try_lock(file, NAMED) < 0)
        return hf_error_set(err, HF_EIO, "cannot write lock %s: %s", path, strerror(errno));
    *fd = hf_take_fd(file);
    return 0;
}

int hf_lock_look(const char *path, struct hf_runner *runner, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "cannot open lock %s: %s", path, strerror(errno));
    return find_holder(fd, path, runner, err);
}

/* ---- beside the container ---- */

#define BESIDE       "-owner"
#define BESIDE_TRIES 20 /* at a file that its holder removes meanwhile */

static bool has_no_locks(int error)
{
    return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

/* Its holder removes it before he lets go of it. */
static bool is_still_there(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

static int say_held_beside(const struct hf_place *place, const struct hf_runner *holder, struct hf_error *err)
{
    char since[32];

    return hf_error_set(err, HF_EOWNED,
                        "%s: held by host '%s', running since %s (process %lld there); shut the guest down there "
                        "first, or if that host is lost, take it with 'holdfast owner --take --because TEXT'",
                        place->path, holder->host_name, time_text(holder->since, since), (long long)holder->pid);
}

int hf_lock_look_beside(const struct hf_place *place, struct hf_runner *runner, struct hf_error *err)
{
    char path[PATH_MAX];

    hf_place_beside(place, BESIDE, path);
    return hf_lock_look(path, runner, err);
}

int hf_lock_check_beside(const struct hf_place *place, struct hf_error *err)
{
    struct hf_runner holder;
    int r = hf_lock_look_beside(place, &holder, NULL);

    return r > 0 ? say_held_beside(place, &holder, err) : 0;
}

/* As SQLite does with its log: one that root leaves behind is not in the owner's way. */
static void give_to_owner(int fd, const struct hf_place *place)
{
    struct stat st;

    if (geteuid() == 0 && fstat(place->fd, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
        return;
}

/* 1: held, 0: the file was removed meanwhile, or nobody can lock here (*fd stays). */
static int try_beside(const char *path, const struct hf_place *place, int64_t now, int *fd, bool *lockless,
                      struct hf_error *err)
{
    int file hf_auto(hf_cleanup_close) = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct hf_runner holder;

    if (file < 0)
        return hf_error_set(err, HF_EIO, "cannot open lock %s: %s", path, strerror(errno));
    if (try_lock(file, HELD) < 0) {
        *lockless = has_no_locks(errno);
        if (*lockless || find_holder(file, path, &holder, NULL) <= 0)
            return 0;
        return is_still_there(file, path) ? say_held_beside(place, &holder, err) : 0;
    }
    if (!is_still_there(file, path))
        return 0;
    give_to_owner(file, place);
    if (write_holder(file, place, now) < 0 || try_lock(file, NAMED) < 0)
        return hf_error_set(err, HF_EIO, "cannot write lock %s: %s", path, strerror(errno));
    *fd = hf_take_fd(file);
    return 1;
}

int hf_lock_take_beside(const struct hf_place *place, int64_t now, int *fd, struct hf_error *err)
{
    const struct timespec moment = {.tv_nsec = NAMED_MS * 1000000L};
    bool lockless = false;
    char path[PATH_MAX];

    hf_place_beside(place, BESIDE, path);
    for (unsigned i = 0; i < BESIDE_TRIES; i++) {
        int r = try_beside(path, place, now, fd, &lockless, err);

        if (r < 0)
            return r;
        if (r > 0)
            return 0;
        if (lockless) {
            (void)unlink(path);
            return 0;
        }
        (void)nanosleep(&moment, NULL);
    }
    return hf_error_set(err, HF_ETIMEDOUT, "%s: its lock was taken and released by others all the time; try again",
                        place->path);
}

void hf_lock_drop_beside(const struct hf_place *place, int *fd)
{
    char path[PATH_MAX];

    if (*fd < 0)
        return;
    hf_place_beside(place, BESIDE, path);
    if (is_still_there(*fd, path))
        (void)unlink(path);
    (void)close(hf_take_fd(*fd));
}

void hf_lock_break_beside(const struct hf_place *place)
{
    char path[PATH_MAX];

    hf_place_beside(place, BESIDE, path);
    (void)unlink(path);
}

int hf_lock_path_owner(const char *container_id, char path[PATH_MAX], struct hf_error *err)
{
    char dir[PATH_MAX];
    int r = hf_runtime_guest_dir(container_id, dir, err);

    if (r == 0)
        snprintf(path, PATH_MAX, "%.*s/owner.lock", PATH_MAX - 16, dir);
    return r;
}

int hf_lock_path_uuid(const char *uuid, char path[PATH_MAX], struct hf_error *err)
{
    char dir[PATH_MAX];
    int r = hf_runtime_dir(dir, err);

    if (r == 0)
        snprintf(path, PATH_MAX, "%.*s/uuid-%s.lock", PATH_MAX - 64, dir, uuid);
    return r;
}

static void find_owner_lock(const char *container_id, char path[PATH_MAX + 16])
{
    char dir[PATH_MAX];

    hf_runtime_guest_path(container_id, dir);
    snprintf(path, PATH_MAX + 16, "%s/owner.lock", dir);
}

int hf_runner_look(const char *container_id, struct hf_runner *runner, struct hf_error *err)
{
    char path[PATH_MAX + 16];

    find_owner_lock(container_id, path);
    return hf_lock_look(path, runner, err);
}

int hf_runner_get(const char *container_id, struct hf_runner *runner, struct hf_error *err)
{
    int r = hf_runner_look(container_id, runner, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "container %s does not run on this host", container_id);
    return r > 0 ? 0 : r;
}
