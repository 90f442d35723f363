/* SPDX-License-Identifier: BSD-2-Clause */
#include "qcow2.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "block_device.h"
#include "child.h"
#include "cleanup.h"
#include "cursor.h"
#include "whole_file.h"

static const char magic[4] = "QFI\xfb";

bool hf_qcow2_is(const void *bytes, size_t size)
{
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

/* QEMU's docs/interop/qcow2.txt. */
struct header {
    uint8_t magic[4];
    hf_be32 version;
    hf_be64 backing_offset;
    hf_be32 backing_size, cluster_bits;
    hf_be64 size;
    hf_be32 encryption, l1_size;
    hf_be64 l1_offset, refcount_offset;
    hf_be32 refcount_clusters, snapshots;
    hf_be64 snapshots_offset;
};
_Static_assert(sizeof(struct header) == 72, "version 2's header");

int hf_qcow2_check(const void *bytes, size_t size, uint64_t max, uint64_t *inside, struct hf_error *err)
{
    enum { DATA_FILE = 1 << 2 };
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct header h;
    uint64_t features;
    uint32_t version;

    hf_cursor_copy(&c, &h, sizeof h);
    version = hf_be32_get(h.version);
    features = version == 3 ? hf_cursor_be64(&c) : 0;
    if (c.bad)
        return hf_error_set(err, HF_EDAMAGED, "qcow2 image: it ends in its header");
    if (version != 2 && version != 3)
        return hf_error_set(err, HF_EVERSION, "qcow2 image: version %u; 2 and 3 are supported", version);
    if (hf_be64_get(h.backing_offset))
        return hf_error_refuse(err, "qcow2", "qcow2 image with a backing file; `qemu-img convert` makes one without");
    if (features & DATA_FILE)
        return hf_error_refuse(err, "qcow2",
                               "qcow2 image with an external data file; `qemu-img convert` makes one without");
    if (hf_be32_get(h.encryption))
        return hf_error_refuse(err, "qcow2", "encrypted qcow2 image; `qemu-img convert` makes a plain one");
    if (hf_be64_get(h.size) > max)
        return hf_error_refuse(err, "qcow2", "qcow2 image of %llu bytes inside; at most %llu are taken",
                               (unsigned long long)hf_be64_get(h.size), (unsigned long long)max);
    *inside = hf_be64_get(h.size);
    return 0;
}

/* A file in memory with these bytes. */
static int memory_file(const void *bytes, size_t size, int *ret, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = memfd_create("holdfast-qcow2", MFD_CLOEXEC);

    if (fd < 0)
        return hf_error_set(err, HF_EIO, "memfd_create: %s", strerror(errno));
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, (const uint8_t *)bytes + at, size - at);

        if (n < 0 && errno != EINTR)
            return hf_error_set(err, HF_EIO, "memory for an image of %zu bytes: %s", size, strerror(errno));
        at += n > 0 ? (size_t)n : 0;
    }
    *ret = hf_take_fd(fd);
    return 0;
}

static int read_back(int fd, uint64_t max, uint8_t **bytes, uint64_t *size, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *all = NULL;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return hf_error_set(err, HF_EIO, "qemu-img's result: %s", strerror(errno));
    if ((uint64_t)st.st_size > max)
        return hf_error_set(err, HF_EDAMAGED, "qemu-img's result has %lld bytes; at most %llu are taken",
                            (long long)st.st_size, (unsigned long long)max);
    all = (uint8_t *)malloc((size_t)st.st_size + 1);
    if (!all)
        return hf_error_set(err, HF_ENOMEM, "qcow2: out of memory for %lld bytes", (long long)st.st_size);
    for (off_t at = 0; at < st.st_size;) {
        ssize_t n = pread(fd, all + at, (size_t)(st.st_size - at), at);

        if (n == 0 || (n < 0 && errno != EINTR))
            return hf_error_set(err, HF_EIO, "qemu-img's result: %s", n ? strerror(errno) : "it became shorter");
        at += n > 0 ? n : 0;
    }
    all[st.st_size] = '\0';
    *bytes = hf_take_ptr(all);
    *size = (uint64_t)st.st_size;
    return 0;
}

/* Its first line. */
static int told(int words, struct hf_error *err)
{
    char text[256];
    ssize_t n = pread(words, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return hf_error_set(err, HF_EDAMAGED, "%s", text[0] ? text : "qemu-img failed and did not say why");
}

static int run(char *const *argv, int in, int out, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int words = -1;
    struct hf_child_spec spec = {.argv = argv, .keep = {in, out}, .keep_count = 2, .detached = true};
    int status, r = memory_file("", 0, &words, err);
    pid_t pid;

    if (r < 0)
        return r;
    spec.output = spec.errors = words;
    r = hf_child_start(&spec, &pid, err);
    if (r == -HF_ENOTFOUND)
        return hf_error_set(err, HF_ENOTFOUND,
                            "a qcow2 image, and qemu-img is not installed (Debian: qemu-utils); elsewhere `qemu-img "
                            "convert -O raw` makes the raw bank that needs no qemu-img here");
    if (r < 0)
        return r;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return hf_error_set(err, HF_EIO, "qemu-img: waitpid: %s", strerror(errno));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : told(words, err);
}

static int convert(const void *bytes, size_t size, const char *from, const char *to, uint64_t max, uint8_t **ret,
                   uint64_t *ret_size, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int in = -1, out = -1;
    char source[32], target[32];
    const char *argv[] = {"qemu-img", "convert", "-f", from, "-O", to, source, target, NULL};
    int r = memory_file(bytes, size, &in, err);

    if (r == 0)
        r = memory_file("", 0, &out, err);
    if (r < 0)
        return r;
    (void)snprintf(source, sizeof source, "/proc/self/fd/%d", in);
    (void)snprintf(target, sizeof target, "/proc/self/fd/%d", out);
    r = run((char *const *)(uintptr_t)argv, in, out, err);
    return r < 0 ? r : read_back(out, max, ret, ret_size, err);
}

int hf_qcow2_unpack(const void *bytes, size_t size, uint64_t max, uint8_t **raw, uint64_t *raw_size,
                    struct hf_error *err)
{
    uint64_t inside;
    int r = hf_qcow2_check(bytes, size, max, &inside, err);

    return r < 0 ? r : convert(bytes, size, "qcow2", "raw", inside, raw, raw_size, err);
}

int hf_bank_file_read(const char *path, uint64_t max, uint8_t **bytes, uint64_t *size, bool *packed,
                      struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *file = NULL;
    bool device = hf_block_device_is(path);
    uint64_t length;
    int r = device ? hf_block_store_read(path, &file, &length, err) : hf_file_read(path, max, &file, &length, err);

    if (r < 0)
        return r;
    if (hf_qcow2_is(file, (size_t)length)) {
        r = hf_qcow2_unpack(file, (size_t)length, max, bytes, size, err);
        if (r < 0)
            return hf_error_prefix(err, r, "%s: ", path);
        if (packed)
            *packed = true;
        return 0;
    }
    *bytes = hf_take_ptr(file);
    *size = length;
    if (packed)
        *packed = false;
    return 0;
}

int hf_qcow2_pack(const void *raw, size_t raw_size, uint8_t **bytes, uint64_t *size, struct hf_error *err)
{
    enum { TABLES = 16 << 20 }; /* more than qcow2 needs for its own around any bank */

    return convert(raw, raw_size, "raw", "qcow2", raw_size + TABLES, bytes, size, err);
}
