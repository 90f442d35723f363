/* SPDX-License-Identifier: BSD-2-Clause */
#include "nbd_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "signals.h"

#define ARGS_MAX 32

/* Arguments with the text they need, built before the fork. */
struct arguments {
    const char *argv[ARGS_MAX];
    unsigned count;
    char container[PATH_MAX + 16], lock[32], status[32], writer[40], user[128], group[128], boot[128];
};

static void add(struct arguments *a, const char *text)
{
    assert(a->count + 1 < ARGS_MAX);
    a->argv[a->count++] = text;
    a->argv[a->count] = NULL;
}

static void add_option(struct arguments *a, char *buf, size_t size, const char *name, const char *value)
{
    if (!value)
        return;
    (void)snprintf(buf, size, "%s=%s", name, value);
    add(a, buf);
}

static int build_arguments(const struct hf_nbd_server_config *c, const char *plugin, int status_fd, struct arguments *a,
                           struct hf_error *err)
{
    char real[PATH_MAX];

    if (!realpath(c->container, real))
        return hf_error_set(err, HF_EIO, "%s: %s", c->container, strerror(errno));
    a->count = 0;
    add(a, "nbdkit");
    add(a, "--foreground");
    add(a, "--unix");
    add(a, c->socket);
    if (c->selinux_label) {
        add(a, "--selinux-label");
        add(a, c->selinux_label);
    }
    add(a, plugin);
    add_option(a, a->container, sizeof a->container, "container", real);
    (void)snprintf(a->lock, sizeof a->lock, "lock-fd=%d", c->lock_fd);
    add(a, a->lock);
    (void)snprintf(a->status, sizeof a->status, "status-fd=%d", status_fd);
    add(a, a->status);
    add_option(a, a->user, sizeof a->user, "user", c->user);
    add_option(a, a->group, sizeof a->group, "group", c->group);
    if (c->writer != 0) {
        (void)snprintf(a->writer, sizeof a->writer, "writer=%lld", c->writer > 0 ? (long long)c->writer : 0LL);
        add(a, a->writer);
    }
    add_option(a, a->boot, sizeof a->boot, "boot-id", c->boot_id);
    if (c->judged && !c->incoming)
        add(a, "judged=1");
    if (c->incoming)
        add(a, "incoming=1");
    return 0;
}

/* Only async-signal-safe calls: the caller may have threads. A session of its own, since the terminal's ^C is the
 * parent's business, which ends this process in its turn; and no descriptor but these, since ours may be what a user
 * passed for QEMU. */
static void become_nbdkit(const struct arguments *a, const int keep[2], int words)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)dup2(words, STDERR_FILENO);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    for (int i = 0; i < 2; i++)
        (void)fcntl(keep[i], F_SETFD, 0);
    (void)setsid();
    hf_signals_for_exec();
    execvp("nbdkit", (char *const *)a->argv);
    _exit(errno == ENOENT ? 127 : 126);
}

