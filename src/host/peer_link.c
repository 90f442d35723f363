/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"

#define WAIT_MS      5000
#define WAIT_STEP_MS 10

/* [USER@]HOST[:PORT], where HOST may be an address in brackets. */
struct ssh_address {
    char user[64], host[256], port[8];
};

static int not_an_address(const char *to, struct hf_error *err)
{
    return hf_error_set(err, HF_EUSAGE,
                        "invalid destination '%s'; use ssh://[USER@]HOST[:PORT], exec:COMMAND or unix:PATH", to);
}

static bool take(char *to, size_t size, const char *from, size_t length)
{
    if (length == 0 || length >= size)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

static int parse_ssh(const char *to, struct ssh_address *a, struct hf_error *err)
{
    const char *at = to + strlen("ssh://"), *sign = strchr(at, '@'), *end;

    memset(a, 0, sizeof *a);
    if (sign && !take(a->user, sizeof a->user, at, (size_t)(sign - at)))
        return not_an_address(to, err);
    at = sign ? sign + 1 : at;
    end = *at == '[' ? strchr(at, ']') : at + strcspn(at, ":/");
    if (!end || !take(a->host, sizeof a->host, *at == '[' ? at + 1 : at, (size_t)(end - at) - (*at == '[')))
        return not_an_address(to, err);
    at = *end == ']' ? end + 1 : end;
    if (*at == ':' && !take(a->port, sizeof a->port, at + 1, strspn(at + 1, "0123456789")))
        return not_an_address(to, err);
    at += *at == ':' ? 1 + strlen(a->port) : 0;
    if (*at || a->host[0] == '-' || a->user[0] == '-')
        return not_an_address(to, err);
    return 0;
}

/* For the shell over there: within ' ' everything is itself but '. */
static void quote(const char *text, char *to)
{
    *to++ = '\'';
    for (; *text; text++)
        if (*text == '\'')
            to = stpcpy(to, "'\\''");
        else
            *to++ = *text;
    strcpy(to, "'");
}

static int start(char *const *argv, struct hf_peer_link *link, struct hf_error *err)
{
    struct hf_child_spec spec = {.argv = argv, .detached = true};
    int in[2] = {-1, -1}, out[2] = {-1, -1}, r;

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        r = hf_error_set(err, HF_EIO, "pipe: %s", strerror(errno));
    else {
        spec.input = out[0];
        spec.output = in[1];
        r = hf_child_start(&spec, &link->pid, err);
    }
    hf_cleanup_close(&in[1]);
    hf_cleanup_close(&out[0]);
    if (r < 0) {
        hf_cleanup_close(&in[0]);
        hf_cleanup_close(&out[1]);
        return r;
    }
    link->in = in[0];
    link->out = out[1];
    return 0;
}

static int open_ssh(const struct hf_peer_call *call, struct hf_peer_link *link, struct hf_error *err)
{
    const char *program = call->program ? call->program : "holdfast";
    hf_auto(hf_cleanup_free) char *command =
        malloc(4 * (strlen(program) + strlen(call->path)) + strlen(call->verb) + 32);
    struct ssh_address a;
    char *argv[16], *at;
    size_t n = 0;
    int r = command ? parse_ssh(call->to, &a, err) : hf_error_nomem(err);

    if (r == 0 && call->path[0] == '-')
        r = hf_error_set(err, HF_EUSAGE, "'%s': invalid path for the destination: write './%s'", call->path,
                         call->path);
    if (r < 0)
        return r;
    quote(program, command);
    at = command + strlen(command);
    at += sprintf(at, " %s ", call->verb);
    quote(call->path, at);
    argv[n++] = (char *)"ssh";
    argv[n++] = (char *)"-oBatchMode=yes";
    argv[n++] = (char *)"-T";
    if (a.user[0]) {
        argv[n++] = (char *)"-l";
        argv[n++] = a.user;
    }
    if (a.port[0]) {
        argv[n++] = (char *)"-p";
        argv[n++] = a.port;
    }
    argv[n++] = (char *)"--";
    argv[n++] = a.host;
    argv[n++] = command;
    argv[n] = NULL;
    return start(argv, link, err);
}

static int open_exec(const struct hf_peer_call *call, struct hf_peer_link *link, struct hf_error *err)
{
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)call->to + strlen("exec:"), NULL};

    if (setenv("HOLDFAST_AS", call->path, 1) < 0)
        return hf_error_nomem(err);
    return start(argv, link, err);
}

static int open_socket(const struct hf_peer_call *call, struct hf_peer_link *link, struct hf_error *err)
{
    const char *path = call->to + strlen("unix:");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    hf_auto(hf_cleanup_close) int fd = -1;

    if (strlen(path) >= sizeof address.sun_path)
        return hf_error_set(err, HF_EUSAGE, "'%s': socket path too long; the limit is %zu bytes", path,
                            sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "cannot connect to '%s': %s", path,
                            strerror(errno));
    link->in = link->out = hf_take_fd(fd);
    return 0;
}

int hf_peer_link_open(const struct hf_peer_call *call, struct hf_peer_link *ret, struct hf_error *err)
{
    struct hf_peer_link link = {.in = -1, .out = -1};
    int r;

    if (strncmp(call->to, "ssh://", 6) == 0)
        r = open_ssh(call, &link, err);
    else if (strncmp(call->to, "exec:", 5) == 0)
        r = open_exec(call, &link, err);
    else if (strncmp(call->to, "unix:", 5) == 0)
        r = open_socket(call, &link, err);
    else
        r = not_an_address(call->to, err);
    if (r < 0)
        return r;
    (void)fcntl(link.in, F_SETFL, fcntl(link.in, F_GETFL) | O_NONBLOCK);
    (void)fcntl(link.out, F_SETFL, fcntl(link.out, F_GETFL) | O_NONBLOCK);
    *ret = link;
    return 0;
}

void hf_peer_link_close(struct hf_peer_link *link, char *how)
{
    int status = 0;
    pid_t ended = 0;

    if (how)
        how[0] = '\0';
    if (link->out >= 0)
        (void)close(link->out);
    for (int waited = 0; link->pid > 0 && waited < WAIT_MS && ended == 0; waited += WAIT_STEP_MS) {
        ended = waitpid(link->pid, &status, WNOHANG);
        if (ended == 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000L}, NULL);
    }
    if (link->in >= 0 && link->in != link->out)
        (void)close(link->in);
    if (link->pid > 0 && ended == 0) {
        (void)kill(link->pid, SIGKILL);
        ended = waitpid(link->pid, &status, 0);
    }
    if (how && ended > 0)
        (void)hf_child_end_text(status, how, 64);
    *link = (struct hf_peer_link){.in = -1, .out = -1};
}
