/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "mailbox_wire.h"
#include "no_room.h"

/* Every byte is allocated now: a full file system must not kill the process that touches the window later. */
static int make_file(const char *path, int *fd, struct hf_error *err)
{
    int r;

    if (unlink(path) < 0 && errno != ENOENT)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    r = posix_fallocate(*fd, 0, HF_MAILBOX_SIZE);
    return r == 0 ? 0 : hf_error_set(err, hf_no_room_or_io(r), "%s: %u bytes: %s", path, HF_MAILBOX_SIZE, strerror(r));
}

int hf_mailbox_window_open(const char *dir, struct hf_mailbox_window *w, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    void *bytes;
    int r;

    if ((size_t)snprintf(w->path, sizeof w->path, "%s/mailbox", dir) >= sizeof w->path)
        return hf_error_set(err, HF_EUSAGE, "%s: the runtime directory's path is too long", dir);
    r = make_file(w->path, &fd, err);
    if (r == 0) {
        bytes = mmap(NULL, HF_MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (bytes != MAP_FAILED) {
            w->bytes = bytes;
            return 0;
        }
        r = hf_error_set(err, HF_EIO, "%s: %s", w->path, strerror(errno));
    }
    if (fd >= 0)
        (void)unlink(w->path); /* half of it would keep the room that others wait for */
    return r;
}

void hf_mailbox_window_close(struct hf_mailbox_window *w)
{
    if (!w->bytes)
        return;
    (void)munmap(w->bytes, HF_MAILBOX_SIZE);
    (void)unlink(w->path);
    w->bytes = NULL;
}
