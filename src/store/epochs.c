/* SPDX-License-Identifier: BSD-2-Clause */
#include "epochs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "epochs_entry.h"
#include "no_room.h"
#include "runtime.h"

static int register_path(const char *container_id, char path[PATH_MAX], struct hf_error *err)
{
    char state[PATH_MAX], dir[PATH_MAX + 16];
    int r = hf_state_dir(state, err);

    if (r < 0)
        return r;
    snprintf(dir, sizeof dir, "%s/epochs", state);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return hf_error_set(err, HF_EIO, "cannot make %s: %s", dir, strerror(errno));
    snprintf(path, PATH_MAX, "%.*s/epochs/%s", PATH_MAX - 64, state, container_id);
    return 0;
}

/* 1: read; 0: there is none. */
static int read_entry(const char *path, struct hf_epoch *seen, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[HF_EPOCH_TEXT_MAX];
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    n = read(fd, text, sizeof text - 1);
    if (n < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    text[n] = '\0';
    if (!hf_epoch_parse(text, seen))
        return hf_error_set(err, HF_EDAMAGED,
                            "%s: incomplete entry of the register of epochs; if no other host owns the container, "
                            "remove the file and take it with 'holdfast owner --take --because TEXT'",
                            path);
    return 1;
}

int hf_epoch_look(const char *container_id, struct hf_epoch *seen, struct hf_error *err)
{
    struct hf_epoch found;
    char path[PATH_MAX];
    int r = register_path(container_id, path, err);

    if (r == 0)
        r = read_entry(path, &found, err);
    if (r > 0)
        *seen = found;
    return r;
}

int hf_epoch_get(const char *container_id, struct hf_epoch *seen, struct hf_error *err)
{
    int r = hf_epoch_look(container_id, seen, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "container %s: not in this host's register of epochs", container_id);
    return r > 0 ? 0 : r;
}

static void close_dir(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

/* Locks and drafts lie beside the entries. */
static bool is_container_id(const char *name)
{
    return strlen(name) == HF_ID_TEXT_SIZE - 1 && strspn(name, "0123456789abcdef") == HF_ID_TEXT_SIZE - 1;
}

int hf_epoch_list(int (*each)(void *ctx, const char *container_id, const struct hf_epoch *seen), void *ctx,
                  struct hf_error *err)
{
    char state[PATH_MAX], path[PATH_MAX + HF_ID_TEXT_SIZE + 16];
    DIR *dir hf_auto(close_dir) = NULL;
    const struct dirent *entry;
    int r = hf_state_dir(state, err);

    if (r < 0)
        return r;
    (void)snprintf(path, sizeof path, "%s/epochs", state);
    dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    while (r == 0 && (entry = readdir(dir)) != NULL) {
        struct hf_epoch seen;

        if (!is_container_id(entry->d_name))
            continue;
        (void)snprintf(path, sizeof path, "%s/epochs/%.*s", state, HF_ID_TEXT_SIZE - 1, entry->d_name);
        r = read_entry(path, &seen, err);
        if (r > 0)
            r = each(ctx, entry->d_name, &seen);
    }
    return r;
}

static int sync_directory(const char *path, struct hf_error *err)
{
    char dir[PATH_MAX];
    int fd hf_auto(hf_cleanup_close) = -1;

    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? 0 : hf_error_set(err, HF_EIO, "%s: %s", dir, strerror(errno));
}

/* What the register is to say, under the lock that is kept until the end. */
struct change {
    char path[PATH_MAX];
    int lock;
    bool same; /* it says so already */
    char text[HF_EPOCH_TEXT_MAX];
    size_t size;
};

static void end_change(struct change *change)
{
    hf_cleanup_close(&change->lock);
}

static int lock_entry(struct change *change, struct hf_error *err)
{
    char lock_path[PATH_MAX + 8];

    snprintf(lock_path, sizeof lock_path, "%s.lock", change->path);
    change->lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (change->lock >= 0 && flock(change->lock, LOCK_EX) == 0)
        return 0;
    return hf_error_set(err, HF_EIO, "%s: %s", lock_path, strerror(errno));
}

static int begin_change(struct change *change, const char *container_id, const struct hf_epoch *seen,
                        struct hf_error *err)
{
    struct hf_epoch before, after = *seen;
    char text[HF_EPOCH_TEXT_MAX];
    int r = register_path(container_id, change->path, err);

    if (r == 0)
        r = lock_entry(change, err);
    if (r < 0)
        return r;
    r = read_entry(change->path, &before, err);
    if (r > 0 && before.epoch > seen->epoch)
        return hf_error_refuse(err, "epoch", "epoch %llu of container %s is older than %llu, which this host has seen",
                               (unsigned long long)seen->epoch, container_id, (unsigned long long)before.epoch);
    if (r > 0 && after.revoked < before.revoked)
        after.revoked = before.revoked;
    if (r > 0 && !after.place[0])
        memcpy(after.place, before.place, sizeof after.place);
    change->size = hf_epoch_format(&after, change->text);
    change->same =
        r > 0 && hf_epoch_format(&before, text) == change->size && memcmp(text, change->text, change->size) == 0;
    return r < 0 ? r : 0;
}

static int cannot_write(const char *path, struct hf_error *err)
{
    return hf_error_set(err, hf_no_room_or_io(errno), "cannot write %s: %s", path, strerror(errno));
}

/* A durable file beside the entry; gone when that fails. */
static int write_draft(const char *draft, const struct change *change, int *out, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r;

    if (fd < 0 || write(fd, change->text, change->size) != (ssize_t)change->size || fsync(fd) < 0) {
        r = cannot_write(change->path, err);
        unlink(draft);
        return r;
    }
    *out = hf_take_fd(fd);
    return 0;
}

static void ready_path(const struct change *change, char path[PATH_MAX + 16])
{
    snprintf(path, PATH_MAX + 16, "%s.ready", change->path);
}

/* Whether the descriptor is the file of that name, and it holds what is to be written. */
static bool draft_fits(int fd, const char *path, const struct change *change)
{
    char text[HF_EPOCH_TEXT_MAX];
    struct stat ours, named;

    return fd >= 0 && fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino && pread(fd, text, sizeof text, 0) == (ssize_t)change->size &&
           memcmp(text, change->text, change->size) == 0;
}

static int write_entry(const struct change *change, int ready, struct hf_error *err)
{
    char draft[PATH_MAX + 16];
    int fd hf_auto(hf_cleanup_close) = -1, r = 0;

    ready_path(change, draft);
    if (!draft_fits(ready, draft, change)) {
        snprintf(draft, sizeof draft, "%s.new", change->path);
        r = write_draft(draft, change, &fd, err);
    }
    if (r == 0 && rename(draft, change->path) < 0) {
        r = cannot_write(change->path, err);
        unlink(draft);
    }
    return r;
}

int hf_epoch_prepare(const char *container_id, const struct hf_epoch *seen, int *ready, struct hf_error *err)
{
    struct change change hf_auto(end_change) = {.lock = -1};
    char path[PATH_MAX + 16];
    int r = begin_change(&change, container_id, seen, err);

    if (r < 0)
        return r;
    ready_path(&change, path);
    return write_draft(path, &change, ready, err);
}

/* Under the lock: somebody else may be about to give that file its name. */
static void remove_ready(const char *container_id, int ready)
{
    struct change change hf_auto(end_change) = {.lock = -1};
    char path[PATH_MAX + 16];
    struct stat ours, named;

    if (register_path(container_id, change.path, NULL) < 0 || lock_entry(&change, NULL) < 0)
        return; /* it is written anew by the next one */
    ready_path(&change, path);
    if (fstat(ready, &ours) == 0 && lstat(path, &named) == 0 && ours.st_ino == named.st_ino &&
        ours.st_dev == named.st_dev)
        (void)unlink(path);
}

void hf_epoch_unprepare(const char *container_id, int *ready)
{
    if (*ready >= 0)
        remove_ready(container_id, *ready);
    hf_cleanup_close(ready);
    *ready = -1;
}

/* An entry that says so already may be so new that only its writer knows whether it is durable. */
static int make_change(const struct change *change, int ready, struct hf_error *err)
{
    int r = change->same ? 0 : write_entry(change, ready, err);

    return r < 0 ? r : sync_directory(change->path, err);
}

int hf_epoch_set(const char *container_id, const struct hf_epoch *seen, struct hf_error *err)
{
    struct change change hf_auto(end_change) = {.lock = -1};
    int r = begin_change(&change, container_id, seen, err);

    return r < 0 ? r : make_change(&change, -1, err);
}

struct hf_epoch_pending {
    struct change change;
    char id[HF_ID_TEXT_SIZE];
    int ready;
};

int hf_epoch_begin(const char *container_id, const struct hf_epoch *seen, int *ready, struct hf_epoch_pending **out,
                   struct hf_error *err)
{
    struct hf_epoch_pending *pending = (struct hf_epoch_pending *)malloc(sizeof *pending);
    int r;

    if (!pending)
        return hf_error_nomem(err);
    pending->change.lock = -1;
    r = begin_change(&pending->change, container_id, seen, err);
    if (r < 0) {
        end_change(&pending->change);
        free(pending);
        return r;
    }
    snprintf(pending->id, sizeof pending->id, "%s", container_id);
    pending->ready = *ready;
    *ready = -1;
    *out = pending;
    return 0;
}

void hf_epoch_drop(struct hf_epoch_pending *pending)
{
    if (!pending)
        return;
    end_change(&pending->change); /* the next line locks it anew */
    hf_epoch_unprepare(pending->id, &pending->ready);
    free(pending);
}

int hf_epoch_finish(struct hf_epoch_pending *pending, struct hf_error *err)
{
    int r = make_change(&pending->change, pending->ready, err);

    hf_epoch_drop(pending);
    return r;
}

void hf_epoch_depart(struct hf_epoch *seen, uint64_t epoch, const char *host_id, const char *host_name)
{
    seen->epoch = epoch;
    seen->departed = true;
    seen->granted = false;
    snprintf(seen->host_id, sizeof seen->host_id, "%s", host_id);
    snprintf(seen->host_name, sizeof seen->host_name, "%s", host_name);
}

bool hf_epoch_is_held(const struct hf_epoch *seen)
{
    return seen->epoch > 0 && !seen->departed;
}

int hf_epoch_check_peer(const char *container_id, const struct hf_epoch *seen, uint64_t epoch, const char *host_id,
                        struct hf_error *err)
{
    const char *at = seen->place[0] ? ", at " : "";
    char entry[PATH_MAX];
    int r = register_path(container_id, entry, err);

    if (r < 0)
        return r;
    if (seen->epoch > epoch)
        return hf_error_refuse(err, "epoch",
                               "container %s: the peer is at epoch %llu, older than epoch %llu seen here%s%s; if it "
                               "was never on this host, remove %s and what was received there",
                               container_id, (unsigned long long)epoch, (unsigned long long)seen->epoch, at,
                               seen->place, entry);
    if (hf_epoch_is_held(seen))
        return hf_error_refuse(err, "held",
                               "container %s: owned by this host at epoch %llu%s%s; a peer cannot take it. If another "
                               "host took it because this one was given up, remove it here, and %s",
                               container_id, (unsigned long long)seen->epoch, at, seen->place, entry);
    if (seen->granted && strcmp(host_id, seen->host_id) != 0)
        return hf_error_refuse(err, "granted",
                               "container %s: granted to host '%s' (%s), not known to be claimed; ask that host with "
                               "'holdfast migrate' first",
                               container_id, seen->host_name, seen->host_id);
    return 0;
}
