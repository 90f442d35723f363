/* SPDX-License-Identifier: BSD-2-Clause */
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "runtime.h"

#define PATIENCE_MS 60000 /* with one holder; who comes next is somebody else */
#define TURN_MS     10

static void (*tell)(const char *path, unsigned seconds, bool over);

void hf_line_notice(void (*notice)(const char *path, unsigned seconds, bool over))
{
    tell = notice;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long holder_of(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    long pid;

    text[n > 0 ? n : 0] = '\0';
    return sscanf(text, "%ld", &pid) == 1 ? pid : 0;
}

/* Only for the words of who waits, and to see that the line moves. */
static void write_holder(int fd)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%-20ld\n", (long)getpid());

    if (pwrite(fd, text, (size_t)n, 0) < 0)
        return;
}

static int wait_for(int fd, const char *path, struct hf_error *err)
{
    int64_t begun = now_ms(), since = begun;
    long holder = holder_of(fd);

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        long now;

        if (errno != EWOULDBLOCK && errno != EINTR)
            return hf_error_set(err, HF_EIO, "%s: cannot queue for the lock: %s", path, strerror(errno));
        now = holder_of(fd);
        if (now != holder)
            since = now_ms();
        holder = now;
        if (now_ms() - since > PATIENCE_MS)
            return hf_error_set(err, HF_ETIMEDOUT, "%s: locked by process %ld for %d s; try again", path, holder,
                                PATIENCE_MS / 1000);
        if (tell)
            tell(path, (unsigned)((now_ms() - begun) / 1000), false);
        (void)nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000L}, NULL);
    }
    return 1;
}

void hf_line_leave(int *line)
{
    if (*line >= 0)
        (void)flock(*line, LOCK_UN);
    hf_cleanup_close(line);
}

int hf_line_enter(const char *container_id, const char *path, int *line, struct hf_error *err)
{
    char dir[PATH_MAX], file[PATH_MAX + 16];
    int fd hf_auto(hf_cleanup_close) = -1, r = hf_runtime_guest_dir(container_id, dir, err);

    if (r < 0)
        return r;
    (void)snprintf(file, sizeof file, "%s/line.lock", dir);
    fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return hf_error_set(err, HF_EIO, "cannot open %s: %s", file, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        r = wait_for(fd, path, err);
    if (r > 0 && tell)
        tell(path, 0, true);
    if (r < 0)
        return r;
    write_holder(fd);
    *line = hf_take_fd(fd);
    return r;
}
