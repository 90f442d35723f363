/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include <holdfast/flash_image.h>

#include "cleanup.h"

enum { HEAD = 64 };

static bool is_container(const uint8_t head[HEAD])
{
    return memcmp(head, "SQLite format 3", 16) == 0;
}

/* A firmware volume for variables: its GUID, and its signature behind it. */
static bool is_store(const uint8_t head[HEAD])
{
    static const struct hf_guid nv_data = HF_GUID(0xfff12b8d, 0x7696, 0x4c8b, 0xa985, 0x2747075b4f50);

    return memcmp(head + 16, &nv_data, sizeof nv_data) == 0 && memcmp(head + 40, "_FVH", 4) == 0;
}

/* One that firmware has not formatted yet has nothing to be told by but its size and its name. */
static bool is_blank(const uint8_t head[HEAD], const struct stat *st, const char *name)
{
    size_t length = strlen(name), i = 0;

    if (length < 3 || strcmp(name + length - 3, ".fd") != 0 || (head[0] != 0 && head[0] != 0xFF))
        return false;
    while (i < HEAD && head[i] == head[0])
        i++;
    for (unsigned l = 0; i == HEAD && l < HF_LAYOUT_MAX; l++) {
        const struct hf_layout_info *info = hf_layout_info((enum hf_layout)l);

        if (info && ((uint64_t)st->st_size == info->bank_size || (uint64_t)st->st_size == info->volume_size))
            return true;
    }
    return false;
}

/* QEMU's or virt-firmware's: an object that begins with its version or its variables. */
static bool is_json(const uint8_t head[HEAD], const char *name)
{
    size_t length = strlen(name);

    return length > 5 && strcmp(name + length - 5, ".json") == 0 && head[0] == '{' &&
           (memmem(head, HEAD, "\"version\"", 9) || memmem(head, HEAD, "\"variables\"", 11));
}

static bool looks_like_one(const FTSENT *entry)
{
    int fd = open(entry->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    uint8_t head[HEAD] = {0};
    ssize_t n;

    if (fd < 0)
        return errno == EACCES || errno == EPERM; /* to be told */
    n = pread(fd, head, sizeof head, 0);
    (void)close(fd);
    return n > 0 && (is_container(head) || is_store(head) || is_blank(head, entry->fts_statp, entry->fts_name) ||
                     is_json(head, entry->fts_name));
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int visit(struct hf_store_walk *walk, const FTSENT *entry, struct hf_error *err)
{
    switch (entry->fts_info) {
    case FTS_F:
        if (entry->fts_level == FTS_ROOTLEVEL || looks_like_one(entry))
            return walk->each(walk->ctx, entry->fts_path, NULL, err);
        walk->skipped++;
        return 0;
    case FTS_DEFAULT:
        if (entry->fts_level == FTS_ROOTLEVEL)
            return walk->each(walk->ctx, entry->fts_path,
                              S_ISBLK(entry->fts_statp->st_mode) ? NULL : "not a regular file", err);
        return 0;
    case FTS_NS:
    case FTS_DNR:
    case FTS_ERR:
        return walk->each(walk->ctx, entry->fts_path, strerror(entry->fts_errno), err);
    default:
        return 0;
    }
}

int hf_store_walk(struct hf_store_walk *walk, const char *path, struct hf_error *err)
{
    char *const paths[] = {(char *)path, NULL};
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    const FTSENT *entry;
    int r = 0;

    if (!tree)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    while (r == 0 && (errno = 0, entry = fts_read(tree)) != NULL)
        r = visit(walk, entry, err);
    if (r == 0 && errno)
        r = hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    (void)fts_close(tree);
    return r;
}
