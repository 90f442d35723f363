/* SPDX-License-Identifier: BSD-2-Clause */
/* The other end of control.c: an operator's verb. */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"

int hf_control_connect(const char *dir, int *fd, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int s = -1;
    struct sockaddr_un place = {.sun_family = AF_UNIX};

    if (!hf_control_path(dir, place.sun_path, sizeof place.sun_path))
        return hf_error_set(err, HF_EUSAGE, "%s: the path is too long for a socket", dir);
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return hf_error_set(err, HF_EIO, "socket: %s", strerror(errno));
    if (connect(s, (const struct sockaddr *)&place, sizeof place) < 0)
        return hf_error_set(err, errno == ENOENT || errno == ECONNREFUSED ? HF_ENOTFOUND : HF_EIO, "socket '%s': %s",
                            place.sun_path, strerror(errno));
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
        return hf_error_nomem(err);
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
