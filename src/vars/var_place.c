/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "block_device.h"
#include "cleanup.h"
#include "loop.h"
#include "qcow2.h"
#include "var_aws.h"
#include "whole_file.h"

int hf_var_place_check(const char *path, const struct hf_var_place *place, struct hf_error *err)
{
    bool in_place = !place->out;
    struct stat st;

    if (hf_var_is_container(path)) {
        if (place->out || place->backup)
            return hf_error_set(err, HF_EUSAGE,
                                "%s is a container, which is changed in place; `vars export` makes a "
                                "file of its variables",
                                path);
        return 0;
    }
    if (place->tpm_aware)
        return hf_error_set(err, HF_EUSAGE, "--tpm-aware is for containers; of a file nothing is known of a TPM");
    if (place->out && place->backup)
        return hf_error_set(err, HF_EUSAGE, "--backup keeps what --in-place replaces; --out replaces nothing");
    if (in_place && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return hf_error_set(err, HF_EUSAGE, "%s is a directory, which is only read; --out NEW writes a file", path);
    if (in_place && !place->backup && hf_block_device_is(path))
        return hf_error_set(err, HF_EUSAGE, "%s is a block device: --backup FILE says where the old store is kept",
                            path);
    return 0;
}

/* The first free name of FILE.bak, FILE.bak.2, ... */
static int backup_name(const char *path, char name[PATH_MAX], struct hf_error *err)
{
    struct stat st;

    for (unsigned n = 1; n < 10000; n++) {
        int length = n == 1 ? snprintf(name, PATH_MAX, "%s.bak", path) : snprintf(name, PATH_MAX, "%s.bak.%u", path, n);

        if (length >= PATH_MAX)
            break;
        if (lstat(name, &st) < 0 && errno == ENOENT)
            return 0;
    }
    return hf_error_set(err, HF_EUSAGE, "%s: no name is free for the old file; --backup FILE gives one", path);
}

/* A process that replaces a file holds a lock on the one that it replaces. */
static int lock_file(const char *path, int *fd, struct hf_error *err)
{
    int64_t until = hf_loop_now() + HF_VAR_PATIENCE_S * 1000;
    hf_auto(hf_cleanup_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (file < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    while (flock(file, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            break; /* a file system without locks */
        if (hf_loop_now() > until)
            return hf_error_set(err, HF_ETIMEDOUT, "%s: another process has kept it busy for %d s; try again", path,
                                HF_VAR_PATIENCE_S);
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    *fd = hf_take_fd(file);
    return 0;
}

static int check_unchanged(const struct hf_var_source *s, struct hf_error *err)
{
    const struct stat *was = &s->file;
    struct stat is;

    if (stat(s->path, &is) == 0 && is.st_dev == was->st_dev && is.st_ino == was->st_ino && is.st_size == was->st_size &&
        is.st_mtim.tv_sec == was->st_mtim.tv_sec && is.st_mtim.tv_nsec == was->st_mtim.tv_nsec)
        return 0;
    return hf_error_refuse(err, "changed", "%s: the file was changed while this change was prepared; do it again",
                           s->path);
}

static mode_t mode_of(const struct hf_var_source *s)
{
    return S_ISREG(s->file.st_mode) ? s->file.st_mode & 0777 : s->file.st_mode & 0666;
}

static int write_new(const struct hf_var_source *s, const struct hf_var_place *place, const void *bytes, uint64_t size,
                     struct hf_var_written *ret, struct hf_error *err)
{
    int r = place->dry_run ? 0 : hf_file_write_new(place->out, bytes, size, mode_of(s), err);

    (void)snprintf(ret->path, sizeof ret->path, "%s", place->out);
    return r;
}

static int replace(const struct hf_var_source *s, const struct hf_var_place *place, const void *bytes, uint64_t size,
                   struct hf_var_written *ret, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int lock = -1;
    int r = lock_file(s->path, &lock, err);

    if (r == 0)
        r = check_unchanged(s, err);
    if (r == 0 && !place->backup)
        r = backup_name(s->path, ret->kept, err);
    if (r == 0 && place->backup)
        (void)snprintf(ret->kept, sizeof ret->kept, "%s", place->backup);
    if (r == 0 && !place->dry_run && place->backup) {
        hf_auto(hf_cleanup_free) uint8_t *old = NULL;
        uint64_t old_size;

        r = hf_file_read(s->path, (uint64_t)s->file.st_size, &old, &old_size, err);
        if (r == 0)
            r = hf_file_write_new(place->backup, old, old_size, mode_of(s), err);
    }
    if (r < 0)
        return r;
    (void)snprintf(ret->path, sizeof ret->path, "%s", s->path);
    return place->dry_run ? 0
                          : hf_file_replace(s->path, bytes, size, mode_of(s), place->backup ? NULL : ret->kept, err);
}

static int write_device(const struct hf_var_source *s, const struct hf_var_place *place, struct hf_var_written *ret,
                        struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *was = NULL;
    struct hf_digest is;
    uint64_t size;
    int r = hf_block_store_read(s->path, &was, &size, err);

    if (r < 0)
        return r;
    is = hf_digest_of(was, (size_t)size);
    if (size != s->size || !hf_digest_equal(&is, &s->was))
        return hf_error_refuse(err, "changed", "%s: the store was changed while this change was prepared; do it again",
                               s->path);
    (void)snprintf(ret->path, sizeof ret->path, "%s", s->path);
    (void)snprintf(ret->kept, sizeof ret->kept, "%s", place->backup);
    if (place->dry_run)
        return 0;
    r = hf_file_write_new(place->backup, was, size, 0600, err);
    if (r < 0)
        return r;
    r = hf_block_store_write(s->path, was, s->bytes, size, err);
    if (r == -HF_EREFUSED || r == -HF_ENOMEM)
        (void)unlink(place->backup); /* nothing was written: a second try must find the name free */
    return r < 0 && r != -HF_EREFUSED ? hf_error_prefix(err, r, "the old store is kept in '%s': ", place->backup) : r;
}

static int write_container(const struct hf_var_source *s, const struct hf_var_place *place, struct hf_var_written *ret,
                           struct hf_error *err)
{
    static const struct hf_var_note plain = {.kind = "vars", .text = "variables changed by the operator"};
    int r = hf_var_container_ask(s->path, s->bytes, s->size, place->tpm_aware, err);

    (void)snprintf(ret->path, sizeof ret->path, "%s", s->path);
    return r < 0 || place->dry_run ? r
                                   : hf_var_container_write(s->path, &s->was, s->bytes, s->size,
                                                            place->note.kind ? &place->note : &plain, err);
}

/* Both forms are read alike; virt-firmware's keeps what QEMU's does not. */
static enum hf_var_format json_form(const struct hf_var_set *set)
{
    return hf_var_losses(set->vars, set->count, HF_FORMAT_QEMU, NULL, NULL) ? HF_FORMAT_VIRT_FIRMWARE : HF_FORMAT_QEMU;
}

/* The bytes of the file; allocated. */
static int make_file(const struct hf_var_source *s, uint8_t **bytes, uint64_t *size, struct hf_error *err)
{
    char *text;
    int r;

    switch (s->kind) {
    case HF_VARS_QCOW2:
        r = hf_qcow2_pack(s->bytes, (size_t)s->size, bytes, size, err);
        return r < 0 ? hf_error_prefix(err, r, "%s: ", s->path) : 0;
    case HF_VARS_AWS:
    case HF_VARS_JSON:
    case HF_VARS_DIRECTORY:
        r = s->kind == HF_VARS_AWS ? hf_var_aws_write(s->set.vars, s->set.count, &text, err)
                                   : hf_var_json_write(s->set.vars, s->set.count, json_form(&s->set), &text, err);
        if (r == 0) {
            *bytes = (uint8_t *)text;
            *size = strlen(text);
        }
        return r;
    default:
        *bytes = (uint8_t *)malloc(s->size ? s->size : 1);
        if (!*bytes)
            return hf_error_set(err, HF_ENOMEM, "bank of %llu bytes: out of memory", (unsigned long long)s->size);
        memcpy(*bytes, s->bytes, s->size);
        *size = s->size;
        return 0;
    }
}

int hf_var_place_write(struct hf_var_source *source, const struct hf_var_place *place, struct hf_var_written *ret,
                       struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_var_written written = {.path = ""};
    int r;

    if (source->kind == HF_VARS_CONTAINER) {
        r = write_container(source, place, &written, err);
    } else if (source->kind == HF_VARS_DEVICE && !place->out) {
        written.size = source->size;
        r = write_device(source, place, &written, err);
    } else {
        r = make_file(source, &bytes, &written.size, err);
        if (r < 0)
            return r;
        r = place->out ? write_new(source, place, bytes, written.size, &written, err)
                       : replace(source, place, bytes, written.size, &written, err);
    }
    if (r == 0)
        *ret = written;
    return r;
}
