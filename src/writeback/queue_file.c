/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue_file.h"

#include "cleanup.h"
#include "no_room.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ID_MAX       48u
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

/* What a queue belongs to. */
struct key {
    char id[ID_MAX];
    char boot[16]; /* the first characters of the boot id: enough to tell boots apart */
    uint64_t device, inode;
    char place[PATH_MAX];
};
_Static_assert(sizeof(struct key) == HF_WRITE_QUEUE_KEY_SIZE, "the queue keeps it");

struct hf_queue_file {
    struct hf_write_queue queue;
    struct hf_write_queue_ops ops;
    int (*load)(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err);
    void *opaque;
    char *path;
    void *memory;
    size_t size;
    int fd;
    bool theirs; /* not recovered: for another file */
};

static int load(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    struct hf_queue_file *f = opaque;

    return f->load(f->opaque, page, bytes, err);
}

static int reserve(void *opaque, size_t offset, size_t size, struct hf_error *err)
{
    static const uint8_t zeros[HF_WRITE_QUEUE_PAGE];
    struct hf_queue_file *f = opaque;

    if (fallocate(f->fd, 0, (off_t)offset, (off_t)size) == 0)
        return 0;
    for (size_t done = 0; errno == EOPNOTSUPP && done < size; done += sizeof zeros) {
        if (pwrite(f->fd, zeros, sizeof zeros, (off_t)(offset + done)) != (ssize_t)sizeof zeros)
            break;
        if (done + sizeof zeros >= size)
            return 0;
    }
    return hf_error_set(err, hf_no_room_or_io(errno),
                        "%s: no space for queued flash writes: %s; free space in that directory", f->path,
                        strerror(errno));
}

static int read_boot(char *out, size_t size, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);

    memset(out, 0, size);
    if (fd < 0 || read(fd, out, size) != (ssize_t)size)
        return hf_error_set(err, HF_EIO, "%s: cannot be read: %s", BOOT_ID_PATH, strerror(errno));
    return 0;
}

static int make_key(const struct hf_queue_owner *owner, struct key *key, struct hf_error *err)
{
    memset(key, 0, sizeof *key);
    if (strlen(owner->id) >= sizeof key->id || strlen(owner->place) >= sizeof key->place)
        return hf_error_set(err, HF_EUSAGE, "queue of flash writes: '%s': path too long; the limit is %u characters",
                            owner->id, ID_MAX - 1);
    memcpy(key->id, owner->id, strlen(owner->id));
    key->device = owner->device;
    key->inode = owner->inode;
    memcpy(key->place, owner->place, strlen(owner->place));
    return read_boot(key->boot, sizeof key->boot, err);
}

/* A file system that was mounted anew may have another device number. */
static bool is_same_file(const struct key *a, const struct key *b)
{
    return a->inode == b->inode && (a->device == b->device || strncmp(a->place, b->place, sizeof a->place) == 0);
}

static int lock(struct hf_queue_file *f, struct hf_error *err)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(f->fd, F_OFD_SETLK, &l) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return hf_error_set(err, HF_EOWNED, "%s: in use by another server", f->path);
    return hf_error_set(err, HF_EIO, "%s: cannot be locked: %s", f->path, strerror(errno));
}

/* Returns 1 when the file was removed between opening and locking: its last user closed it, try again. */
static int open_locked(struct hf_queue_file *f, struct stat *st, struct hf_error *err)
{
    int r;

    f->fd = open(f->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f->fd < 0 || fstat(f->fd, st) < 0)
        return hf_error_set(err, HF_EIO, "%s: cannot be opened: %s", f->path, strerror(errno));
    if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || (st->st_mode & 077))
        return hf_error_refuse(err, "permissions", "%s: not a regular file that only its owner (uid %u) can reach",
                               f->path, (unsigned)geteuid());
    r = lock(f, err);
    if (r < 0 || fstat(f->fd, st) < 0 || st->st_nlink > 0)
        return r;
    close(hf_take_fd(f->fd));
    return 1;
}

static int map(struct hf_queue_file *f, struct hf_error *err)
{
    struct stat st;
    int r;

    do
        r = open_locked(f, &st, err);
    while (r > 0);
    if (r < 0)
        return r;
    /* One that was cut short or is for another bank keeps its size here; the queue's own header decides about it. */
    if ((uint64_t)st.st_size < f->size && ftruncate(f->fd, (off_t)f->size) < 0)
        return hf_error_set(err, HF_EIO, "%s: cannot be made %zu bytes long: %s", f->path, f->size, strerror(errno));
    r = reserve(f, 0, hf_write_queue_head_size(0), err);
    if (r < 0)
        return r;
    f->memory = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
    if (f->memory == MAP_FAILED) {
        f->memory = NULL;
        return hf_error_set(err, HF_ENOMEM, "%s: cannot be mapped: %s", f->path, strerror(errno));
    }
    return 0;
}

