/* SPDX-License-Identifier: BSD-2-Clause */
#include "own_directory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot(const char *what, const char *path, struct hf_error *err)
{
    return hf_error_set(err, HF_EIO, "cannot %s %s: %s", what, path, strerror(errno));
}

static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

/* Group members are others, unless it is this user's own group, as where everybody has one. */
static bool others_write(const struct stat *st)
{
    return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && st->st_gid != getegid());
}

static int check_directory(const char *dir, const char *part, const struct stat *st, bool kept, struct hf_error *err)
{
    bool sticky = st->st_mode & S_ISVTX;

    if (!S_ISDIR(st->st_mode))
        return hf_error_refuse(err, "permissions", "%s: not a directory, on the path to %s", part, dir);
    if (!is_ours(st))
        return hf_error_refuse(err, "permissions",
                               "%s: owned by user %u, who could replace %s in it; use a directory whose parents only "
                               "you and root can write",
                               part, (unsigned)st->st_uid, dir);
    if (others_write(st) && (kept || !sticky))
        return hf_error_refuse(
            err, "permissions",
            sticky ? "%s: world-writable (mode %04o) and cleaned by the system, unfit for %s; set HOLDFAST_STATE_DIR"
                   : "%s: others can write it (mode %04o) and could replace %s in it; use a directory whose parents "
                     "only you and root can write",
            part, (unsigned)(st->st_mode & 07777), dir);
    return 0;
}

static int check_way(const char *dir, const char *way, bool kept, struct hf_error *err);

/* A link is its owner's word; where it leads to is looked at like the rest. */
static int check_link(const char *dir, const char *part, const struct stat *st, bool kept, struct hf_error *err)
{
    char real[PATH_MAX];

    if (!is_ours(st))
        return hf_error_refuse(err, "permissions", "%s: symbolic link of user %u, on the path to %s", part,
                               (unsigned)st->st_uid, dir);
    if (!realpath(part, real))
        return cannot("follow", part, err);
    return check_way(dir, real, kept, err);
}

/* Every component of `way`, from the root on. */
static int check_way(const char *dir, const char *way, bool kept, struct hf_error *err)
{
    char part[PATH_MAX];
    struct stat st;
    int r = 0;

    for (const char *p = way; p && r == 0; p = strchr(p + 1, '/')) {
        const char *end = strchr(p + 1, '/');

        snprintf(part, sizeof part, "%.*s", end ? (int)(end - way) : PATH_MAX - 1, way);
        if (p == way) { /* the root itself comes first */
            if (lstat("/", &st) < 0)
                return cannot("look at", "/", err);
            r = check_directory(dir, "/", &st, kept, err);
        }
        if (r < 0 || lstat(part, &st) < 0)
            return r < 0 ? r : cannot("look at", part, err);
        r = S_ISLNK(st.st_mode) ? check_link(dir, part, &st, kept, err) : check_directory(dir, part, &st, kept, err);
    }
    return r;
}

static int make_way(const char *dir, struct hf_error *err)
{
    char part[PATH_MAX];

    for (const char *p = strchr(dir + 1, '/');; p = strchr(p + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", p ? (int)(p - dir) : PATH_MAX - 1, dir);
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return cannot("make directory", part, err);
        if (!p)
            return 0;
    }
}

int hf_own_directory(const char *dir, bool kept, struct hf_error *err)
{
    struct stat st;
    int r = make_way(dir, err);

    if (r < 0)
        return r;
    if (lstat(dir, &st) < 0)
        return cannot("look at", dir, err);
    if (!S_ISDIR(st.st_mode) || !is_ours(&st) || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return hf_error_refuse(
            err, "permissions",
            "%s: must be a directory of user %u that others cannot write (it is user %u's, mode %04o)", dir,
            (unsigned)geteuid(), (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
    return check_way(dir, dir, kept, err);
}
