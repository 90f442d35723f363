/* SPDX-License-Identifier: BSD-2-Clause */
#include "file_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define SETTLED_SECONDS 2

static bool is_settled(const struct timespec *changed, const struct timespec *now)
{
    return changed->tv_sec < now->tv_sec - SETTLED_SECONDS;
}

bool hf_file_key(const char *path, char key[HF_FILE_KEY_SIZE])
{
    struct timespec now;
    struct stat st;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || clock_gettime(CLOCK_REALTIME, &now) < 0 ||
        !is_settled(&st.st_mtim, &now) || !is_settled(&st.st_ctim, &now))
        return false;
    return snprintf(key, HF_FILE_KEY_SIZE, "%s %llx:%llx %lld %lld.%09ld %lld.%09ld", path,
                    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, (long long)st.st_size,
                    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
                    st.st_ctim.tv_nsec) < HF_FILE_KEY_SIZE;
}

/* ---- programs ---- */

static bool is_in(const char *directory, size_t size, const char *program, char path[PATH_MAX])
{
    return size > 0 && snprintf(path, PATH_MAX, "%.*s/%s", (int)size, directory, program) < PATH_MAX &&
           access(path, X_OK) == 0;
}

static bool find_program(const char *program, char path[PATH_MAX])
{
    const char *all = getenv("PATH");

    if (strchr(program, '/'))
        return realpath(program, path) != NULL;
    for (const char *at = all; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL)
        if (is_in(at, strcspn(at, ":"), program, path))
            return true;
    return false;
}

static bool is_elf(const char *path)
{
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char magic[4];

    return fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic && memcmp(magic, "\177ELF", sizeof magic) == 0;
}

bool hf_program_key(const char *program, char key[HF_FILE_KEY_SIZE])
{
    static const char *const others[] = {"LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "QEMU_MODULE_DIR"};
    char path[PATH_MAX];

    for (size_t i = 0; i < HF_ARRAY_SIZE(others); i++)
        if (getenv(others[i]))
            return false;
    return find_program(program, path) && is_elf(path) && hf_file_key(path, key);
}