/* Blocks of pages in the taken-over batches exist already: they were reserved before they were written. */
static int take_over(struct hf_queue_file *f, const struct key *key, uint64_t bank_size, struct hf_error *err)
{
    const struct key *theirs;
    struct hf_error why;
    int r = hf_write_queue_attach(&f->queue, f->memory, bank_size, &f->ops, &why);

    if (r == -HF_ENOTFOUND) {
        hf_write_queue_init(&f->queue, f->memory, bank_size, (const uint8_t *)key, &f->ops);
        return 0;
    }
    theirs = (const struct key *)hf_write_queue_key(&f->queue);
    if (memcmp(theirs->boot, key->boot, sizeof key->boot) != 0 ||
        (r == 0 && hf_write_queue_waiting(&f->queue) == 0 && !is_same_file(theirs, key))) {
        hf_write_queue_init(&f->queue, f->memory, bank_size, (const uint8_t *)key, &f->ops);
        return 0;
    }
    if (r < 0 || memcmp(theirs->id, key->id, sizeof key->id) != 0)
        return hf_error_set(err, HF_EDAMAGED,
                            "%s: %s; it has flash writes that are not in the container: keep a copy, then move it away "
                            "to continue without them",
                            f->path, r < 0 ? why.text : "belongs to another container");
    f->theirs = !is_same_file(theirs, key);
    return f->theirs ? 0 : hf_write_queue_recover(&f->queue, err);
}

static void release(struct hf_queue_file *f)
{
    if (f->memory)
        munmap(f->memory, f->size);
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

int hf_queue_file_open(const char *path, const struct hf_queue_owner *owner, uint64_t bank_size,
                       int (*load_page)(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err),
                       void *opaque, struct hf_queue_file **out, struct hf_error *err)
{
    struct hf_queue_file *f = calloc(1, sizeof *f);
    struct key key;
    int r;

    if (f)
        *f = (struct hf_queue_file){.load = load_page, .opaque = opaque, .fd = -1, .path = strdup(path)};
    if (!f || !f->path) {
        free(f);
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    f->ops = (struct hf_write_queue_ops){.load = load, .reserve = reserve, .opaque = f};
    f->size = hf_write_queue_memory_size(bank_size);
    r = make_key(owner, &key, err);
    if (r == 0)
        r = map(f, err);
    if (r == 0)
        r = take_over(f, &key, bank_size, err);
    if (r < 0) {
        release(f);
        return r;
    }
    *out = f;
    return 0;
}

const char *hf_queue_file_whose(const struct hf_queue_file *f)
{
    return f->theirs ? ((const struct key *)hf_write_queue_key(&f->queue))->place : NULL;
}

int hf_queue_file_adopt(struct hf_queue_file *f, struct hf_error *err)
{
    f->theirs = false;
    return hf_write_queue_recover(&f->queue, err);
}

void hf_queue_file_close(struct hf_queue_file *f)
{
    if (!f)
        return;
    /* Under the lock: a server that comes next finds no file, or waits for this one to close. */
    if (hf_write_queue_waiting(&f->queue) == 0)
        (void)unlink(f->path);
    release(f);
}

struct hf_write_queue *hf_queue_file_queue(struct hf_queue_file *f)
{
    return &f->queue;
}

void hf_queue_file_set_load(struct hf_queue_file *f,
                            int (*load_page)(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err),
                            void *opaque)
{
    f->load = load_page;
    f->opaque = opaque;
}

void hf_queue_file_trim(struct hf_queue_file *f, uint32_t keep)
{
    size_t offset, size;

    while (hf_write_queue_reserved(&f->queue) > keep && hf_write_queue_trim(&f->queue, &offset, &size))
        (void)fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
}

int hf_queue_file_look(const char *path, const struct hf_queue_owner *owner, struct hf_queue_state *out,
                       struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    size_t want = hf_write_queue_peek_size();
    hf_auto(hf_cleanup_free) uint8_t *head = malloc(want);
    const struct key *theirs;
    struct key ours;
    uint32_t waiting;
    int64_t behind;
    ssize_t n;
    int r;

    if (fd < 0 || !head)
        return hf_error_set(err, HF_ENOTFOUND, "%s: not a queue of flash writes", path);
    n = pread(fd, head, want, 0);
    r = hf_write_queue_peek(head, n < 0 ? 0 : (size_t)n, &behind, &waiting, err);
    if (r < 0)
        return r;
    r = make_key(owner, &ours, err);
    if (r < 0)
        return r;
    theirs = (const struct key *)hf_write_queue_peek_key(head);
    if (memcmp(theirs->boot, ours.boot, sizeof ours.boot) != 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: from an earlier boot of this host", path);
    *out = (struct hf_queue_state){.behind_since = behind,
                                   .bytes = (uint64_t)waiting * HF_WRITE_QUEUE_PAGE,
                                   .theirs = !is_same_file(theirs, &ours),
                                   .mark = hf_write_queue_peek_mark(head)};
    memcpy(out->place, theirs->place, sizeof out->place);
    out->place[sizeof out->place - 1] = '\0';
    return 0;
}
