/* SPDX-License-Identifier: BSD-2-Clause */
#include "monitor.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

struct hf_monitor {
    int fd;      /* -1: closed */
    int pass_fd; /* to go with the next bytes; -1: none */
    struct hf_loop *loop;
    struct hf_qmp *qmp;
    struct hf_error fault;
};

/* One call that somebody waits for. It outlives its waiter when the answer comes too late. */
struct waiting {
    bool done, abandoned;
    json_t *result;
    struct hf_error err;
};

static void end(struct hf_monitor *m, const struct hf_error *why)
{
    if (m->fd < 0)
        return;
    if (why)
        m->fault = *why;
    hf_loop_unwatch(m->loop, m->fd);
    (void)close(m->fd);
    m->fd = -1;
    hf_qmp_close(m->qmp);
}

static void on_ready(void *ctx, short revents);

/* QEMU keeps a descriptor until a command asks for it, so it may go with any byte up to that command's last. */
static ssize_t send_some(struct hf_monitor *m, const void *bytes, size_t size)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (m->pass_fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&control.head), &m->pass_fd, sizeof(int));
    }
    n = sendmsg(m->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        hf_cleanup_close(&m->pass_fd);
        m->pass_fd = -1;
    }
    return n;
}

/* Sends what can be sent now and asks the loop for POLLOUT while something is left. */
static void flush(struct hf_monitor *m)
{
    struct hf_error err;
    size_t size;
    const void *bytes = hf_qmp_output(m->qmp, &size);

    if (m->fd < 0)
        return;
    if (size) {
        ssize_t n = send_some(m, bytes, size);
        if (n > 0)
            hf_qmp_sent(m->qmp, (size_t)n);
        /* an error shows as POLLERR or the end of the stream when reading */
        (void)hf_qmp_output(m->qmp, &size);
    }
    if (hf_loop_watch(m->loop, m->fd, size ? POLLIN | POLLOUT : POLLIN, on_ready, m, &err) < 0)
        end(m, &err);
}

static void on_ready(void *ctx, short revents)
{
    struct hf_monitor *m = ctx;
    char buf[65536];
    struct hf_error err;

    if (revents & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t n = recv(m->fd, buf, sizeof buf, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            end(m, NULL);
            return;
        }
        if (n > 0 && hf_qmp_feed(m->qmp, buf, (size_t)n, &err) < 0) {
            end(m, &err);
            return;
        }
    }
    flush(m);
}

int hf_monitor_new(int fd, struct hf_loop *loop, struct hf_monitor **out, struct hf_error *err)
{
    struct hf_monitor *m = calloc(1, sizeof *m);
    int r;

    if (m)
        m->qmp = hf_qmp_new();
    if (!m || !m->qmp) {
        (void)close(fd);
        free(m);
        return hf_error_nomem(err);
    }
    m->fd = fd;
    m->pass_fd = -1;
    m->loop = loop;
    r = hf_loop_watch(loop, fd, POLLIN, on_ready, m, err);
    if (r < 0) {
        hf_monitor_free(m);
        return r;
    }
    *out = m;
    return 0;
}

void hf_monitor_free(struct hf_monitor *m)
{
    if (!m)
        return;
    end(m, NULL);
    hf_cleanup_close(&m->pass_fd);
    hf_qmp_free(m->qmp);
    free(m);
}

bool hf_monitor_is_open(const struct hf_monitor *m)
{
    return m->fd >= 0;
}

const struct hf_error *hf_monitor_fault(const struct hf_monitor *m)
{
    return &m->fault;
}

struct hf_qmp_version hf_monitor_version(const struct hf_monitor *m)
{
    return hf_qmp_version(m->qmp);
}

static int closed(const struct hf_monitor *m, struct hf_error *err)
{
    if (m->fault.text[0]) {
        if (err)
            *err = m->fault;
        return -(int)m->fault.code;
    }
    return hf_error_set(err, HF_EIO, "QEMU closed its monitor");
}

int hf_monitor_wait_ready(struct hf_monitor *m, int timeout_ms, struct hf_error *err)
{
    int64_t until = hf_loop_now() + timeout_ms;

    while (!hf_qmp_is_ready(m->qmp)) {
        int64_t left = until - hf_loop_now();
        if (m->fd < 0)
            return closed(m, err);
        if (left <= 0)
            return hf_error_set(err, HF_ETIMEDOUT, "QMP: no greeting from QEMU within %d s", timeout_ms / 1000);
        int r = hf_loop_turn(m->loop, (int)left, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int hf_monitor_send(struct hf_monitor *m, const char *command, json_t *arguments, hf_qmp_done_fn *done, void *ctx,
                    struct hf_error *err)
{
    int r;

    if (m->fd < 0) {
        json_decref(arguments);
        return closed(m, err);
    }
    r = hf_qmp_call(m->qmp, command, arguments, done, ctx, err);
    if (r == 0)
        flush(m);
    return r;
}

int hf_monitor_send_fd(struct hf_monitor *m, const char *command, json_t *arguments, int fd, hf_qmp_done_fn *done,
                       void *ctx, struct hf_error *err)
{
    int copy;

    if (m->pass_fd >= 0) {
        json_decref(arguments);
        return hf_error_set(err, HF_EOWNED, "QMP %s: another descriptor is still being sent", command);
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        json_decref(arguments);
        return hf_error_set(err, HF_EIO, "QMP %s: descriptor %d: %s", command, fd, strerror(errno));
    }
    m->pass_fd = copy;
    return hf_monitor_send(m, command, arguments, done, ctx, err);
}

static void answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct waiting *w = ctx;

    if (w->abandoned) {
        free(w);
        return;
    }
    w->done = true;
    if (result)
        w->result = json_incref((json_t *)result);
    else
        w->err = *err;
}

static int wait_for(struct hf_monitor *m, const char *command, struct waiting *w, struct hf_error *err)
{
    int64_t until = hf_loop_now() + HF_MONITOR_ANSWER_MS;

    while (!w->done) {
        int64_t left = until - hf_loop_now();
        if (left <= 0)
            return hf_error_set(err, HF_ETIMEDOUT, "QMP %s: timed out after %d s", command,
                                HF_MONITOR_ANSWER_MS / 1000);
        int r = hf_loop_turn(m->loop, (int)left, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int hf_monitor_execute(struct hf_monitor *m, const char *command, json_t *arguments, json_t **result,
                       struct hf_error *err)
{
    struct waiting *w = calloc(1, sizeof *w);
    int r;

    if (!w) {
        json_decref(arguments);
        return hf_error_nomem(err);
    }
    r = hf_monitor_send(m, command, arguments, answered, w, err);
    if (r == 0) {
        r = wait_for(m, command, w, err);
        if (!w->done) {
            w->abandoned = true;
            return r;
        }
        if (!w->result) {
            r = -(int)w->err.code;
            if (err)
                *err = w->err;
            (void)hf_error_prefix(err, r, "QMP %s: ", command);
        } else if (result) {
            *result = hf_take_ptr(w->result);
        }
    }
    json_decref(w->result);
    free(w);
    return r;
}

bool hf_monitor_next_event(struct hf_monitor *m, struct hf_qmp_event *event)
{
    return hf_qmp_next_event(m->qmp, event);
}
