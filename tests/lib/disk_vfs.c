/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk_vfs.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#define SECTOR   512
#define FILE_MAX (16U << 20)

static const char *const suffixes[DISK_FILES] = {"", "-wal", "-journal"};

static struct {
    sqlite3_vfs vfs, *real;
    char path[PATH_MAX];
    struct disk_event *events;
    size_t count, room;
    unsigned calls, fail_at;
    unsigned syncs, sync_fails_from, sync_fails_to;
    int fail_code;
    bool failed;
} disk;

struct disk_handle {
    sqlite3_file base;
    int file; /* enum disk_file, or -1: none of the container's */
    sqlite3_file *real;
};

static void record(struct disk_event event)
{
    if (event.kind != DISK_NOTE && event.file == DISK_OTHER) {
        free(event.bytes);
        return;
    }
    if (disk.count == disk.room) {
        disk.room = disk.room ? 2 * disk.room : 1024;
        disk.events = (struct disk_event *)realloc(disk.events, disk.room * sizeof *disk.events);
        assert(disk.events);
    }
    disk.events[disk.count++] = event;
}

/* Whether this call is the one that is to fail. */
static bool fails(int file)
{
    if (file < 0)
        return false;
    disk.calls++;
    if (disk.fail_at == 0 || disk.calls != disk.fail_at)
        return false;
    disk.failed = true;
    return true;
}

static int file_of(const char *name)
{
    size_t n = strlen(disk.path);

    if (!name || strncmp(name, disk.path, n) != 0)
        return -1;
    for (int i = 0; i < DISK_FILES; i++)
        if (strcmp(name + n, suffixes[i]) == 0)
            return i;
    return name[n] == '.' ? DISK_OTHER : -1;
}

#define HANDLE(f) ((struct disk_handle *)(f))
#define REAL(f)   (HANDLE(f)->real)

static int x_close(sqlite3_file *f)
{
    int rc = REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;

    free(REAL(f));
    return rc;
}

static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int file = HANDLE(f)->file;

    if (fails(file))
        return disk.fail_code;
    if (file >= 0) {
        struct disk_event e = {DISK_WRITE, (enum disk_file)file,         (uint64_t)at,
                               (size_t)n,  (uint8_t *)malloc((size_t)n), false};

        assert(e.bytes);
        memcpy(e.bytes, p, e.size);
        record(e);
    }
    return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int file = HANDLE(f)->file;

    if (fails(file))
        return disk.fail_code;
    if (file >= 0)
        record((struct disk_event){.kind = DISK_TRUNCATE, .file = (enum disk_file)file, .at = (uint64_t)size});
    return REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static int x_sync(sqlite3_file *f, int flags)
{
    int file = HANDLE(f)->file;

    if (fails(file))
        return disk.fail_code;
    if (file >= 0 && ++disk.syncs >= disk.sync_fails_from && disk.syncs < disk.sync_fails_to) {
        disk.failed = true;
        record((struct disk_event){.kind = DISK_LOSS, .file = (enum disk_file)file});
        return SQLITE_IOERR_FSYNC;
    }
    if (file >= 0)
        record((struct disk_event){.kind = DISK_SYNC, .file = (enum disk_file)file});
    return SQLITE_OK; /* the test's own disk has no need of it */
}

static int x_file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int x_lock(sqlite3_file *f, int lock)
{
    return REAL(f)->pMethods->xLock(REAL(f), lock);
}

static int x_unlock(sqlite3_file *f, int lock)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), lock);
}

static int x_check_lock(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int x_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int x_device(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, p);
}

static int x_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}