static int open_pipes(struct hf_nbd_process *p, int *status_in, int *words_in, struct hf_error *err)
{
    int status[2], words[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, status) < 0) /* answers go the other way */
        return hf_error_set(err, HF_EIO, "NBD server: socketpair: %s", strerror(errno));
    p->status_fd = status[0];
    *status_in = status[1];
    if (pipe2(words, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "NBD server: pipe: %s", strerror(errno));
    p->words_fd = words[0];
    *words_in = words[1];
    /* Nobody reads its standard error while it runs: what does not fit into the pipe is dropped, never waited for. */
    (void)fcntl(*words_in, F_SETFL, O_NONBLOCK);
    (void)fcntl(p->words_fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(p->status_fd, F_SETFL, O_NONBLOCK);
    return 0;
}

int hf_nbd_process_start(struct hf_nbd_process *p, const struct hf_nbd_server_config *config, const char *plugin,
                         struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int status_in = -1;
    hf_auto(hf_cleanup_close) int words_in = -1;
    struct arguments args;
    int r = open_pipes(p, &status_in, &words_in, err);

    if (r == 0)
        r = build_arguments(config, plugin, status_in, &args, err);
    if (r < 0)
        return r;
    p->line_used = 0;
    p->pid = fork();
    if (p->pid < 0)
        return hf_error_set(err, HF_EIO, "NBD server: cannot be started: %s", strerror(errno));
    if (p->pid == 0)
        become_nbdkit(&args, (const int[2]){config->lock_fd, status_in}, words_in);
    return 0;
}

static void drop_pipes(struct hf_nbd_process *p)
{
    if (p->status_fd >= 0)
        close(hf_take_fd(p->status_fd));
    if (p->words_fd >= 0)
        close(hf_take_fd(p->words_fd));
}

/* The last error the server wrote to standard error, without advice that follows; else its last line, or "". */
static void last_words(struct hf_nbd_process *p, char *text, size_t size)
{
    char buf[4096];
    const char *line = NULL;
    size_t kept = 0;
    ssize_t n;

    text[0] = '\0';
    while ((n = read(p->words_fd, buf + kept, sizeof buf - 1 - kept)) > 0) {
        kept += (size_t)n;
        if (kept > sizeof buf / 2) {
            memmove(buf, buf + kept / 2, kept - kept / 2);
            kept -= kept / 2;
        }
    }
    while (kept && buf[kept - 1] == '\n')
        kept--;
    buf[kept] = '\0';
    for (const char *next = strstr(buf, "nbdkit: error: "); next; next = strstr(next + 1, "nbdkit: error: "))
        line = next;
    if (!line)
        line = strrchr(buf, '\n') ? strrchr(buf, '\n') + 1 : buf;
    (void)snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static void describe_end(struct hf_nbd_process *p, int wait_status, struct hf_nbd_status *out)
{
    char words[400];
    char how[64];

    last_words(p, words, sizeof words);
    if (WIFSIGNALED(wait_status))
        (void)snprintf(how, sizeof how, "killed by signal %d", WTERMSIG(wait_status));
    else if (WEXITSTATUS(wait_status) == 127)
        (void)snprintf(how, sizeof how, "nbdkit is not installed");
    else
        (void)snprintf(how, sizeof how, "exited with status %d", WEXITSTATUS(wait_status));
    *out = (struct hf_nbd_status){.kind = HF_NBD_DIED};
    out->code = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127 ? HF_ENOTFOUND : HF_EIO;
    (void)snprintf(out->text, sizeof out->text, "NBD server %s%s%s", how, words[0] ? ": " : "", words);
}

static int reap(struct hf_nbd_process *p, struct hf_nbd_status *out)
{
    int wait_status = 0;
    pid_t pid;

    do
        pid = waitpid(p->pid, &wait_status, 0);
    while (pid < 0 && errno == EINTR);
    p->pid = -1;
    describe_end(p, wait_status, out);
    drop_pipes(p);
    return 1;
}

/* One complete line of what was read, if there is one. */
static int take_line(struct hf_nbd_process *p, struct hf_nbd_status *out, struct hf_error *err)
{
    char *end = memchr(p->line, '\n', p->line_used);
    char line[HF_NBD_STATUS_LINE_MAX];
    size_t size;

    if (!end)
        return 0;
    size = (size_t)(end - p->line);
    memcpy(line, p->line, size);
    line[size] = '\0';
    p->line_used -= size + 1;
    memmove(p->line, end + 1, p->line_used);
    return hf_nbd_status_parse(line, out, err) < 0 ? -HF_EPROTO : 1;
}

int hf_nbd_process_next(struct hf_nbd_process *p, struct hf_nbd_status *out, struct hf_error *err)
{
    ssize_t n;
    int r;

    if (p->pid < 0)
        return 0;
    for (;;) {
        r = take_line(p, out, err);
        if (r != 0)
            return r;
        if (p->line_used == sizeof p->line)
            return hf_error_set(err, HF_EPROTO, "NBD server: a status line longer than %zu bytes", sizeof p->line);
        n = read(p->status_fd, p->line + p->line_used, sizeof p->line - p->line_used);
        if (n == 0)
            return reap(p, out);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR
                       ? 0
                       : hf_error_set(err, HF_EIO, "NBD server: its status cannot be read: %s", strerror(errno));
        p->line_used += (size_t)n;
    }
}

void hf_nbd_process_kill(struct hf_nbd_process *p)
{
    struct hf_nbd_status last;

    if (p->pid > 0) {
        (void)kill(p->pid, SIGKILL);
        (void)reap(p, &last);
    }
    drop_pipes(p);
}
