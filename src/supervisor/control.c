/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"

#define SAY_MAX     65536 /* a peer that has so much to read is not told more */
#define FAREWELL_MS 1000

struct hf_control {
    struct hf_loop *loop;
    struct hf_control_ops ops;
    struct sockaddr_un place;
    int listener, peer; /* -1: none */
    char *line;         /* HF_CONTROL_LINE_MAX bytes, of the peer */
    size_t used;
    int fds[HF_CONTROL_FDS_MAX];
    size_t fd_count;
    char *out; /* what the peer has not taken yet */
    size_t out_used;
    bool last; /* the peer goes when it has taken that */
};

bool hf_control_path(const char *dir, char *path, size_t size)
{
    int n = snprintf(path, size, "%s/control", dir);

    return n > 0 && (size_t)n < size && (size_t)n < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

static int name_place(const char *path, struct sockaddr_un *place, struct hf_error *err)
{
    *place = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof place->sun_path)
        return hf_error_set(err, HF_EUSAGE, "socket '%s': %zu bytes long, at most %zu fit", path, strlen(path),
                            sizeof place->sun_path - 1);
    memcpy(place->sun_path, path, strlen(path));
    return 0;
}

/* ---- the peer ---- */

static void drop_fds(struct hf_control *c)
{
    for (size_t i = 0; i < c->fd_count; i++)
        hf_cleanup_close(&c->fds[i]);
    c->fd_count = 0;
}

static void hang_up(struct hf_control *c)
{
    if (c->peer < 0)
        return;
    hf_loop_unwatch(c->loop, c->peer);
    (void)close(c->peer);
    c->peer = -1;
    c->used = c->out_used = 0;
    c->last = false;
    free(hf_take_ptr(c->out));
    drop_fds(c);
}

static void lose(struct hf_control *c)
{
    hang_up(c);
    c->ops.gone(c->ops.ctx);
}

static void on_peer(void *ctx, short revents);

/* False: the peer is gone, which is seen when it is read from. */
static bool send_some(struct hf_control *c)
{
    ssize_t n = send(c->peer, c->out, c->out_used, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    c->out_used -= (size_t)n;
    memmove(c->out, c->out + n, c->out_used);
    return true;
}

static void flush_out(struct hf_control *c)
{
    if (c->out_used > 0 && !send_some(c))
        c->out_used = 0;
    if (c->out_used == 0 && c->last)
        hang_up(c);
    else
        (void)hf_loop_watch(c->loop, c->peer, (short)((c->last ? 0 : POLLIN) | (c->out_used > 0 ? POLLOUT : 0)),
                            on_peer, c, NULL);
}

static void say(struct hf_control *c, json_t *line)
{
    hf_auto(hf_cleanup_free) char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    size_t size = text ? strlen(text) : 0;
    char *grown = text ? realloc(c->out, c->out_used + size + 1) : NULL;

    if (!grown)
        return;
    memcpy(grown + c->out_used, text, size);
    grown[c->out_used + size] = '\n';
    c->out = grown;
    c->out_used += size + 1;
}

void hf_control_say(struct hf_control *c, json_t *line)
{
    if (c && c->peer >= 0 && !c->last && c->out_used <= SAY_MAX) {
        say(c, line);
        flush_out(c);
    }
    json_decref(line);
}

void hf_control_say_last(struct hf_control *c, json_t *line)
{
    if (c && c->peer >= 0 && !c->last) {
        say(c, line);
        c->last = true;
        flush_out(c);
    }
    json_decref(line);
}

static void take_fds(struct hf_control *c, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            if (c->fd_count < HF_CONTROL_FDS_MAX)
                c->fds[c->fd_count++] = fd;
            else
                (void)close(fd);
        }
    }
}

/* 1: a line is complete and *size counts it, its end included. 0: not yet. */
static int find_line(const struct hf_control *c, size_t *size)
{
    const char *end = memchr(c->line, '\n', c->used);

    *size = end ? (size_t)(end - c->line) + 1 : 0;
    return end != NULL;
}

