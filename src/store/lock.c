/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>

#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "runtime.h"

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static void read_holder(int fd, struct hf_runner *runner)
{
    char text[512], *line, *save = NULL;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    unsigned long long device, inode;
    long long number;

    memset(runner, 0, sizeof *runner);
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

static int say_held(int fd, const char *what, struct hf_error *err)
{
    struct hf_runner holder;
    char since[32] = "an unknown time";
    struct tm tm;
    time_t at;

    read_holder(fd, &holder);
    at = (time_t)holder.since;
    if (gmtime_r(&at, &tm))
        strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return hf_error_set(err, HF_EOWNED, "%s in use by process %lld on host '%s' since %s", what, (long long)holder.pid,
                        holder.host_name, since);
}

int hf_lock_take(const char *path, const char *what, const struct hf_place *place, int64_t now, int *fd,
                 struct hf_error *err)
{
    int file hf_auto(hf_cleanup_close) = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct flock lock = whole_file();

    if (file < 0)
        return hf_error_set(err, HF_EIO, "cannot open lock %s: %s", path, strerror(errno));
    if (fcntl(file, F_OFD_SETLK, &lock) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            return say_held(file, what, err);
        return hf_error_set(err, HF_EIO, "cannot lock %s: %s", path, strerror(errno));
    }
    if (write_holder(file, place, now) < 0)
        return hf_error_set(err, HF_EIO, "cannot write lock %s: %s", path, strerror(errno));
    *fd = hf_take_fd(file);
    return 0;
}

int hf_lock_look(const char *path, struct hf_runner *runner, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct flock lock = whole_file();

    if (fd < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "cannot open lock %s: %s", path, strerror(errno));
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return hf_error_set(err, HF_EIO, "cannot ask for lock %s: %s", path, strerror(errno));
    if (lock.l_type == F_UNLCK)
        return 0;
    read_holder(fd, runner);
    return 1;
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

int hf_runner_look(const char *container_id, struct hf_runner *runner, struct hf_error *err)
{
    char dir[PATH_MAX], path[PATH_MAX + 16];

    hf_runtime_guest_path(container_id, dir);
    snprintf(path, sizeof path, "%s/owner.lock", dir);
    return hf_lock_look(path, runner, err);
}

int hf_runner_get(const char *container_id, struct hf_runner *runner, struct hf_error *err)
{
    int r = hf_runner_look(container_id, runner, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "nobody runs container %s on this host", container_id);
    return r > 0 ? 0 : r;
}
