/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"

static _Noreturn void bail(struct peer *p, const char *why)
{
    printf("Bail out! %s\n", why);
    fflush(stdout);
    peer_close(p);
    exit(1);
}

static int exchange(void *ctx, const char *command, size_t size, char *answer, size_t room, struct hf_error *err);
static void failed(void *ctx, const struct hf_error *why);

void peer_open(struct peer *p, char *const argv[])
{
    int down[2], up[2];

    if (pipe(down) < 0 || pipe(up) < 0)
        bail(p, "peer: cannot make a pipe");
    p->pid = fork();
    if (p->pid == 0) {
        hf_signals_for_exec();
        dup2(down[0], 0);
        dup2(up[1], 1);
        close(down[0]), close(down[1]), close(up[0]), close(up[1]);
        execvp(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(down[0]), close(up[1]);
    if (p->pid < 0)
        bail(p, "cannot start the peer");
    p->to = down[1];
    p->from = up[0];
    p->held = 0;
    p->machine.exchange = exchange;
    p->machine.failed = failed;
    p->machine.ctx = p;
}

/* Ends the peer: its input ends, and if that is not enough, it is told to. */
void peer_close(struct peer *p)
{
    if (p->pid <= 0)
        return;
    close(p->to), close(p->from);
    kill(p->pid, SIGTERM);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
}

static void send_bytes(struct peer *p, const char *text, size_t n)
{
    while (n != 0) {
        ssize_t w = write(p->to, text, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            bail(p, "the peer no longer reads");
        text += w;
        n -= (size_t)w;
    }
}

/* The next line into `to`, without its newline. */
static void receive_line(struct peer *p, char *to, size_t size)
{
    for (;;) {
        char *end = memchr(p->line, '\n', p->held);
        size_t n = end ? (size_t)(end - p->line) : 0;
        ssize_t r;

        if (end && n < size) {
            memcpy(to, p->line, n);
            to[n] = '\0';
            p->held -= n + 1;
            memmove(p->line, end + 1, p->held);
            return;
        }
        if (end || p->held == sizeof p->line)
            bail(p, "the peer's reply is too long");
        r = read(p->from, p->line + p->held, sizeof p->line - p->held);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            bail(p, "the peer exited");
        p->held += (size_t)r;
    }
}

static int exchange(void *ctx, const char *command, size_t size, char *answer, size_t room, struct hf_error *err)
{
    struct peer *p = ctx;

    (void)err;
    send_bytes(p, command, size);
    do {
        receive_line(p, answer, room);
    } while (strncmp(answer, "IRQ", 3) == 0 || answer[0] == '#');
    return 0;
}

static void failed(void *ctx, const struct hf_error *why)
{
    bail(ctx, why->text);
}

bool peer_resets(const struct hf_qtest *machine)
{
    return ((const struct peer *)machine->ctx)->reset != NULL;
}

bool peer_reset(struct hf_qtest *machine)
{
    struct peer *p = machine->ctx;
    unsigned port, value;

    if (!p->reset)
        return false;
    if (strcmp(p->reset, "line") == 0) {
        hf_qtest_tell(machine, "reset");
    } else if (sscanf(p->reset, "%x=%x", &port, &value) == 2) {
        hf_qtest_out(machine, port, 1, value);
        (void)hf_qtest_in(machine, port, 1); /* by the time of this answer the reset is over */
    }
    return true;
}
