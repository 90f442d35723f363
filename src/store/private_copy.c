/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"
#include "scratch.h"

static int copy_file(const char *from, const char *to, struct hf_error *err)
{
    int in hf_auto(hf_cleanup_close) = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int out hf_auto(hf_cleanup_close) = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    char buf[1 << 16];
    ssize_t n = -1;

    while (in >= 0 && out >= 0 && (n = read(in, buf, sizeof buf)) > 0)
        if (write(out, buf, (size_t)n) != n)
            n = -1;
    return n == 0 ? 0 : hf_error_set(err, HF_EIO, "cannot copy %s to %s to look at it: %s", from, to, strerror(errno));
}

/* SQLite undoes the interrupted write in the copy at the first read; then the copy needs no name any more. */
static int connect_to(struct hf_container *c, const char *path, struct hf_error *err)
{
    char original[PATH_MAX];
    int64_t rows;
    int r;

    memcpy(original, c->place.path, sizeof original);
    memcpy(c->place.path, path, PATH_MAX);
    r = hf_connect(c, HF_CONNECT_COPY, err);
    if (r == 0)
        r = hf_sql_number(c, "SELECT count(*) FROM sqlite_schema", &rows, err);
    memcpy(c->place.path, original, sizeof original);
    return r;
}

int hf_connect_private_copy(struct hf_container *c, struct hf_error *err)
{
    char path[PATH_MAX], journal[PATH_MAX + 16], original[PATH_MAX];
    struct hf_scratch scratch;
    int r = hf_scratch_make("look", &scratch, err);

    if (r < 0)
        return r;
    snprintf(path, sizeof path, "%.*s/copy", PATH_MAX - 16, scratch.path);
    snprintf(journal, sizeof journal, "%s-journal", path);
    hf_place_beside(&c->place, "-journal", original);
    r = copy_file(c->place.path, path, err);
    if (r == 0)
        r = copy_file(original, journal, err);
    if (r == 0)
        r = connect_to(c, path, err);
    hf_scratch_remove(&scratch);
    return r;
}
