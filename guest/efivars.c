/* SPDX-License-Identifier: BSD-2-Clause */
#include "efivars.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <holdfast/endian.h>

/* A file of /sys may be read again from the beginning only, so it is taken in one go with one byte of room behind it.
 */
static int read_all(int fd, uint8_t *bytes, size_t room, size_t *size)
{
    size_t n = 0;

    while (n < room) {
        ssize_t got = read(fd, bytes + n, room - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *size = n;
    return 0;
}

static int take(int fd, const char *path, struct efivar *ret, struct hf_error *err)
{
    hf_le32 attributes;
    struct stat st;
    uint8_t *bytes;
    size_t size = 0;
    int r;

    if (fstat(fd, &st) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return hf_error_set(err, HF_EDAMAGED, "%s: not a regular file", path);
    bytes = malloc(EFIVAR_SIZE_MAX + 1);
    if (!bytes)
        return hf_error_nomem(err);
    r = read_all(fd, bytes, EFIVAR_SIZE_MAX + 1, &size);
    if (r < 0)
        r = hf_error_set(err, HF_EIO, "%s: %s", path, strerror(-r));
    else if (size < sizeof attributes || size > EFIVAR_SIZE_MAX)
        r = hf_error_set(err, HF_EDAMAGED, "%s: %zu bytes; a variable's file has 4 to %u", path, size, EFIVAR_SIZE_MAX);
    if (r < 0) {
        free(bytes);
        return r;
    }
    memcpy(&attributes, bytes, sizeof attributes);
    memmove(bytes, bytes + sizeof attributes, size - sizeof attributes);
    *ret = (struct efivar){.attributes = hf_le32_get(attributes), .data = bytes, .size = size - sizeof attributes};
    return 0;
}

int efivar_read(const char *directory, const char *name, const char *vendor, struct efivar *ret, struct hf_error *err)
{
    char path[PATH_MAX];
    int fd, r;

    if ((size_t)snprintf(path, sizeof path, "%s/%s-%s", directory, name, vendor) >= sizeof path)
        return hf_error_set(err, HF_EUSAGE, "%.60s...: path too long", directory);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", path, strerror(errno));
    r = take(fd, path, ret, err);
    (void)close(fd);
    return r;
}
