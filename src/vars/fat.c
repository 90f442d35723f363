/* SPDX-License-Identifier: BSD-2-Clause */
#include "fat.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>
#include <holdfast/ucs2.h>

#include "cleanup.h"
#include "cursor.h"

enum {
    DEPTH_MAX = 16,
    ENTRY = 32,
    LONG_PARTS = 20,
    LONG_CHARS = 13,
    LABEL = 0x08,
    DIRECTORY = 0x10,
    LONG_NAME = 0x0F,
    DELETED = 0xE5,
    LOWER_NAME = 0x08, /* of byte 12: as Windows NT writes it */
    LOWER_EXTENSION = 0x10,
};

struct boot_sector {
    uint8_t jump[3], oem[8];
    hf_le16 sector;
    uint8_t cluster_sectors;
    hf_le16 reserved;
    uint8_t tables;
    hf_le16 root_entries, sectors16;
    uint8_t media;
    hf_le16 table_sectors16, track, heads;
    hf_le32 hidden, sectors32, table_sectors32;
    hf_le16 flags, version;
    hf_le32 root_cluster;
};
_Static_assert(sizeof(struct boot_sector) == 48, "BPB up to BPB_RootClus");

static int check_sizes(const struct boot_sector *b, struct hf_error *err)
{
    uint32_t sector = hf_le16_get(b->sector), each = b->cluster_sectors;

    if (sector < 512 || sector > 4096 || sector & (sector - 1))
        return hf_error_set(err, HF_EDAMAGED, "FAT: bytes per sector: %u; 512, 1024, 2048 and 4096 are valid", sector);
    if (!each || each & (each - 1) || sector * each > 64 << 10)
        return hf_error_set(err, HF_EDAMAGED, "FAT: invalid sectors per cluster: %u", each);
    if (!b->tables || !hf_le16_get(b->reserved))
        return hf_error_set(err, HF_EDAMAGED, "FAT: invalid header: %u tables, %u reserved sectors", b->tables,
                            hf_le16_get(b->reserved));
    return 0;
}

static int lay_out(const struct boot_sector *b, uint64_t size, struct hf_fat *f, struct hf_error *err)
{
    uint64_t sectors = hf_le16_get(b->sectors16) ? hf_le16_get(b->sectors16) : hf_le32_get(b->sectors32), used;
    uint32_t table =
        hf_le16_get(b->table_sectors16) ? hf_le16_get(b->table_sectors16) : hf_le32_get(b->table_sectors32);

    f->sector = hf_le16_get(b->sector);
    f->cluster_bytes = f->sector * b->cluster_sectors;
    f->root_bytes = (uint32_t)hf_le16_get(b->root_entries) * ENTRY;
    f->tables = (uint64_t)hf_le16_get(b->reserved) * f->sector;
    f->root = f->tables + (uint64_t)b->tables * table * f->sector;
    f->data = f->root + (f->root_bytes + f->sector - 1) / f->sector * f->sector;
    used = f->data / f->sector;
    if (sectors * f->sector > size || used >= sectors)
        return hf_error_set(err, HF_EDAMAGED,
                            "FAT: %llu sectors of %u bytes, %llu before the data; the volume has %llu bytes",
                            (unsigned long long)sectors, f->sector, (unsigned long long)used, (unsigned long long)size);
    f->clusters = (uint32_t)((sectors - used) / b->cluster_sectors);
    f->bits = f->clusters < 4085 ? 12 : f->clusters < 65525 ? 16 : 32;
    f->root_cluster = f->bits == 32 ? hf_le32_get(b->root_cluster) : 0;
    if (((uint64_t)f->clusters + 2) * f->bits > (uint64_t)table * f->sector * 8)
        return hf_error_set(err, HF_EDAMAGED, "FAT: table too small: %u sectors for %u clusters", table, f->clusters);
    return 0;
}

int hf_fat_open(const struct hf_disk *disk, uint64_t at, uint64_t size, struct hf_fat *ret, struct hf_error *err)
{
    struct hf_fat f = {.disk = disk, .at = at};
    struct boot_sector b;
    int r;

    if (size < 512 || !hf_range_ok(at, size, disk->size))
        return hf_error_set(err, HF_EDAMAGED, "FAT: volume exceeds the disk: %llu bytes at byte %llu of %llu",
                            (unsigned long long)size, (unsigned long long)at, (unsigned long long)disk->size);
    r = disk->read(disk->ctx, at, &b, sizeof b, err);
    if (r == 0)
        r = check_sizes(&b, err);
    if (r == 0)
        r = lay_out(&b, size, &f, err);
    if (r == 0)
        *ret = f;
    return r;
}

