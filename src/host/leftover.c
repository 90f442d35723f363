/* SPDX-License-Identifier: BSD-2-Clause */
#include "leftover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "runtime.h"

#define TEXT_MAX (PATH_MAX + 64)

static bool notes_path(char dir[PATH_MAX])
{
    char state[PATH_MAX];

    return hf_state_dir(state, NULL) == 0 && snprintf(dir, PATH_MAX, "%s/drafts", state) < PATH_MAX - 16;
}

/* Locked, and still there: a sweeper may have taken a new one for a dead one's before it was locked. */
static bool lock_note(int fd)
{
    struct stat st;

    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int make_note(char path[PATH_MAX])
{
    char dir[PATH_MAX];

    if (!notes_path(dir) || (mkdir(dir, 0700) < 0 && errno != EEXIST))
        return -1;
    for (unsigned i = 0; i < 10; i++) {
        int fd;

        (void)snprintf(path, PATH_MAX, "%.*s/XXXXXX", PATH_MAX - 16, dir);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0 || lock_note(fd))
            return fd;
        (void)unlink(path);
        (void)close(fd);
    }
    return -1;
}

/* Of the same length whatever the numbers are, so that the second write replaces the first. Zeros: not known yet. */
static bool write_note(const struct hf_leftover *l, const char *path, unsigned long long device,
                       unsigned long long inode)
{
    char text[TEXT_MAX];
    int n = snprintf(text, sizeof text, "%020llu %020llu %s", device, inode, path);

    return pwrite(l->lock, text, (size_t)n, 0) == n;
}

void hf_leftover_expect(const char *path, struct hf_leftover *ret)
{
    struct hf_leftover l = {.lock = -1};

    l.lock = make_note(l.note);
    if (l.lock < 0)
        l.note[0] = '\0';
    else if (!write_note(&l, path, 0, 0))
        hf_leftover_forget(&l);
    *ret = l;
}

void hf_leftover_made(struct hf_leftover *l, const char *path, int fd)
{
    struct stat st;

    if (l->note[0] && fstat(fd, &st) == 0)
        (void)write_note(l, path, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}

void hf_leftover_forget(struct hf_leftover *l)
{
    if (!l->note[0])
        return;
    (void)unlink(l->note);
    (void)close(l->lock);
    *l = (struct hf_leftover){.lock = -1};
}

/* Half a note, of a host that lost its power, names nothing. */
static void remove_noted(int fd)
{
    unsigned long long device, inode;
    char text[TEXT_MAX];
    ssize_t n = read(fd, text, sizeof text - 1);
    struct stat st;
    int at = 0;

    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%llu %llu %n", &device, &inode, &at) != 2 || at == 0 || text[at] != '/' ||
        lstat(text + at, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    if (inode == 0 ? st.st_uid == geteuid() : st.st_dev == device && st.st_ino == inode)
        (void)unlink(text + at);
}

static void close_dir(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

void hf_leftover_sweep(void)
{
    char notes[PATH_MAX], path[PATH_MAX + 256];
    DIR *dir hf_auto(close_dir) = NULL;
    const struct dirent *e;

    if (!notes_path(notes))
        return;
    dir = opendir(notes);
    while (dir && (e = readdir(dir)) != NULL) {
        int fd hf_auto(hf_cleanup_close) = -1;

        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", notes, e->d_name);
        fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || !lock_note(fd))
            continue;
        remove_noted(fd);
        (void)unlink(path);
    }
}
