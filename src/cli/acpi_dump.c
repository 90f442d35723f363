/* SPDX-License-Identifier: BSD-2-Clause */
#include "acpi_dump.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "whole_file.h"

static void close_fts(FTS **fts)
{
    if (*fts)
        (void)fts_close(*fts);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct hf_acpi_file *)a)->name, ((const struct hf_acpi_file *)b)->name);
}

static int add_file(struct hf_acpi_dump *d, const char *path, const char *name, struct hf_error *err)
{
    struct hf_acpi_file *more;
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    hf_auto(hf_cleanup_free) char *copy = NULL;
    uint64_t size;
    int r = hf_file_read(path, HF_ACPI_FILE_MAX, &bytes, &size, err);

    if (r < 0)
        return r;
    if (!strcmp(name, HF_ACPI_SCRIPT_FILE)) {
        d->script = hf_take_ptr(bytes);
        d->bundle.script = d->script;
        d->bundle.script_size = size;
        return 0;
    }
    if (d->bundle.count == HF_ACPI_FILES_MAX)
        return hf_error_refuse(err, "limits", "too many files; the limit is %d: give a directory with one fw_cfg dump",
                               HF_ACPI_FILES_MAX);
    copy = strdup(name);
    more = realloc(d->files, (d->bundle.count + 1) * sizeof *more);
    if (more)
        d->files = more;
    if (!more || !copy)
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    d->files[d->bundle.count++] =
        (struct hf_acpi_file){.name = hf_take_ptr(copy), .bytes = hf_take_ptr(bytes), .size = size};
    return 0;
}

static int read_all(const char *path, struct hf_acpi_dump *d, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *root = strdup(path);
    char *const roots[] = {root, NULL};
    hf_auto(close_fts) FTS *fts = root ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    FTSENT *e;
    int r = 0;

    if (!fts)
        return hf_error_set(err, errno == ENOMEM ? HF_ENOMEM : HF_EIO, "%s: %s", path, strerror(errno));
    while (r == 0 && (errno = 0, e = fts_read(fts)) != NULL) {
        const char *name = e->fts_path + strlen(path);

        if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS)
            r = hf_error_set(err, HF_EIO, "%s: %s", e->fts_path, strerror(e->fts_errno));
        else if (e->fts_info == FTS_F)
            r = add_file(d, e->fts_path, name + strspn(name, "/"), err);
    }
    if (r == 0 && errno != 0)
        r = hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    return r;
}

int hf_acpi_dump_open(const char *path, struct hf_acpi_dump *ret, struct hf_error *err)
{
    struct hf_acpi_dump d = {0};
    struct stat st;
    int r;

    if (stat(path, &st) < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return hf_error_set(err, HF_ENOTFOUND, "%s: not a directory; give one with %s and the files it names", path,
                            HF_ACPI_SCRIPT_FILE);
    r = read_all(path, &d, err);
    if (r == 0 && !d.script)
        r = hf_error_set(err, HF_ENOTFOUND, "%s: %s not found", path, HF_ACPI_SCRIPT_FILE);
    if (r == 0) {
        if (d.bundle.count)
            qsort(d.files, d.bundle.count, sizeof *d.files, by_name);
        d.bundle.files = d.files;
        hf_acpi_assume_writable(&d.bundle, d.files);
        r = hf_acpi_bundle_check(&d.bundle, err);
    }
    if (r < 0) {
        hf_acpi_dump_close(&d);
        return r;
    }
    *ret = d;
    return 0;
}

void hf_acpi_dump_close(struct hf_acpi_dump *dump)
{
    for (size_t i = 0; i < dump->bundle.count; i++) {
        free((void *)(uintptr_t)dump->files[i].name);
        free((void *)(uintptr_t)dump->files[i].bytes);
    }
    free(dump->files);
    free(dump->script);
    *dump = (struct hf_acpi_dump){0};
}