static void x_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int x_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods methods = {
    2,         x_close,  x_read,   x_write,   x_truncate, x_sync,        x_file_size, x_lock, x_unlock, x_check_lock,
    x_control, x_sector, x_device, x_shm_map, x_shm_lock, x_shm_barrier, x_shm_unmap, NULL,   NULL,
};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct disk_handle *h = HANDLE(f);
    struct stat st;
    bool is_new;
    int rc;

    memset(h, 0, sizeof *h);
    h->file = file_of(name);
    is_new = h->file >= 0 && stat(name, &st) != 0;
    if (h->file >= 0 && (flags & SQLITE_OPEN_READWRITE) && fails(h->file))
        return SQLITE_CANTOPEN;
    h->real = (sqlite3_file *)calloc(1, (size_t)disk.real->szOsFile);
    assert(h->real);
    rc = disk.real->xOpen(disk.real, name, h->real, flags, out);
    if (rc != SQLITE_OK) {
        free(h->real);
        return rc;
    }
    if (is_new)
        record((struct disk_event){.kind = DISK_CREATE, .file = (enum disk_file)h->file});
    h->base.pMethods = &methods;
    return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    int file = file_of(name);

    if (fails(file))
        return SQLITE_IOERR_DELETE;
    if (file >= 0)
        record((struct disk_event){.kind = DISK_REMOVE, .file = (enum disk_file)file, .at = (uint64_t)sync});
    return disk.real->xDelete(disk.real, name, 0);
}

void disk_begin(const char *path)
{
    if (!disk.real) {
        disk.real = sqlite3_vfs_find("unix");
        disk.vfs = *disk.real;
        disk.vfs.zName = "disk";
        disk.vfs.szOsFile = sizeof(struct disk_handle);
        disk.vfs.xOpen = x_open;
        disk.vfs.xDelete = x_delete;
    }
    sqlite3_vfs_register(&disk.vfs, 1);
    for (size_t i = 0; i < disk.count; i++)
        free(disk.events[i].bytes);
    disk.count = 0;
    snprintf(disk.path, sizeof disk.path, "%s", path);
    disk_fail(0, 0);
    disk_fail_syncs(0, 0);
}

void disk_end(void)
{
    if (disk.real)
        sqlite3_vfs_register(disk.real, 1);
}

void disk_note(uint64_t number, bool durable)
{
    record((struct disk_event){.kind = DISK_NOTE, .at = number, .durable = durable});
}

size_t disk_events(const struct disk_event **events)
{
    *events = disk.events;
    return disk.count;
}

void disk_fail(unsigned n, int code)
{
    disk.fail_at = n;
    disk.fail_code = code;
    disk.calls = 0;
    disk.failed = false;
}

void disk_fail_syncs(unsigned n, unsigned count)
{
    disk.failed = false;
    disk.syncs = 0;
    disk.sync_fails_from = n;
    disk.sync_fails_to = n ? n + count : 0;
}

unsigned disk_calls(void)
{
    return disk.calls;
}

bool disk_failed(void)
{
    return disk.failed;
}

