/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block_device.h"
#include "cleanup.h"
#include "qcow2.h"

void hf_disk_file_done(struct hf_disk_file *disk)
{
    if (disk->fd >= 0)
        (void)close(disk->fd);
    free(disk->head);
    disk->head = NULL;
    disk->fd = -1;
}

bool hf_disk_file_is(const char *path)
{
    static const char table[] = "EFI PART";
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    uint8_t head[4096 + 8] = {0};

    if (hf_block_device_is(path))
        return true;
    if (fd < 0 || pread(fd, head, sizeof head, 0) < 512)
        return false;
    return hf_qcow2_is(head, sizeof head) || memcmp(head + 512, table, 8) == 0 || memcmp(head + 4096, table, 8) == 0;
}

static int read_at(void *ctx, uint64_t at, void *to, size_t size, struct hf_error *err)
{
    const struct hf_disk_file *d = (const struct hf_disk_file *)ctx;

    for (size_t done = 0; done < size;) {
        ssize_t n = pread(d->fd, (uint8_t *)to + done, size - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hf_error_set(err, n < 0 ? HF_EIO : HF_EDAMAGED, "disk, byte %llu: %s",
                                (unsigned long long)(at + done), n < 0 ? strerror(errno) : "behind its end");
        done += (size_t)n;
    }
    return 0;
}

static int read_table(const char *path, struct hf_disk_file *d, struct hf_error *err)
{
    off_t end = lseek(d->fd, 0, SEEK_END); /* a block device's, too */
    size_t size;
    int r;

    if (end < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    d->disk = (struct hf_disk){.read = read_at, .ctx = d, .size = (uint64_t)end};
    size = (uint64_t)end < HF_GPT_HEAD ? (size_t)end : HF_GPT_HEAD;
    d->head = (uint8_t *)malloc(HF_GPT_HEAD);
    if (!d->head)
        return hf_error_nomem(err);
    r = read_at(d, 0, d->head, size, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s: ", path);
    if (hf_qcow2_is(d->head, size))
        return hf_error_set(err, HF_EUSAGE,
                            "%s is a qcow2 image; raw ones are read: connect it with `qemu-nbd --read-only`, or "
                            "convert it with `qemu-img convert -O raw`",
                            path);
    r = hf_gpt_read(d->head, size, (uint64_t)end, &d->gpt, err);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", path) : 0;
}

int hf_disk_file_open(const char *path, struct hf_disk_file *disk, struct hf_error *err)
{
    int r;

    *disk = (struct hf_disk_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (disk->fd < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", path, strerror(errno));
    r = read_table(path, disk, err);
    if (r < 0)
        hf_disk_file_done(disk);
    return r;
}
