/* SPDX-License-Identifier: BSD-2-Clause */
#include "bank_inside.h"

#include "boots.h"
#include "cleanup.h"
#include "writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_seconds(void)
{
    return (int64_t)time(NULL);
}

/* After an error of the file system nothing that SQLite has in memory is to be trusted: the handle is closed and
 * opened anew, which reads the log from the disk. */
int hf_bank_server_container(struct hf_bank_server *s, struct hf_container **out, struct hf_error *err)
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
int hf_bank_server_judged(struct hf_bank_server *s, int r)
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
    r = hf_bank_server_container(s, &c, err);
    if (r == 0)
        r = hf_bank_server_judged(s, hf_bank_read(c, bank, offset, bytes, size, err));
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

static int load_page(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    return read_container(opaque, HF_BANK_VARS, (uint64_t)page * HF_PAGE_SIZE, bytes, HF_PAGE_SIZE, err);
}

void hf_bank_server_forget_outline(struct hf_bank_server *s)
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
    hf_bank_server_forget_outline(s);
    r = hf_bank_server_container(s, &c, err);
    if (r == 0)
        r = hf_bank_server_judged(s, hf_writeback_commit(c, q, err));
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
    hf_bank_server_forget_outline(s);
    r = hf_bank_server_container(s, &c, err);
    if (r == 0)
        r = hf_bank_server_judged(s, hf_begin(c, err));
    if (r == 0) {
        r = hf_bank_server_judged(s, hf_bank_write(c, HF_BANK_VARS, offset, bytes, size, NULL, err));
        if (r == 0)
            r = hf_bank_server_judged(s, hf_commit(c, HF_DURABLE, err));
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

int hf_bank_server_find_sizes(struct hf_bank_server *s, struct hf_error *err)
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
    int r = hf_bank_server_find_sizes(s, err);

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

int hf_bank_server_new(const char *path, void (*status)(const struct hf_nbd_status *s), struct hf_bank_server **out,
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

int hf_bank_server_opened(struct hf_bank_server *s, int r, struct hf_bank_server **out)
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
    int r = hf_bank_server_new(path, status, &s, err);

    if (r < 0)
        return r;
    r = open_container(s, lock_fd, err);
    if (r == 0)
        r = open_banks(s, err);
    return hf_bank_server_opened(s, r, out);
}

void hf_bank_server_judge(struct hf_bank_server *s, bool (*may_replace)(void))
{
    s->may_replace = may_replace;
}

int hf_bank_server_start_committer(struct hf_bank_server *s, struct hf_error *err)
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
    return s->queue ? hf_bank_server_start_committer(s, err) : 0;
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
    r = hf_bank_server_container(s, &c, err);
    if (r == 0)
        r = hf_bank_server_judged(s, hf_lifecycle_opened(c, &boot, err));
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

    if (bank == HF_BANK_VARS && !hf_bank_server_is_incoming(s))
        return hf_committer_read(s->committer, offset, bytes, size, err);
    r = bank == HF_BANK_CODE && !hf_bank_server_is_incoming(s) ? open_boot(s, false, err) : 0;
    return r < 0 ? r : read_container(s, bank, offset, bytes, size, err);
}

int hf_bank_server_write(struct hf_bank_server *s, uint64_t offset, const void *bytes, size_t size,
                         struct hf_error *err)
{
    int r = hf_bank_server_is_incoming(s) ? hf_bank_server_become_owner(s, err) : 0;

    if (r == 0)
        r = hf_bank_server_follow_whole(s, offset, size, err);
    if (r == 0) /* a whole bank comes with a saved state, before the guest executes */
        r = open_boot(s, s->whole.under_way, err);
    for (size_t done = 0; r == 0 && done < size;) {
        size_t n = size - done < HF_WRITE_QUEUE_WRITE_MAX ? size - done : HF_WRITE_QUEUE_WRITE_MAX;

        r = hf_bank_server_write_piece(s, offset + done, (const uint8_t *)bytes + done, n, err);
        done += n;
    }
    if (r == 0 && s->whole.under_way && s->whole.next == s->size[HF_BANK_VARS]) {
        s->whole.under_way = false;
        if (s->whole.differs)
            hf_bank_server_judge_whole(s);
    }
    return r;
}

int hf_bank_server_flush(struct hf_bank_server *s, struct hf_error *err)
{
    return hf_bank_server_is_incoming(s) || !s->committer ? 0 : hf_committer_flush(s->committer, err);
}

int hf_bank_server_extent(struct hf_bank_server *s, enum hf_bank bank, uint64_t offset, uint64_t *length, bool *erased,
                          struct hf_error *err)
{
    struct hf_container *c;
    uint64_t n = 0, quiet;
    bool e = false;
    int r;

    (void)pthread_mutex_lock(&s->lock);
    r = hf_bank_server_container(s, &c, err);
    if (r == 0)
        r = hf_bank_server_judged(s, hf_bank_extent(c, bank, offset, &n, &e, err));
    (void)pthread_mutex_unlock(&s->lock);
    if (r < 0)
        return r;
    quiet =
        bank == HF_BANK_VARS && !hf_bank_server_is_incoming(s) ? hf_committer_untouched(s->committer, offset, n) : n;
    *length = quiet ? quiet : HF_PAGE_SIZE - offset % HF_PAGE_SIZE;
    *erased = quiet && e;
    return 0;
}
