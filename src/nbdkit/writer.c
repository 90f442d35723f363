/* SPDX-License-Identifier: BSD-2-Clause */
#include "writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gone = PTHREAD_COND_INITIALIZER;

/* Under the lock. */
static struct {
    bool known;                              /* somebody has written in this start */
    int64_t pid;                             /* who; 0: it could not be told */
    int pidfd;                               /* since the number may be used again; -1: none could be had */
    bool ended;                              /* it was gone before there could be one */
    const struct hf_writer_client *has_turn; /* the connection that writes */
} writer = {.pidfd = -1};

static void become(int64_t pid)
{
    writer.known = true;
    writer.pid = pid > 0 ? pid : 0;
    writer.pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0U) : -1;
    writer.ended = pid > 0 && writer.pidfd < 0 && errno == ESRCH;
}

/* A pidfd becomes readable when its process ends. Where there is none, the process number decides. */
static bool lives(void)
{
    struct pollfd p = {.fd = writer.pidfd, .events = POLLIN};

    if (writer.ended)
        return false;
    return writer.pidfd >= 0 ? poll(&p, 1, 0) == 0 : kill((pid_t)writer.pid, 0) == 0 || errno != ESRCH;
}

/* Whose process cannot be told is nobody's second connection. */
static bool is_writers(const struct hf_writer_client *client)
{
    return client == writer.has_turn || (client->pid > 0 && client->pid == writer.pid && lives());
}

void hf_writer_is(int64_t pid)
{
    (void)pthread_mutex_lock(&lock);
    become(pid);
    (void)pthread_mutex_unlock(&lock);
}

int64_t hf_writer_pid(void)
{
    int64_t pid;

    (void)pthread_mutex_lock(&lock);
    pid = writer.pid;
    (void)pthread_mutex_unlock(&lock);
    return pid;
}

bool hf_writer_may(const struct hf_writer_client *client)
{
    bool may;

    (void)pthread_mutex_lock(&lock);
    may = !writer.known || is_writers(client);
    (void)pthread_mutex_unlock(&lock);
    return may;
}

static enum hf_writer_turn take_turn(const struct hf_writer_client *client, const struct timespec *until)
{
    while (writer.has_turn && writer.has_turn != client)
        if (pthread_cond_clockwait(&gone, &lock, CLOCK_MONOTONIC, until) != 0)
            return HF_WRITER_BUSY;
    writer.has_turn = client;
    return HF_WRITER_OURS;
}

enum hf_writer_turn hf_writer_enter(const struct hf_writer_client *client, bool *first)
{
    enum hf_writer_turn turn = HF_WRITER_OTHER;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    (void)pthread_mutex_lock(&lock);
    *first = !writer.known;
    if (*first)
        become(client->pid);
    if (*first || is_writers(client))
        turn = take_turn(client, &until);
    (void)pthread_mutex_unlock(&lock);
    return turn;
}

void hf_writer_leave(const struct hf_writer_client *client)
{
    (void)pthread_mutex_lock(&lock);
    if (writer.has_turn == client) {
        writer.has_turn = NULL;
        (void)pthread_cond_broadcast(&gone);
    }
    (void)pthread_mutex_unlock(&lock);
}