/* The cluster after this one; 0: it was the last. */
static int next_cluster(const struct hf_fat *f, uint32_t cluster, uint32_t *next, struct hf_error *err)
{
    const uint32_t ends[] = {[12] = 0xFF8, [16] = 0xFFF8, [32] = 0x0FFFFFF8};
    uint64_t bit = (uint64_t)cluster * f->bits;
    uint8_t bytes[4] = {0};
    uint32_t value;
    int r = f->disk->read(f->disk->ctx, f->at + f->tables + bit / 8, bytes, f->bits == 32 ? 4 : 2, err);

    if (r < 0)
        return r;
    value = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    value = f->bits == 12 ? (bit % 8 ? value >> 4 : value & 0xFFF) : value & 0x0FFFFFFF;
    if (value >= ends[f->bits])
        value = 0;
    else if (value < 2 || value - 2 >= f->clusters)
        return hf_error_set(err, HF_EDAMAGED, "FAT: cluster %u is followed by 0x%x; there are %u", cluster, value,
                            f->clusters);
    *next = value;
    return 0;
}

/* The first `size` bytes of a chain. *got: less where the chain ends before. */
static int read_chain(const struct hf_fat *f, uint32_t cluster, uint8_t *to, size_t size, size_t *got,
                      struct hf_error *err)
{
    size_t at = 0;

    if (cluster && (cluster < 2 || cluster - 2 >= f->clusters))
        return hf_error_set(err, HF_EDAMAGED, "FAT: first cluster %u; there are %u", cluster, f->clusters);
    while (cluster && at < size) {
        size_t n = size - at < f->cluster_bytes ? size - at : f->cluster_bytes;
        int r =
            f->disk->read(f->disk->ctx, f->at + f->data + (uint64_t)(cluster - 2) * f->cluster_bytes, to + at, n, err);

        if (r == 0)
            r = next_cluster(f, cluster, &cluster, err);
        if (r < 0)
            return r;
        at += n;
    }
    *got = at;
    return 0;
}

/* What long-name entries before a short one have collected. */
struct long_name {
    uint8_t ucs2[2 * LONG_PARTS * LONG_CHARS + 2];
    uint8_t sum;
    unsigned expected; /* the next part's number; 0: all are there, or there is none */
    bool any;
};

static void take_part(struct long_name *name, const uint8_t *entry)
{
    static const uint8_t places[LONG_CHARS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    unsigned number = entry[0] & 0x3F;

    if (entry[0] & 0x40) {
        *name = (struct long_name){.sum = entry[13], .expected = number, .any = true};
    } else if (!name->any || number != name->expected || entry[13] != name->sum) {
        name->any = false;
    }
    if (!name->any || number == 0 || number > LONG_PARTS) {
        name->any = false;
        return;
    }
    for (unsigned i = 0; i < LONG_CHARS; i++)
        memcpy(name->ucs2 + 2 * ((number - 1) * LONG_CHARS + i), entry + places[i], 2);
    name->expected = number - 1;
}

static uint8_t short_sum(const uint8_t *entry)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + entry[i]);
    return sum;
}

/* False: it is no text. */
static bool name_of(const struct long_name *longer, const uint8_t *entry, char *text, size_t room)
{
    size_t n = 0, chars = 0;

    if (longer->any && longer->expected == 0 && longer->sum == short_sum(entry)) {
        while (chars < LONG_PARTS * LONG_CHARS && (longer->ucs2[2 * chars] || longer->ucs2[2 * chars + 1]))
            chars++;
        return chars && hf_ucs2_to_utf8(longer->ucs2, (uint32_t)(2 * chars + 2), text, room) && !strchr(text, '/');
    }
    for (unsigned i = 0; i < 11; i++) {
        bool lower = entry[12] & (i < 8 ? LOWER_NAME : LOWER_EXTENSION) && entry[i] >= 'A' && entry[i] <= 'Z';

        if (i == 8 && entry[8] != ' ')
            text[n++] = '.';
        if (entry[i] == ' ')
            continue;
        if (entry[i] < 0x20 || entry[i] >= 0x7F || entry[i] == '/')
            return false;
        text[n++] = (char)(lower ? entry[i] | 0x20 : entry[i]);
    }
    text[n] = '\0';
    return n > 0;
}

struct walk {
    const struct hf_fat *fat;
    hf_fat_each each;
    void *ctx;
    unsigned depth;
    size_t files, bytes; /* of directories that were read: loops are not found otherwise */
};

static int walk_directory(struct walk *w, const char *path, const uint8_t *bytes, size_t size, struct hf_error *err);

