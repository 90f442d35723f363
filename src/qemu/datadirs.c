/* SPDX-License-Identifier: BSD-2-Clause */
#include "datadirs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"

#define ANSWER_MAX 16384U
#define ANSWER_MS  10000

extern char **environ;

static int spawn_help(const char *qemu, int out, pid_t *pid, struct hf_error *err)
{
    char *argv[] = {(char *)qemu, (char *)"-L", (char *)"help", NULL};
    posix_spawn_file_actions_t actions;
    int r;

    if (posix_spawn_file_actions_init(&actions))
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    r = r ? r : posix_spawn_file_actions_adddup2(&actions, out, 1);
    r = r ? r : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    r = r ? r : posix_spawnp(pid, qemu, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r)
        return hf_error_set(err, r == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", qemu, strerror(r));
    return 0;
}

/* Reads until the end of file into a NUL-terminated buffer. */
static int read_answer(const char *qemu, int fd, char *buf, struct hf_error *err)
{
    size_t n = 0;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, ANSWER_MS) <= 0)
            return hf_error_set(err, HF_ETIMEDOUT, "%s -L help: no answer in %d s", qemu, ANSWER_MS / 1000);
        ssize_t got = read(fd, buf + n, ANSWER_MAX - 1 - n);
        if (got < 0)
            return hf_error_set(err, HF_EIO, "%s -L help: %s", qemu, strerror(errno));
        n += (size_t)got;
        if (n == ANSWER_MAX - 1)
            return hf_error_set(err, HF_EPROTO, "%s -L help: more than %u bytes", qemu, ANSWER_MAX);
        if (got == 0)
            break;
    }
    buf[n] = '\0';
    return 0;
}

static int run_help(const char *qemu, char *buf, struct hf_error *err)
{
    int fds[2], status, r;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "pipe: %s", strerror(errno));
    r = spawn_help(qemu, fds[1], &pid, err);
    (void)close(fds[1]);
    if (r == 0) {
        r = read_answer(qemu, fds[0], buf, err);
        if (r < 0)
            (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
            r = hf_error_set(err, HF_EPROTO, "%s -L help: failed; is this a QEMU system emulator?", qemu);
    }
    (void)close(fds[0]);
    return r;
}

static int split(const char *qemu, char *text, char ***out, struct hf_error *err)
{
    char **dirs = calloc(HF_DATADIRS_MAX + 1, sizeof *dirs), *rest = text, *line;
    size_t n = 0;

    if (!dirs)
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    while ((line = strsep(&rest, "\n")) && n < HF_DATADIRS_MAX) {
        if (line[0] == '/' && !(dirs[n++] = strdup(line))) {
            hf_datadirs_free(dirs);
            return hf_error_set(err, HF_ENOMEM, "out of memory");
        }
    }
    if (n == 0) {
        hf_datadirs_free(dirs);
        return hf_error_set(err, HF_EPROTO, "%s -L help: lists no directory", qemu);
    }
    *out = dirs;
    return 0;
}

int hf_datadirs_list(const char *qemu, char ***out, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *buf = malloc(ANSWER_MAX);
    int r;

    if (!buf)
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    r = run_help(qemu, buf, err);
    return r < 0 ? r : split(qemu, buf, out, err);
}

void hf_datadirs_free(char **dirs)
{
    for (size_t i = 0; dirs && dirs[i]; i++)
        free(dirs[i]);
    free(dirs);
}

int hf_datadirs_find(const char *qemu, const char *name, char **out, struct hf_error *err)
{
    char **dirs = NULL, *path = NULL;
    int r = hf_datadirs_list(qemu, &dirs, err);

    if (r < 0)
        return r;
    for (size_t i = 0; dirs[i] && !path; i++) {
        if (asprintf(&path, "%s/%s", dirs[i], name) < 0)
            path = NULL;
        else if (access(path, R_OK) < 0)
            free(hf_take_ptr(path));
    }
    hf_datadirs_free(dirs);
    if (!path)
        return hf_error_set(err, HF_ENOTFOUND, "no %s in the data directories of %s", name, qemu);
    *out = path;
    return 0;
}
