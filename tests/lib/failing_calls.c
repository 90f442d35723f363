/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded with LD_PRELOAD: lets the nth of the calls that change files or their names fail, or kills the process just
 * before it.
 *
 *     FAIL_LOG=FILE     the name of each such call is written there, one a line
 *     FAIL_NTH=N        which one; the first is 1
 *     FAIL_KILL=1       SIGKILL instead of EIO
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT     __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void note(const char *name)
{
    const char *path = getenv("FAIL_LOG");
    int fd = path ? REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    if (REAL(write)(fd, name, strlen(name)) < 0 || REAL(write)(fd, "\n", 1) < 0)
        abort();
    REAL(close)(fd);
}

/* Whether this call is to fail. */
static bool fails(const char *name)
{
    static long calls;
    const char *nth = getenv("FAIL_NTH");

    calls++;
    note(name);
    if (!nth || atol(nth) != calls)
        return false;
    if (getenv("FAIL_KILL"))
        (void)kill(getpid(), SIGKILL);
    errno = EIO;
    return true;
}

static bool is_file(int fd)
{
    struct stat st;

    return fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    return is_file(fd) && fails("write") ? -1 : REAL(write)(fd, bytes, size);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return is_file(fd) && fails("write") ? -1 : REAL(pwrite)(fd, bytes, size, at);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    return is_file(fd) && fails("write") ? -1 : REAL(pwrite64)(fd, bytes, size, at);
}

EXPORT int fsync(int fd)
{
    return fails("sync") ? -1 : REAL(fsync)(fd);
}

EXPORT int fdatasync(int fd)
{
    return fails("sync") ? -1 : REAL(fdatasync)(fd);
}

EXPORT int ftruncate(int fd, off_t size)
{
    return fails("truncate") ? -1 : REAL(ftruncate)(fd, size);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
    return fails("truncate") ? -1 : REAL(ftruncate64)(fd, size);
}

EXPORT int rename(const char *from, const char *to)
{
    return fails("rename") ? -1 : REAL(rename)(from, to);
}

EXPORT int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    return fails("rename") ? -1 : REAL(renameat2)(a, from, b, to, flags);
}

EXPORT int link(const char *from, const char *to)
{
    return fails("link") ? -1 : REAL(link)(from, to);
}

EXPORT int unlink(const char *path)
{
    return fails("unlink") ? -1 : REAL(unlink)(path);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return access(path, F_OK) < 0 && fails("mkdir") ? -1 : REAL(mkdir)(path, mode);
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & O_CREAT ? va_arg(more, mode_t) : 0;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return (flags & O_CREAT) && fails("create") ? -1 : REAL(open)(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return (flags & O_CREAT) && fails("create") ? -1 : REAL(open64)(path, flags, mode);
}
