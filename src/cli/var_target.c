/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a changed store goes: a new file, the old one's place, a container. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "output.h"
#include "qcow2.h"
#include "var_container.h"
#include "var_source.h"
#include "whole_file.h"

#define PATIENCE_S 60

int hf_var_target_check(const struct hf_invocation *inv, const char *path, struct hf_error *err)
{
    bool out = hf_given(inv, "out"), in_place = hf_given(inv, "in-place");
    struct stat st;

    if (hf_var_is_container(path)) {
        if (out)
            return hf_error_set(err, HF_EUSAGE,
                                "%s is a container, which is changed in place; `vars export` makes a "
                                "file of its variables",
                                path);
        return 0;
    }
    if (in_place && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return hf_error_set(err, HF_EUSAGE, "%s is a directory, which is only read; --out NEW writes a file", path);
    if (hf_given(inv, "tpm-aware"))
        return hf_error_set(err, HF_EUSAGE, "--tpm-aware is for containers; of a file nothing is known of a TPM");
    if (out == in_place)
        return hf_error_set(err, HF_EUSAGE, "say where the result goes: either --out NEW or --in-place");
    return 0;
}

/* The first free name of FILE.bak, FILE.bak.2, ...; allocated. */
static char *backup_name(const char *path)
{
    struct stat st;
    char *name;

    for (unsigned n = 1; n < 10000; n++) {
        int r = n == 1 ? asprintf(&name, "%s.bak", path) : asprintf(&name, "%s.bak.%u", path, n);

        if (r < 0)
            return NULL;
        if (lstat(name, &st) < 0 && errno == ENOENT)
            return name;
        free(name);
    }
    return NULL;
}

static int monotonic_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int)t.tv_sec;
}

int hf_var_again(struct hf_invocation *inv, int (*change)(struct hf_invocation *inv, struct hf_error *err),
                 struct hf_error *err)
{
    int until = monotonic_s() + PATIENCE_S;

    for (;;) {
        int r = change(inv, err);

        if (r != -HF_EREFUSED || !err->rule || strcmp(err->rule, "changed") != 0 || monotonic_s() > until)
            return r;
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000 * (1 + getpid() % 20)}, NULL);
    }
}

/* Whoever replaces a file holds a lock on the one that it replaces. */
static int lock_file(const char *path, int *fd, struct hf_error *err)
{
    int until = monotonic_s() + PATIENCE_S;
    hf_auto(hf_cleanup_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (file < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    while (flock(file, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            break; /* a file system without locks */
        if (monotonic_s() > until)
            return hf_error_set(err, HF_ETIMEDOUT, "%s: another process has kept it busy for %d s; try again", path,
                                PATIENCE_S);
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

static int write_bytes(struct hf_var_source *s, struct hf_invocation *inv, const void *bytes, uint64_t size,
                       struct hf_error *err)
{
    const char *out = hf_value(inv, "out");
    hf_auto(hf_cleanup_free) char *keep = NULL;
    hf_auto(hf_cleanup_close) int lock = -1;
    mode_t mode = s->file.st_mode & (S_ISDIR(s->file.st_mode) ? 0666 : 0777);
    int r = out ? 0 : lock_file(s->path, &lock, err);

    if (r == 0 && !out)
        r = check_unchanged(s, err);
    if (r < 0)
        return r;
    keep = out ? NULL : backup_name(s->path);
    if (!out && !keep)
        return hf_error_set(err, HF_ENOMEM, "no name for a copy of %s", s->path);
    if (r == 0 && !inv->dry_run)
        r = out ? hf_file_write_new(out, bytes, size, mode, err)
                : hf_file_replace(s->path, bytes, size, mode, keep, err);
    if (r < 0)
        return r;
    hf_put_text(inv->report, "written", out ? out : s->path);
    hf_put_number(inv->report, "bytes", (int64_t)size);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    if (keep)
        hf_put_text(inv->report, "kept", keep);
    hf_say(inv, "%s %s%s%s", inv->dry_run ? "would write" : "wrote", out ? out : s->path,
           keep ? "; the old file is kept as " : "", keep ? keep : "");
    return 0;
}

static int write_packed(struct hf_var_source *s, struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *packed = NULL;
    uint64_t size;
    int r = hf_qcow2_pack(s->bytes, (size_t)s->size, &packed, &size, err);

    return r < 0 ? hf_error_prefix(err, r, "%s: ", s->path) : write_bytes(s, inv, packed, size, err);
}

/* Both forms are read alike; virt-firmware's keeps what QEMU's does not. */
static enum hf_var_format json_form(const struct hf_var_set *set)
{
    return hf_var_losses(set->vars, set->count, HF_FORMAT_QEMU, NULL, NULL) ? HF_FORMAT_VIRT_FIRMWARE : HF_FORMAT_QEMU;
}

int hf_var_source_write(struct hf_var_source *source, struct hf_invocation *inv, struct hf_error *err)
{
    static const struct hf_var_note plain = {.kind = "vars", .text = "variables changed by the operator"};
    hf_auto(hf_cleanup_free) char *text = NULL;
    int r;

    if (source->container) {
        r = hf_var_container_ask(source->path, source->bytes, source->size, hf_given(inv, "tpm-aware"), err);
        if (r < 0)
            return r;
        r = inv->dry_run ? 0
                         : hf_var_container_write(source->path, &source->was, source->bytes, source->size,
                                                  source->note.kind ? &source->note : &plain, err);
        if (r < 0)
            return r;
        hf_put_text(inv->report, "written", source->path);
        hf_put_bool(inv->report, "dry_run", inv->dry_run);
        hf_say(inv, "%s the variables of %s", inv->dry_run ? "would change" : "changed", source->path);
        return 0;
    }
    if (source->packed)
        return write_packed(source, inv, err);
    if (source->bytes)
        return write_bytes(source, inv, source->bytes, source->size, err);
    r = hf_var_json_write(source->set.vars, source->set.count, json_form(&source->set), &text, err);
    return r < 0 ? r : write_bytes(source, inv, text, strlen(text), err);
}
