/* SPDX-License-Identifier: BSD-2-Clause */
#include "bank_server.h"

#include "boots.h"
#include "cleanup.h"
#include "committer.h"
#include "outline.h"
#include "owner_steps.h"
#include "replaced.h"
#include "writeback.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define TAKE_OVER_NS 20000000

/* A guest programs its flash in pieces of a few bytes. A client that begins at the start with that much writes the whole
 * bank: QEMU, whose pieces are as large as we take them, or somebody who copies a file in. */
#define WHOLE_PIECE 131072

struct hf_bank_server {
    char *path;
    int lock_fd; /* a descriptor of the owner lock that survives the handles; -1 before the first is open */
    uint64_t size[HF_BANK_VARS + 1];
    struct hf_queue_file *queue; /* NULL: no variable bank */
    struct hf_committer *committer;
    struct hf_committer_ops ops;
    void (*status)(const struct hf_nbd_status *s);
    bool (*may_replace)(void); /* NULL: always */

    pthread_mutex_t take_over;      /* held by the write that ends `incoming` */
    pthread_mutex_t lock;           /* for what follows; taken after the committer's own */
    bool arrives;                   /* it was opened as one that is being received: the guest brings its own bank */
    bool incoming;                  /* being received: neither queue nor committer yet */
    struct hf_container *container; /* NULL after a failure, until it can be opened again */
    const char *boot_id;            /* of the host, for the boot that is opened here */
    atomic_bool opens_boot;         /* by the next that reads code or writes. No lock: writes must not wait for commits */
    bool doubtful;                  /* SQLite reported an error: recover before the next use */
    /* A whole bank that is being written; of the one thread that writes. */
    struct {
        bool under_way, differs;
        uint64_t next; /* where it goes on */
        struct hf_replaced before;
    } whole;
    struct hf_outline *outline;     /* of a bank that was received, until it is written; or NULL */
};

static int64_t now_seconds(void)
{
    return (int64_t)time(NULL);
}

/* After an error of the file system nothing that SQLite has in memory is to be trusted: the handle is closed and
 * opened anew, which reads the log from the disk. */