static bool answer_line(struct hf_control *c, size_t size)
{
    json_t *request = json_loadb(c->line, size, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(request);

    if (good) {
        c->ops.asked(c->ops.ctx, request, c->fds, c->fd_count);
        drop_fds(c);
    }
    json_decref(request);
    return good;
}

/* The callback may end the peer, and then there is no line any more. */
static void answer_lines(struct hf_control *c)
{
    size_t size;

    while (c->peer >= 0 && !c->last && find_line(c, &size)) {
        if (!answer_line(c, size)) {
            lose(c);
            return;
        }
        if (c->peer >= 0) {
            memmove(c->line, c->line + size, c->used - size);
            c->used -= size;
        }
    }
    if (c->peer >= 0 && !c->last && c->used == HF_CONTROL_LINE_MAX)
        lose(c);
}

static void hear(struct hf_control *c)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(HF_CONTROL_FDS_MAX * sizeof(int))];
    struct iovec iov = {.iov_base = c->line + c->used, .iov_len = HF_CONTROL_LINE_MAX - c->used};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->peer, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lose(c);
        return;
    }
    take_fds(c, &message);
    c->used += (size_t)n;
    answer_lines(c);
}

static void on_peer(void *ctx, short revents)
{
    struct hf_control *c = ctx;

    if (c->out_used > 0 && (revents & POLLOUT))
        flush_out(c);
    if (c->peer >= 0 && c->last && (revents & (POLLHUP | POLLERR)))
        hang_up(c);
    else if (c->peer >= 0 && !c->last && (revents & (POLLIN | POLLHUP | POLLERR)))
        hear(c);
}

/* ---- listening ---- */

static bool is_ours(int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && (who.uid == geteuid() || who.uid == 0);
}

/* In the words of a last line (departure_ask.c). */
static void refuse(int fd, const char *words)
{
    char line[256];
    int n = snprintf(line, sizeof line, "{\"ended\":%d,\"granted\":false,\"text\":\"%s\"}\n", (int)HF_EOWNED, words);

    (void)!send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

static void on_caller(void *ctx, short revents)
{
    struct hf_control *c = ctx;
    int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (!is_ours(fd)) {
        refuse(fd, "this guest is run by another user");
        return;
    }
    if (c->last)
        hang_up(c);
    if (c->peer >= 0) {
        refuse(fd, "another command is under way for this guest");
        return;
    }
    if (hf_loop_watch(c->loop, fd, POLLIN, on_peer, c, NULL) < 0) {
        refuse(fd, "too many descriptors to watch");
        return;
    }
    c->peer = fd;
}

static int listen_at(struct hf_control *c, struct hf_error *err)
{
    mode_t mask;
    int r;

    c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->listener < 0)
        return hf_error_set(err, HF_EIO, "socket: %s", strerror(errno));
    (void)unlink(c->place.sun_path);
    mask = umask(0177);
    r = bind(c->listener, (const struct sockaddr *)&c->place, sizeof c->place);
    (void)umask(mask);
    if (r < 0 || listen(c->listener, 4) < 0)
        return hf_error_set(err, HF_EIO, "socket '%s': %s", c->place.sun_path, strerror(errno));
    return hf_loop_watch(c->loop, c->listener, POLLIN, on_caller, c, err);
}

int hf_control_open(const char *path, struct hf_loop *loop, const struct hf_control_ops *ops, struct hf_control **out,
                    struct hf_error *err)
{
    struct hf_control *c = calloc(1, sizeof *c);
    int r;

    if (c)
        c->line = malloc(HF_CONTROL_LINE_MAX);
    if (!c || !c->line) {
        free(c);
        return hf_error_nomem(err);
    }
    c->loop = loop;
    c->ops = *ops;
    c->listener = c->peer = -1;
    r = name_place(path, &c->place, err);
    if (r == 0)
        r = listen_at(c, err);
    if (r < 0) {
        hf_control_close(c);
        return r;
    }
    *out = c;
    return 0;
}

static void bid_farewell(struct hf_control *c)
{
    int64_t until = hf_loop_now() + FAREWELL_MS, left;

    while (c->peer >= 0 && c->out_used > 0 && (left = until - hf_loop_now()) > 0) {
        struct pollfd p = {.fd = c->peer, .events = POLLOUT};

        if (poll(&p, 1, (int)left) > 0 && (!send_some(c) || (p.revents & (POLLHUP | POLLERR))))
            break;
    }
    hang_up(c);
}

void hf_control_close(struct hf_control *c)
{
    if (!c)
        return;
    bid_farewell(c);
    if (c->listener >= 0) {
        hf_loop_unwatch(c->loop, c->listener);
        (void)close(c->listener);
        (void)unlink(c->place.sun_path);
    }
    free(c->line);
    free(c);
}
