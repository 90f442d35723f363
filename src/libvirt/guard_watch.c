/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard_watch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "guard_spawn.h"

#define TRY_MS    200
#define TRY_SLOW  50 /* tries, then once a second: the disk may be full */
#define TRIES_MAX 3600

static void sleep_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&t, NULL);
}

int hf_guard_watch_start(const struct hf_guard_config *config, int *fd, struct hf_error *err)
{
    int ends[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return hf_error_set(err, HF_EIO, "cannot watch the guard: %s", strerror(errno));
    r = hf_guard_spawn_watch(config, ends[1], err);
    (void)close(ends[1]);
    if (r < 0)
        (void)close(ends[0]);
    else
        *fd = ends[0];
    return r;
}

void hf_guard_watch_end(int fd)
{
    if (fd < 0)
        return;
    (void)send(fd, "e", 1, MSG_NOSIGNAL);
    (void)close(fd);
}

/* True: the guard ended in order. */
static bool await_end(int fd)
{
    char word;
    ssize_t n;

    do
        n = recv(fd, &word, 1, 0);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/* libvirtd's start was faster than we. Not hf_guard_is_there(), for which a guard that says nothing is one, too. */
static bool is_another_there(const char *uuid)
{
    static const struct hf_guard_request here = {.ask = HF_GUARD_HERE};

    return hf_guard_ask(uuid, &here, NULL) == 0;
}

int hf_guard_watch_run(const struct hf_guard_config *config, int fd, struct hf_error *err)
{
    int r = -HF_EOWNED;

    openlog("holdfast-guard", LOG_PID, LOG_DAEMON);
    if (await_end(fd))
        return 0;
    syslog(LOG_WARNING, "%s: the guard was killed; starting another", config->uuid);
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        r = hf_guard_spawn(config, err);
        if (r == 0 || is_another_there(config->uuid))
            return 0;
        if (i % TRY_SLOW == 0 && i)
            syslog(LOG_ERR, "%s: %s", config->uuid, err->text);
        sleep_ms(i < TRY_SLOW ? TRY_MS : 1000);
    }
    return r;
}
