/* SPDX-License-Identifier: BSD-2-Clause */
#include "program_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"

/* How long a program that has said all may take to end: by itself, and then after each signal. */
#define END_MS  5000
#define STEP_MS 10

/* Where posix_spawn() cannot tell that there is no such program (under valgrind), the child ends with this status. */
#define NOT_STARTED 127

int hf_program_start(char *const *argv, int in, int out, pid_t *pid, struct hf_error *err)
{
    posix_spawn_file_actions_t actions;
    int r;

    if (posix_spawn_file_actions_init(&actions))
        return hf_error_nomem(err);
    r = in < 0 ? posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
               : posix_spawn_file_actions_adddup2(&actions, in, 0);
    r = r ? r : posix_spawn_file_actions_adddup2(&actions, out, 1);
    r = r ? r : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    r = r ? r : posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r)
        return hf_error_set(err, r == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", argv[0], strerror(r));
    return 0;
}

static bool ends_in_time(pid_t pid, int *status)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

    for (int waited = 0; waited < END_MS; waited += STEP_MS) {
        pid_t r = waitpid(pid, status, WNOHANG);

        if (r == pid)
            return true;
        if (r < 0 && errno == ECHILD) { /* the pid may have been reused */
            *status = -1;
            return true;
        }
        (void)nanosleep(&step, NULL);
    }
    return false;
}

int hf_program_end(pid_t pid)
{
    int status = 0;
    bool ended = ends_in_time(pid, &status);

    if (!ended) {
        (void)kill(pid, SIGTERM);
        ended = ends_in_time(pid, &status);
    }
    if (!ended) {
        (void)kill(pid, SIGKILL);
        ended = ends_in_time(pid, &status); /* or it hangs in the kernel */
    }
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int read_all(const char *program, int fd, char *text, struct hf_error *err)
{
    size_t n = 0;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, HF_PROGRAM_OUTPUT_MS);
        ssize_t got;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return hf_error_set(err, HF_ETIMEDOUT, "%s: timed out after %d s", program, HF_PROGRAM_OUTPUT_MS / 1000);
        got = read(fd, text + n, HF_PROGRAM_OUTPUT_MAX - n);
        if (got < 0)
            return hf_error_set(err, HF_EIO, "%s: %s", program, strerror(errno));
        if (got == 0)
            break;
        n += (size_t)got;
        if (n == HF_PROGRAM_OUTPUT_MAX)
            return hf_error_set(err, HF_EPROTO, "%s: output too long; the limit is %u bytes", program,
                                HF_PROGRAM_OUTPUT_MAX - 1);
    }
    text[n] = '\0';
    return 0;
}

int hf_program_output(char *const *argv, char **text, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *buf = malloc(HF_PROGRAM_OUTPUT_MAX);
    hf_auto(hf_cleanup_close) int mine = -1;
    int fds[2], status, r;
    pid_t pid;

    if (!buf)
        return hf_error_nomem(err);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "pipe: %s", strerror(errno));
    mine = fds[0];
    r = hf_program_start(argv, -1, fds[1], &pid, err);
    (void)close(fds[1]);
    if (r < 0)
        return r;
    r = read_all(argv[0], mine, buf, err);
    if (r < 0)
        (void)kill(pid, SIGKILL);
    status = hf_program_end(pid);
    if (status == NOT_STARTED && r == 0)
        r = hf_error_set(err, HF_ENOTFOUND, "%s: program not found", argv[0]);
    else if (status != 0 && r == 0)
        r = hf_error_set(err, HF_EPROTO, "%s %s: failed", argv[0], argv[1] ? argv[1] : "");
    if (r == 0)
        *text = hf_take_ptr(buf);
    return r;
}
