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

struct hf_control {
    struct hf_loop *loop;
    struct hf_control_ops ops;
    struct sockaddr_un place;
    int listener, peer; /* -1: none */
    char *line;         /* HF_CONTROL_LINE_MAX bytes, of the peer */
    size_t used;
    int fds[HF_CONTROL_FDS_MAX];
    size_t fd_count;
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

void hf_control_hang_up(struct hf_control *c)
{
    if (!c || c->peer < 0)
        return;
    hf_loop_unwatch(c->loop, c->peer);
    (void)close(c->peer);
    c->peer = -1;
    c->used = 0;
    drop_fds(c);
}

static void lose(struct hf_control *c)
{
    hf_control_hang_up(c);
    c->ops.gone(c->ops.ctx);
}

void hf_control_say(struct hf_control *c, json_t *line)
{
    char *text = c && c->peer >= 0 && line ? json_dumps(line, JSON_COMPACT) : NULL;

    if (text) {
        size_t size = strlen(text);

        text[size] = '\n';
        (void)!send(c->peer, text, size + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        free(text);
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

/* The callback may hang up, and then there is no line any more. */
static void answer_lines(struct hf_control *c)
{
    size_t size;

    while (c->peer >= 0 && find_line(c, &size)) {
        if (!answer_line(c, size)) {
            lose(c);
            return;
        }
        if (c->peer >= 0) {
            memmove(c->line, c->line + size, c->used - size);
            c->used -= size;
        }
    }
    if (c->peer >= 0 && c->used == HF_CONTROL_LINE_MAX)
        lose(c);
}

static void on_peer(void *ctx, short revents)
{
    struct hf_control *c = ctx;
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
        return hf_error_set(err, HF_ENOMEM, "out of memory");
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

void hf_control_close(struct hf_control *c)
{
    if (!c)
        return;
    hf_control_hang_up(c);
    if (c->listener >= 0) {
        hf_loop_unwatch(c->loop, c->listener);
        (void)close(c->listener);
        (void)unlink(c->place.sun_path);
    }
    free(c->line);
    free(c);
}

/* ---- the other end ---- */

int hf_control_connect(const char *dir, int *fd, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int s = -1;
    struct sockaddr_un place;
    char path[sizeof place.sun_path];
    int r;

    if (!hf_control_path(dir, path, sizeof path))
        return hf_error_set(err, HF_EUSAGE, "%s: the path is too long for a socket", dir);
    r = name_place(path, &place, err);
    if (r < 0)
        return r;
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return hf_error_set(err, HF_EIO, "socket: %s", strerror(errno));
    if (connect(s, (const struct sockaddr *)&place, sizeof place) < 0)
        return hf_error_set(err, errno == ENOENT || errno == ECONNREFUSED ? HF_ENOTFOUND : HF_EIO, "socket '%s': %s",
                            path, strerror(errno));
    *fd = hf_take_fd(s);
    return 0;
}

static ssize_t send_with(int fd, const char *bytes, size_t size, const int *fds, size_t fd_count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(HF_CONTROL_FDS_MAX * sizeof(int))] = {0};
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd_count) {
        struct cmsghdr *head;

        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
        memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

int hf_control_ask(int fd, json_t *line, const int *fds, size_t fd_count, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    size_t size, sent = 0;

    json_decref(line);
    if (!text)
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    size = strlen(text);
    text[size++] = '\n';
    while (sent < size) {
        ssize_t n = send_with(fd, text + sent, size - sent, fds, sent ? 0 : fd_count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hf_error_set(err, HF_EIO, "the guest's supervisor does not listen: %s", strerror(errno));
        sent += (size_t)n;
    }
    return 0;
}