/* One file while it is laid out. */
struct image {
    uint8_t *bytes;
    size_t size;
    bool exists;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void put(struct image *image, uint64_t at, const uint8_t *bytes, size_t size)
{
    assert(at + size <= FILE_MAX);
    if (at > image->size)
        memset(image->bytes + image->size, 0, (size_t)at - image->size);
    memcpy(image->bytes + at, bytes, size);
    if (at + size > image->size)
        image->size = (size_t)at + size;
}

static void write_sectors(struct image *image, const struct disk_event *e, uint32_t *seed)
{
    for (size_t done = 0; done < e->size;) {
        size_t n = SECTOR - (size_t)((e->at + done) % SECTOR);

        if (n > e->size - done)
            n = e->size - done;
        if (next_random(seed) & 1)
            put(image, e->at + done, e->bytes + done, n);
        done += n;
    }
}

static void apply(struct image *image, const struct disk_event *e, size_t limit)
{
    switch (e->kind) {
    case DISK_WRITE:
        put(image, e->at, e->bytes, e->size < limit ? e->size : limit);
        break;
    case DISK_TRUNCATE:
        if (e->at > image->size)
            memset(image->bytes + image->size, 0, (size_t)e->at - image->size);
        image->size = (size_t)e->at;
        break;
    case DISK_REMOVE:
        image->exists = false;
        image->size = 0;
        break;
    case DISK_CREATE:
        image->exists = true;
        break;
    default:
        break;
    }
}

/* Whether each of the first `count` events is covered by a sync after it, and none that failed in between. */
static bool *find_synced(size_t count)
{
    bool *synced = (bool *)calloc(count + 1, sizeof *synced), *lost = (bool *)calloc(count + 1, sizeof *lost);

    assert(synced && lost);
    for (size_t i = 0; i < count; i++) {
        const struct disk_event *e = &disk.events[i];
        bool sync = e->kind == DISK_SYNC || (e->kind == DISK_REMOVE && e->at);

        for (size_t j = 0; (sync || e->kind == DISK_LOSS) && j <= i; j++) {
            if (disk.events[j].file != e->file || disk.events[j].kind == DISK_NOTE)
                continue;
            lost[j] = lost[j] || (e->kind == DISK_LOSS && !synced[j]);
            synced[j] = synced[j] || (sync && !lost[j]);
        }
    }
    free(lost);
    return synced;
}

static void store(const char *path, enum disk_file file, const struct image *image)
{
    char name[PATH_MAX + 16];
    FILE *f;

    snprintf(name, sizeof name, "%s%s", path, suffixes[file]);
    (void)unlink(name);
    if (!image->exists)
        return;
    f = fopen(name, "wb");
    assert(f);
    assert(fwrite(image->bytes, 1, image->size, f) == image->size);
    fclose(f);
    (void)chmod(name, 0600);
}

void disk_lay_out(const char *path, const uint8_t *base, size_t base_size, size_t count, enum disk_layout layout,
                  uint32_t seed)
{
    static struct image images[DISK_FILES];
    bool *all_synced;
    /* Creations and removals reach the disk in their order: of those not synced, the first few. */
    bool names_stop = false, old_one[DISK_FILES] = {false};

    for (int f = 0; f < DISK_FILES; f++) {
        if (!images[f].bytes)
            images[f].bytes = (uint8_t *)malloc(FILE_MAX);
        assert(images[f].bytes);
        images[f].size = 0;
        images[f].exists = f == DISK_MAIN;
    }
    memcpy(images[DISK_MAIN].bytes, base, base_size);
    images[DISK_MAIN].size = base_size;
    all_synced = find_synced(count);
    for (size_t i = 0; i < count; i++) {
        const struct disk_event *e = &disk.events[i];
        struct image *image = &images[e->file];
        bool synced = all_synced[i], name = e->kind == DISK_CREATE || e->kind == DISK_REMOVE;

        if (e->kind == DISK_NOTE || e->kind == DISK_SYNC || e->kind == DISK_LOSS || old_one[e->file])
            continue;
        if (synced || layout == DISK_ALL) {
            apply(image, e, SIZE_MAX);
        } else if (layout == DISK_SYNCED_ONLY) {
            old_one[e->file] = e->kind == DISK_REMOVE;
        } else if (layout == DISK_TORN) {
            apply(image, e, i + 1 < count ? SIZE_MAX : SECTOR * (next_random(&seed) % (e->size / SECTOR + 1)));
        } else if (layout == DISK_SCATTERED && name) {
            names_stop = names_stop || (next_random(&seed) & 1);
            if (!names_stop)
                apply(image, e, SIZE_MAX);
            else if (e->kind == DISK_REMOVE)
                old_one[e->file] = true; /* what is written to its successor is written to a file without a name */
        } else if (layout == DISK_SCATTERED && e->kind == DISK_WRITE) {
            write_sectors(image, e, &seed);
        } else if (layout == DISK_SCATTERED && (next_random(&seed) & 1)) {
            apply(image, e, SIZE_MAX);
        }
    }
    free(all_synced);
    for (int f = 0; f < DISK_FILES; f++)
        store(path, (enum disk_file)f, &images[f]);
}
