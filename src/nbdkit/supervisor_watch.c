/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor_watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>

static struct {
    int fd;
    void (*gone)(void);
} watch;

/* No event is asked for: a pipe without a reader reports POLLERR by itself. */
static void *watch_thread(void *unused)
{
    struct pollfd p = {.fd = watch.fd};

    (void)unused;
    while (poll(&p, 1, -1) < 0 && (errno == EINTR || errno == EAGAIN))
        continue;
    watch.gone();
    return NULL;
}

int hf_supervisor_watch(int fd, void (*gone)(void), struct hf_error *err)
{
    pthread_t thread;

    watch.fd = fd;
    watch.gone = gone;
    if (pthread_create(&thread, NULL, watch_thread, NULL) != 0)
        return hf_error_set(err, HF_EIO, "supervisor watch: the thread cannot be started");
    (void)pthread_detach(thread);
    return 0;
}
