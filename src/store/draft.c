/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"
#include "no_room.h"

#define NAMES 100

static int refuse_existing(const char *path, struct hf_error *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    return hf_error_refuse(err, "exists", "%s: exists already; it is not overwritten", path);
}

static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

/* A log that is left over from something else would be taken for the new file's. */
static int refuse_leftovers(const struct hf_place *place, struct hf_error *err)
{
    char path[PATH_MAX];
    int r = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(suffixes) && r == 0; i++) {
        hf_place_beside(place, suffixes[i], path);
        r = refuse_existing(path, err);
    }
    return r;
}

static void forget_unmade(struct hf_draft *d)
{
    int why = errno;

    hf_leftover_forget(&d->leftover);
    errno = why;
}

/* A process number may be in use twice: on another host, or in a namespace. */
static int make_file(struct hf_draft *d, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = -1, r;
    char more[16] = "";

    for (unsigned n = 0; fd < 0 && n < NAMES; n++) {
        if (n)
            snprintf(more, sizeof more, ".%u", n);
        snprintf(d->path, sizeof d->path, "%.*s.%ld%s.new", PATH_MAX - 48, d->place.path, (long)getpid(), more);
        r = hf_place_fits(strlen(d->path), err);
        if (r < 0)
            return r;
        if (access(d->path, F_OK) == 0) {
            errno = EEXIST;
            continue;
        }
        hf_leftover_expect(d->path, &d->leftover);
        fd = open(d->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            forget_unmade(d);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        return hf_error_set(err, hf_no_room_or_io(errno), "cannot make %s: %s", d->path, strerror(errno));
    hf_leftover_made(&d->leftover, d->path, fd);
    return 0;
}

int hf_draft_begin(const char *target, struct hf_draft *draft, struct hf_error *err)
{
    struct hf_draft d;
    int r = hf_place_find(target, &d.place, err);

    if (r == 0)
        r = refuse_leftovers(&d.place, err);
    if (r < 0)
        return r;
    hf_leftover_sweep();
    r = make_file(&d, err);
    if (r == 0)
        *draft = d;
    return r;
}

static int sync_file(const char *path, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
}

int hf_draft_finish(struct hf_draft *draft, struct hf_error *err)
{
    int r = sync_file(draft->path, err);

    if (r < 0)
        return r;
    if (renameat2(AT_FDCWD, draft->path, AT_FDCWD, draft->place.path, RENAME_NOREPLACE) < 0) {
        /* File systems without RENAME_NOREPLACE; a second hard link is gone again at once. */
        if (errno != EINVAL || link(draft->path, draft->place.path) < 0) {
            if (errno == EEXIST)
                return hf_error_refuse(err, "exists", "%s: exists already; it is not overwritten", draft->place.path);
            return hf_error_set(err, HF_EIO, "cannot create %s: %s", draft->place.path, strerror(errno));
        }
        unlink(draft->path);
    }
    hf_leftover_forget(&draft->leftover);
    r = hf_place_sync_dir(&draft->place, err);
    if (r < 0)
        hf_draft_undo(draft);
    return r;
}

void hf_draft_undo(struct hf_draft *draft)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < HF_ARRAY_SIZE(suffixes); i++) {
        hf_place_beside(&draft->place, suffixes[i], path);
        (void)unlink(path);
    }
}

void hf_draft_drop(struct hf_draft *draft)
{
    (void)unlink(draft->path);
    hf_leftover_forget(&draft->leftover);
}

int hf_draft_open(const struct hf_draft *draft, struct hf_container **out, struct hf_error *err)
{
    struct hf_container *c = hf_container_alloc(err);
    int r;

    if (!c)
        return -HF_ENOMEM;
    c->place = draft->place;
    memcpy(c->place.path, draft->path, sizeof c->place.path);
    c->mode = HF_OPEN_EDIT;
    r = hf_connect(c, HF_CONNECT_BUILD, err);
    if (r < 0) {
        hf_container_free(c);
        return r;
    }
    *out = c;
    return 0;
}

int hf_draft_close(struct hf_container *c, struct hf_error *err)
{
    int r;

    hf_abort(c);
    r = hf_disconnect(c, err);
    hf_container_free(c);
    return r;
}
