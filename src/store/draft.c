/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"

static int refuse_existing(const char *path, struct hf_error *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    return hf_error_refuse(err, "exists", "%s: exists already; nothing is overwritten", path);
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

int hf_draft_begin(const char *target, struct hf_draft *draft, struct hf_error *err)
{
    struct hf_draft d;
    int fd, r = hf_place_find(target, &d.place, err);

    if (r == 0)
        r = refuse_leftovers(&d.place, err);
    if (r < 0)
        return r;
    snprintf(d.path, sizeof d.path, "%.*s.%ld.new", PATH_MAX - 32, d.place.path, (long)getpid());
    r = hf_place_fits(strlen(d.path), err);
    if (r < 0)
        return r;
    (void)unlink(d.path);
    fd = open(d.path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return hf_error_set(err, errno == ENOSPC ? HF_ENOSPC : HF_EIO, "cannot make %s: %s", d.path, strerror(errno));
    close(fd);
    *draft = d;
    return 0;
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
                return hf_error_refuse(err, "exists", "%s: exists already; nothing is overwritten", draft->place.path);
            return hf_error_set(err, HF_EIO, "cannot name %s: %s", draft->place.path, strerror(errno));
        }
        unlink(draft->path);
    }
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