static int container_locked(struct hf_bank_server *s, struct hf_container **out, struct hf_error *err)
{
    int r;

    if (s->container && s->doubtful) {
        (void)hf_container_close(s->container, NULL);
        s->container = NULL;
    }
    if (!s->container) {
        int fd = fcntl(s->lock_fd, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
            return hf_error_set(err, HF_EIO, "the owner lock's descriptor cannot be copied: %s", strerror(errno));
        r = hf_container_open_child(s->path, fd, &s->container, err);
        if (r < 0)
            return r;
    }
    s->doubtful = false;
    *out = s->container;
    return 0;
}

/* A refusal and a range error leave the handle good; anything else may not have. */
static int judge(struct hf_bank_server *s, int r)
{
    if (r == -HF_EIO || r == -HF_ENOSPC || r == -HF_EDAMAGED || r == -HF_ENOMEM)
        s->doubtful = true;
    return r;
}

static int read_container(struct hf_bank_server *s, enum hf_bank bank, uint64_t offset, void *bytes, size_t size,
                          struct hf_error *err)
{
    struct hf_container *c;
    int r;

    (void)pthread_mutex_lock(&s->lock);
    r = container_locked(s, &c, err);
    if (r == 0)
        r = judge(s, hf_bank_read(c, bank, offset, bytes, size, err));
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

static int load_page(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    return read_container(opaque, HF_BANK_VARS, (uint64_t)page * HF_PAGE_SIZE, bytes, HF_PAGE_SIZE, err);
}

static void forget_outline(struct hf_bank_server *s)
{
    hf_outline_free(s->outline);
    s->outline = NULL;
}

static int op_repeats(void *opaque, uint32_t page)
{
    struct hf_bank_server *s = opaque;
    int byte;

    (void)pthread_mutex_lock(&s->lock);
    byte = s->outline ? hf_outline_byte(s->outline, page) : -1;
    (void)pthread_mutex_unlock(&s->lock);
    return byte;
}

static int op_commit(void *opaque, const struct hf_write_queue *q, struct hf_error *err)
{
    struct hf_bank_server *s = opaque;
    struct hf_container *c;
    int r;

    (void)pthread_mutex_lock(&s->lock);
    forget_outline(s);
    r = container_locked(s, &c, err);
    if (r == 0)
        r = judge(s, hf_writeback_commit(c, q, err));
    if (r == 0 && hf_log_bytes(c) > HF_LOG_SOFT && hf_checkpoint(c, NULL) < 0)
        s->doubtful = true; /* the commit itself is durable in the log */
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

static int op_read(void *opaque, uint64_t offset, void *bytes, size_t size, struct hf_error *err)
{
    return read_container(opaque, HF_BANK_VARS, offset, bytes, size, err);
}

static int op_write(void *opaque, uint64_t offset, const void *bytes, size_t size, struct hf_error *err)
{
    struct hf_bank_server *s = opaque;
    struct hf_container *c;
    int r;

    (void)pthread_mutex_lock(&s->lock);
    forget_outline(s);
    r = container_locked(s, &c, err);
    if (r == 0)
        r = judge(s, hf_begin(c, err));
    if (r == 0) {
        r = judge(s, hf_bank_write(c, HF_BANK_VARS, offset, bytes, size, NULL, err));
        if (r == 0)
            r = judge(s, hf_commit(c, HF_DURABLE, err));
        else
            hf_abort(c);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

static void op_status(void *opaque, const struct hf_nbd_status *status)
{
    struct hf_bank_server *s = opaque;

    s->status(status);
}

static int open_container(struct hf_bank_server *s, int lock_fd, struct hf_error *err)
{
    int r;

    if (lock_fd >= 0) {
        s->lock_fd = fcntl(lock_fd, F_DUPFD_CLOEXEC, 3);
        if (s->lock_fd < 0)
            return hf_error_set(err, HF_EUSAGE, "lock-fd %d: not an open descriptor", lock_fd);
        return hf_container_open_child(s->path, lock_fd, &s->container, err);
    }
    r = hf_container_open(s->path, HF_OPEN_RUN, now_seconds(), &s->container, err);
    if (r == 0)
        s->lock_fd = fcntl(hf_container_lock_fd(s->container), F_DUPFD_CLOEXEC, 3);
    return r;
}

static int find_sizes(struct hf_bank_server *s, struct hf_error *err)
{
    int r = hf_bank_size(s->container, HF_BANK_CODE, &s->size[HF_BANK_CODE], err);

    if (r == -HF_ENOTFOUND)
        r = 0;
    if (r == 0)
        r = hf_bank_size(s->container, HF_BANK_VARS, &s->size[HF_BANK_VARS], err);
    return r == -HF_ENOTFOUND ? 0 : r;
}

static int open_banks(struct hf_bank_server *s, struct hf_error *err)
{
    int r = find_sizes(s, err);

    return r < 0 || !s->size[HF_BANK_VARS] ? r : hf_writeback_open(s->container, &s->queue, err);
}

static void release(struct hf_bank_server *s)
{
    hf_queue_file_close(s->queue);
    hf_outline_free(s->outline);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->take_over);
    free(s->path);
    free(s);
}

static int new_server(const char *path, void (*status)(const struct hf_nbd_status *s), struct hf_bank_server **out,
                      struct hf_error *err)
{
    struct hf_bank_server *s = calloc(1, sizeof *s);

    if (!s)
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    s->lock_fd = -1;
    s->status = status;
    s->path = strdup(path);
    (void)pthread_mutex_init(&s->take_over, NULL);
    (void)pthread_mutex_init(&s->lock, NULL);
    if (!s->path) {
        release(s);
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    *out = s;
    return 0;
}

static int opened(struct hf_bank_server *s, int r, struct hf_bank_server **out)
{
    if (r < 0) {
        hf_container_done(&s->container);
        release(s);
        return r;
    }
    *out = s;
    return 0;
}

int hf_bank_server_open(const char *path, int lock_fd, void (*status)(const struct hf_nbd_status *s),
                        struct hf_bank_server **out, struct hf_error *err)
{
    struct hf_bank_server *s;
    int r = new_server(path, status, &s, err);

    if (r < 0)
        return r;
    r = open_container(s, lock_fd, err);
    if (r == 0)
        r = open_banks(s, err);
    return opened(s, r, out);
}

/* Made while there is time; the last that was sent of the bank may have made it old. Without one all is read. */
static void outline(struct hf_bank_server *s, struct hf_container *c)
{
    if (s->outline && hf_outline_fits(c, s->outline, NULL) > 0)
        return;
    forget_outline(s);
    if (s->size[HF_BANK_VARS])
        (void)judge(s, hf_outline_read(c, &s->outline, NULL));
}

int hf_bank_server_open_incoming(const char *path, int lock_fd, void (*status)(const struct hf_nbd_status *s),
                                 struct hf_bank_server **out, struct hf_error *err)
{
    struct hf_container *c;
    struct hf_bank_server *s;
    int r = new_server(path, status, &s, err);

    if (r < 0)
        return r;
    s->incoming = true;
    s->arrives = true;
    s->lock_fd = lock_fd;
    r = container_locked(s, &c, err);
    if (r == 0)
        r = find_sizes(s, err);
    if (r == 0)
        outline(s, c);
    return opened(s, r, out);
}

void hf_bank_server_judge(struct hf_bank_server *s, bool (*may_replace)(void))
{
    s->may_replace = may_replace;
}

static int start_committer(struct hf_bank_server *s, struct hf_error *err)
{
    hf_queue_file_set_load(s->queue, load_page, s);
    s->ops = (struct hf_committer_ops){.commit = op_commit,
                                       .read = op_read,
                                       .write = op_write,
                                       .repeats = op_repeats,
                                       .status = op_status,
                                       .opaque = s};
    return hf_committer_start(s->queue, &s->ops, &s->committer, err);
}

int hf_bank_server_start(struct hf_bank_server *s, struct hf_error *err)
{
    return s->queue ? start_committer(s, err) : 0;
}

/* ---- a container that was being received ---- */

static int follow(struct hf_bank_server *s, struct hf_container **c, struct hf_error *err)
{
    int r = container_locked(s, c, err);

    return r < 0 ? r : hf_owner_follow(*c, err);
}

/* The handle that is open already is at hand sooner; but the file may have been replaced under its name since. */
static int open_claimed(struct hf_bank_server *s, struct hf_error *err)
{
    uint64_t had = s->size[HF_BANK_VARS], has;
    struct hf_container *c;
    char aside[PATH_MAX];
    int r;

    s->incoming = false;
    r = follow(s, &c, err);
    if (r < 0) {
        hf_container_done(&s->container);
        r = follow(s, &c, err);
    }
    if (r < 0)
        return r;
    r = hf_bank_size(c, HF_BANK_VARS, &has, err);
    if (r == 0 && has != had)
        r = hf_error_set(err, HF_EPROTO, "%s: variables: received %llu bytes, expected %llu", s->path,
                         (unsigned long long)has, (unsigned long long)had);
    if (r == 0)
        r = hf_writeback_open(c, &s->queue, err);
    if (r == -HF_EREFUSED) { /* writes of an earlier ownership, or for a file whose place this one has */
        r = hf_writeback_set_aside(c, aside, err);
        if (r == 0)
            r = hf_writeback_open(c, &s->queue, err);
    }
    if (r == 0)
        outline(s, c);
    return r;
}

static void stay_incoming(struct hf_bank_server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    hf_queue_file_close(s->queue);
    s->queue = NULL;
    hf_container_done(&s->container);
    s->incoming = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static int take_over(struct hf_bank_server *s, struct hf_error *err)
{
    int r = 0;

    (void)pthread_mutex_lock(&s->take_over);
    if (!s->committer) {
        (void)pthread_mutex_lock(&s->lock);
        r = open_claimed(s, err);
        (void)pthread_mutex_unlock(&s->lock);
        if (r == 0)
            r = start_committer(s, err);
        if (r < 0)
            stay_incoming(s);
    }
    (void)pthread_mutex_unlock(&s->take_over);
    return r;
}

/* The one write that there is to lose before the first commit is the whole bank as the guest brings it. The guest does
 * not run yet, so it can wait; and it must not run without an owner, so it waits for as long as that takes. */
static int become_owner(struct hf_bank_server *s, struct hf_error *err)
{
    int r = take_over(s, err);

    if (r < 0)
        s->status(&(struct hf_nbd_status){.kind = HF_NBD_WANTED});
    while (r < 0) {
        nanosleep(&(struct timespec){.tv_nsec = TAKE_OVER_NS}, NULL);
        r = take_over(s, err);
    }
    return r;
}

static bool is_incoming(struct hf_bank_server *s)
{
    bool incoming;

    (void)pthread_mutex_lock(&s->take_over);
    incoming = !s->committer && s->incoming;
    (void)pthread_mutex_unlock(&s->take_over);
    return incoming;
}

int hf_bank_server_close(struct hf_bank_server *s, struct hf_error *err)
{
    int r = s->committer ? hf_committer_stop(s->committer, err) : 0;
    int closed = hf_container_close(s->container, r < 0 ? NULL : err);

    release(s);
    return r < 0 ? r : closed;
}

void hf_bank_server_opens_boot(struct hf_bank_server *s, const char *boot_id)
{
    s->boot_id = boot_id;
    atomic_store(&s->opens_boot, true);
}

/* An error leaves it to the next try: what cannot be counted does not boot. */
static int open_boot(struct hf_bank_server *s, bool arrives, struct hf_error *err)
{
    const struct hf_boot boot = {.now = now_seconds(), .boot_id = s->boot_id, .unwatched = true, .arrives = arrives};
    struct hf_container *c;
    int r;

    if (!atomic_load(&s->opens_boot))
        return 0;
    (void)pthread_mutex_lock(&s->lock);
    r = container_locked(s, &c, err);
    if (r == 0)
        r = judge(s, hf_lifecycle_opened(c, &boot, err));
    if (r == 0)
        atomic_store(&s->opens_boot, false);
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

uint64_t hf_bank_server_size(const struct hf_bank_server *s, enum hf_bank bank)
{
    return s->size[bank];
}

int hf_bank_server_read(struct hf_bank_server *s, enum hf_bank bank, uint64_t offset, void *bytes, size_t size,
                        struct hf_error *err)
{
    int r;

    if (bank == HF_BANK_VARS && !is_incoming(s))
        return hf_committer_read(s->committer, offset, bytes, size, err);
    r = bank == HF_BANK_CODE && !is_incoming(s) ? open_boot(s, false, err) : 0;
    return r < 0 ? r : read_container(s, bank, offset, bytes, size, err);
}

/* ---- a whole bank that is written ---- */

static void alarm_operator(struct hf_bank_server *s, const struct hf_error *why)
{
    struct hf_nbd_status status = {.kind = HF_NBD_ALARM};

    memcpy(status.text, why->text, sizeof status.text);
    s->status(&status);
}

static int keep_locked(struct hf_bank_server *s, struct hf_error *err)
{
    struct hf_container *c;
    int r = container_locked(s, &c, err);

    return r < 0 ? r : judge(s, hf_replaced_begin(c, "a client", now_seconds(), &s->whole.before, err));
}

/* The first piece that differs. Where the variables cannot be kept the guest's own view is stored all the same. */
static void keep_before(struct hf_bank_server *s)
{
    struct hf_error err;
    int r = hf_committer_flush(s->committer, &err);

    s->whole.differs = true;
    s->whole.before = (struct hf_replaced){.was_store = true};
    if (r == 0) {
        (void)pthread_mutex_lock(&s->lock);
        r = keep_locked(s, &err);
        (void)pthread_mutex_unlock(&s->lock);
    }
    if (r < 0) {
        (void)hf_error_prefix(&err, r,
                              "variables: a client rewrites all of them, and the previous ones cannot be kept: ");
        alarm_operator(s, &err);
    }
}

static void judge_whole(struct hf_bank_server *s)
{
    size_t size = (size_t)s->size[HF_BANK_VARS];
    hf_auto(hf_cleanup_free) uint8_t *bytes = malloc(size);
    struct hf_container *c;
    struct hf_error alarm;

    if (!bytes || hf_committer_read(s->committer, 0, bytes, size, NULL) < 0)
        return;
    (void)pthread_mutex_lock(&s->lock);
    if (container_locked(s, &c, NULL) == 0 &&
        hf_replaced_end(c, &s->whole.before, bytes, size, now_seconds(), &alarm) > 0)
        alarm_operator(s, &alarm);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Before a write: whether it is a piece of a whole bank. */
static int follow_whole(struct hf_bank_server *s, uint64_t offset, size_t size, struct hf_error *err)
{
    if (!s->arrives && offset == 0 && (size >= WHOLE_PIECE || size == s->size[HF_BANK_VARS])) {
        if (s->may_replace && !s->may_replace())
            return hf_error_refuse(err, "suspended", "%s: the saved state belongs to another guest", s->path);
        s->whole.under_way = true;
        s->whole.differs = false;
        s->whole.next = 0;
    }
    s->whole.under_way = s->whole.under_way && offset == s->whole.next;
    s->whole.next = offset + size;
    return 0;
}

static int write_piece(struct hf_bank_server *s, uint64_t offset, const uint8_t *bytes, size_t size, struct hf_error *err)
{
    if (s->whole.under_way && !s->whole.differs) {
        if (hf_committer_has(s->committer, offset, bytes, size))
            return 0;
        keep_before(s);
    }
    return hf_committer_write(s->committer, offset, bytes, size, err);
}

int hf_bank_server_write(struct hf_bank_server *s, uint64_t offset, const void *bytes, size_t size,
                         struct hf_error *err)
{
    int r = is_incoming(s) ? become_owner(s, err) : 0;

    if (r == 0)
        r = follow_whole(s, offset, size, err);
    if (r == 0) /* a whole bank comes with a saved state, before the guest executes */
        r = open_boot(s, s->whole.under_way, err);
    for (size_t done = 0; r == 0 && done < size;) {
        size_t n = size - done < HF_WRITE_QUEUE_WRITE_MAX ? size - done : HF_WRITE_QUEUE_WRITE_MAX;

        r = write_piece(s, offset + done, (const uint8_t *)bytes + done, n, err);
        done += n;
    }
    if (r == 0 && s->whole.under_way && s->whole.next == s->size[HF_BANK_VARS]) {
        s->whole.under_way = false;
        if (s->whole.differs)
            judge_whole(s);
    }
    return r;
}

int hf_bank_server_flush(struct hf_bank_server *s, struct hf_error *err)
{
    return is_incoming(s) || !s->committer ? 0 : hf_committer_flush(s->committer, err);
}

int hf_bank_server_extent(struct hf_bank_server *s, enum hf_bank bank, uint64_t offset, uint64_t *length, bool *erased,
                          struct hf_error *err)
{
    struct hf_container *c;
    uint64_t n = 0, quiet;
    bool e = false;
    int r;

    (void)pthread_mutex_lock(&s->lock);
    r = container_locked(s, &c, err);
    if (r == 0)
        r = judge(s, hf_bank_extent(c, bank, offset, &n, &e, err));
    (void)pthread_mutex_unlock(&s->lock);
    if (r < 0)
        return r;
    quiet = bank == HF_BANK_VARS && !is_incoming(s) ? hf_committer_untouched(s->committer, offset, n) : n;
    *length = quiet ? quiet : HF_PAGE_SIZE - offset % HF_PAGE_SIZE;
    *erased = quiet && e;
    return 0;
}