/* A directory's size is not told: all of its chain, of 2 MiB at most (65,536 entries). */
static int enter(struct walk *w, const char *path, uint32_t cluster, struct hf_error *err)
{
    enum { LIMIT = 2 << 20, ALL = 64 << 20 };
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    size_t size;
    int r;

    if (w->depth == DEPTH_MAX)
        return 0;
    bytes = (uint8_t *)malloc(LIMIT);
    if (!bytes)
        return hf_error_nomem(err);
    r = read_chain(w->fat, cluster, bytes, LIMIT, &size, err);
    if (r < 0)
        return r;
    w->bytes += size;
    if (w->bytes > ALL)
        return hf_error_set(err, HF_EDAMAGED, "FAT: directories of more than %d bytes, or in a loop", ALL);
    w->depth++;
    r = walk_directory(w, path, bytes, size, err);
    w->depth--;
    return r;
}

static int take_entry(struct walk *w, const char *path, const uint8_t *entry, const struct long_name *longer,
                      struct hf_error *err)
{
    struct hf_fat_file file = {.directory = entry[11] & DIRECTORY};
    size_t length = strlen(path);
    hf_le16 high, low;
    hf_le32 size;
    int r;

    if (entry[0] == '.' || entry[11] & LABEL || length + 2 >= sizeof file.path)
        return 0;
    memcpy(file.path, path, length);
    file.path[length] = '/';
    if (sizeof file.path - length - 1 < 16 ||
        !name_of(longer, entry, file.path + length + 1, sizeof file.path - length - 1))
        return 0;
    memcpy(&high, entry + 20, sizeof high);
    memcpy(&low, entry + 26, sizeof low);
    memcpy(&size, entry + 28, sizeof size);
    file.cluster = (w->fat->bits == 32 ? (uint32_t)hf_le16_get(high) << 16 : 0) | hf_le16_get(low);
    file.size = hf_le32_get(size);
    if (++w->files > HF_FAT_FILES_MAX)
        return hf_error_set(err, HF_EDAMAGED, "FAT: more than %d files", HF_FAT_FILES_MAX);
    r = w->each(w->ctx, &file, err);
    return r == 0 && file.directory ? enter(w, file.path, file.cluster, err) : r;
}

static int walk_directory(struct walk *w, const char *path, const uint8_t *bytes, size_t size, struct hf_error *err)
{
    struct long_name longer = {.any = false};

    for (size_t at = 0; at + ENTRY <= size && bytes[at]; at += ENTRY) {
        const uint8_t *entry = bytes + at;
        int r;

        if (entry[0] == DELETED) {
            longer.any = false;
            continue;
        }
        if ((entry[11] & 0x3F) == LONG_NAME) {
            take_part(&longer, entry);
            continue;
        }
        r = take_entry(w, path, entry, &longer, err);
        if (r != 0)
            return r;
        longer.any = false;
    }
    return 0;
}

int hf_fat_walk(const struct hf_fat *fat, hf_fat_each each, void *ctx, struct hf_error *err)
{
    struct walk w = {.fat = fat, .each = each, .ctx = ctx};
    hf_auto(hf_cleanup_free) uint8_t *root = NULL;
    int r;

    if (fat->bits == 32)
        return enter(&w, "", fat->root_cluster, err);
    root = (uint8_t *)malloc(fat->root_bytes + 1);
    if (!root)
        return hf_error_nomem(err);
    r = fat->disk->read(fat->disk->ctx, fat->at + fat->root, root, fat->root_bytes, err);
    return r < 0 ? r : walk_directory(&w, "", root, fat->root_bytes, err);
}

int hf_fat_read(const struct hf_fat *fat, const struct hf_fat_file *file, uint32_t max, uint8_t **bytes,
                struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *all = NULL;
    size_t got = 0;
    int r;

    if (file->size > max)
        return hf_error_refuse(err, "size", "%s: %u bytes; the limit is %u", file->path, file->size, max);
    if ((uint64_t)file->size > (uint64_t)fat->clusters * fat->cluster_bytes)
        return hf_error_set(err, HF_EDAMAGED, "%s: %u bytes; the volume is smaller", file->path, file->size);
    all = (uint8_t *)malloc((size_t)file->size + 1);
    if (!all)
        return hf_error_nomem(err);
    r = read_chain(fat, file->cluster, all, file->size, &got, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s: ", file->path);
    if (got != file->size)
        return hf_error_set(err, HF_EDAMAGED, "%s: truncated: %zu of %u bytes", file->path, got, file->size);
    *bytes = hf_take_ptr(all);
    return 0;
}
