/* SPDX-License-Identifier: BSD-2-Clause */
#include "block_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <holdfast/flash_image.h>

#include "cleanup.h"

enum { HEAD = 0xC0000, PIECE = 4096 }; /* the longest store of any layout; what is written at once */

bool hf_block_device_is(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

static int failed(struct hf_error *err, const char *doing, const char *path)
{
    return hf_error_set(err, HF_EIO, "%s '%s': %s", doing, path, strerror(errno));
}

/* Short only at the device's end. */
static int read_at(int fd, uint8_t *to, size_t size, const char *path, size_t *ret, struct hf_error *err)
{
    size_t at = 0;

    while (at < size) {
        ssize_t n = pread(fd, to + at, size - at, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(err, "cannot read", path);
        if (n == 0)
            break;
        at += (size_t)n;
    }
    *ret = at;
    return 0;
}

int hf_block_store_read(const char *path, uint8_t **bytes, uint64_t *size, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    hf_auto(hf_cleanup_free) uint8_t *head = (uint8_t *)malloc(HEAD + 1);
    const struct hf_layout_info *info;
    struct hf_flash_image image;
    size_t n;
    int r;

    if (fd < 0)
        return failed(err, "cannot open", path);
    if (!head)
        return hf_error_set(err, HF_ENOMEM, "store of %d bytes: out of memory", HEAD);
    r = read_at(fd, head, HEAD, path, &n, err);
    if (r < 0)
        return r;
    hf_flash_identify(head, n, NULL, 0, &image);
    info = hf_layout_info(image.layout);
    if (image.kind != HF_FLASH_VARS || image.blank || !info || n < info->volume_size) /* a blank one is of any length */
        return hf_error_refuse(err, "file", "'%s': no variable store at the beginning of this block device: %s", path,
                               image.blank     ? "it is blank"
                               : image.note[0] ? image.note
                                               : "other firmware");
    *size = info->volume_size;
    *bytes = hf_take_ptr(head);
    return 0;
}

/* QEMU holds read locks from byte 100 on for what it does with an image (block/file-posix.c). */
static int check_unused(int fd, const char *path, struct hf_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 200};

    if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        return hf_error_refuse(err, "in-use", "'%s': a QEMU has this device open; its guest's firmware owns the store",
                               path);
    return 0;
}

static int check_same(int fd, const uint8_t *was, uint64_t size, const char *path, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *is = (uint8_t *)malloc(size);
    size_t n;
    int r;

    if (!is)
        return hf_error_set(err, HF_ENOMEM, "store of %llu bytes: out of memory", (unsigned long long)size);
    r = read_at(fd, is, size, path, &n, err);
    if (r < 0)
        return r;
    if (n != size || memcmp(is, was, size) != 0)
        return hf_error_refuse(err, "changed", "%s: the store was changed while this change was prepared; do it again",
                               path);
    return 0;
}

static int write_piece(int fd, const uint8_t *from, size_t size, uint64_t at, const char *path, struct hf_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, from + done, size - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(err, "cannot write", path);
        done += (size_t)n;
    }
    return 0;
}

int hf_block_store_write(const char *path, const uint8_t *was, const uint8_t *now, uint64_t size, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r;

    if (fd < 0 && errno == EBUSY)
        return hf_error_refuse(err, "in-use", "'%s': the device is in use (mounted, or part of a volume group)", path);
    if (fd < 0)
        return failed(err, "cannot open", path);
    r = check_unused(fd, path, err);
    if (r == 0)
        r = check_same(fd, was, size, path, err);
    for (uint64_t at = 0; r == 0 && at < size; at += PIECE) {
        size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

        if (memcmp(was + at, now + at, n) != 0)
            r = write_piece(fd, now + at, n, at, path, err);
    }
    if (r == 0 && fsync(fd) < 0)
        r = failed(err, "cannot sync", path);
    return r;
}
