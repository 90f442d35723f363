/* SPDX-License-Identifier: BSD-2-Clause */
#include "refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <unistd.h>

#include <sqlite3.h>

static struct {
    bool counting;
    enum refusal_kind kind;
    unsigned calls, nth;
    int code;
    void (*happens)(void); /* in place of a failure */
    const char *happened;
} refusal;

static sqlite3_mem_methods real_memory;

void refusal_begin(enum refusal_kind kind, unsigned nth, int code)
{
    refusal.kind = kind;
    refusal.nth = nth;
    refusal.code = code;
    refusal.calls = 0;
    refusal.happens = NULL;
    refusal.happened = NULL;
    refusal.counting = true;
}

void refusal_meanwhile(unsigned nth, void (*happens)(void))
{
    refusal_begin(REFUSE_SYSTEM, nth, 0);
    refusal.happens = happens;
}

unsigned refusal_end(void)
{
    refusal.counting = false;
    return refusal.calls;
}

const char *refusal_happened(void)
{
    return refusal.happened;
}

static bool refused(enum refusal_kind kind, const char *call)
{
    if (!refusal.counting || refusal.kind != kind)
        return false;
    if (++refusal.calls != refusal.nth)
        return false;
    refusal.happened = call;
    if (refusal.happens) {
        refusal.counting = false;
        refusal.happens();
        return false;
    }
    errno = kind == REFUSE_MEMORY ? ENOMEM : refusal.code;
    return true;
}

/* A call whose failure is `failure`. */
#define WRAP(result, name, failure, parameters, arguments)                                                             \
    result __real_##name parameters;                                                                                   \
    result __wrap_##name parameters;                                                                                   \
    result __wrap_##name parameters                                                                                    \
    {                                                                                                                  \
        return refused(REFUSE_SYSTEM, #name) ? (failure) : __real_##name arguments;                                    \
    }

WRAP(ssize_t, read, -1, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, pread64, -1, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(ssize_t, write, -1, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(ssize_t, pwrite64, -1, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(int, fsync, -1, (int fd), (fd))
WRAP(int, ftruncate64, -1, (int fd, off_t size), (fd, size))
WRAP(int, rename, -1, (const char *from, const char *to), (from, to))
WRAP(int, renameat2, -1, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
WRAP(int, link, -1, (const char *from, const char *to), (from, to))
WRAP(int, unlink, -1, (const char *path), (path))
WRAP(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, stat64, -1, (const char *path, struct stat *st), (path, st))
WRAP(int, lstat64, -1, (const char *path, struct stat *st), (path, st))
WRAP(int, fstat64, -1, (int fd, struct stat *st), (fd, st))
WRAP(int, fstatfs64, -1, (int fd, struct statfs *st), (fd, st))
WRAP(int, flock, -1, (int fd, int operation), (fd, operation))
WRAP(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
WRAP(int, fchown, -1, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(int, mkostemp64, -1, (char *name, int flags), (name, flags))
WRAP(ssize_t, getrandom, -1, (void *p, size_t n, unsigned flags), (p, n, flags))
WRAP(void *, mmap64, MAP_FAILED, (void *at, size_t n, int prot, int flags, int fd, off_t offset),
     (at, n, prot, flags, fd, offset))

/* The two with an argument that is not always there; it is an int or a pointer, and never looked at here. */
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;

    va_start(ap, flags);
    if (flags & O_CREAT)
        mode = va_arg(ap, mode_t);
    va_end(ap);
    return refused(REFUSE_SYSTEM, "open64") ? -1 : __real_open64(path, flags, mode);
}

int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
    void *argument;
    va_list ap;

    va_start(ap, command);
    argument = va_arg(ap, void *);
    va_end(ap);
    return refused(REFUSE_SYSTEM, "fcntl64") ? -1 : __real_fcntl64(fd, command, argument);
}

#define WRAP_MEMORY(name, parameters, arguments)                                                                       \
    void *__real_##name parameters;                                                                                    \
    void *__wrap_##name parameters;                                                                                    \
    void *__wrap_##name parameters                                                                                     \
    {                                                                                                                  \
        return refused(REFUSE_MEMORY, #name) ? NULL : __real_##name arguments;                                         \
    }

WRAP_MEMORY(malloc, (size_t n), (n))
WRAP_MEMORY(calloc, (size_t n, size_t size), (n, size))
WRAP_MEMORY(realloc, (void *p, size_t n), (p, n))
WRAP_MEMORY(strdup, (const char *text), (text))

static void *sqlite_malloc(int n)
{
    return refused(REFUSE_MEMORY, "SQLite's malloc") ? NULL : real_memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
    return refused(REFUSE_MEMORY, "SQLite's realloc") ? NULL : real_memory.xRealloc(p, n);
}

void refusal_init(void)
{
    sqlite3_mem_methods ours;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
        abort();
    ours = real_memory;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK)
        abort();
}
