/* SPDX-License-Identifier: BSD-2-Clause */
#include "nbd_server.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "loop.h"
#include "nbd_process.h"

#define START_MS 30000
#define STOP_MS  500

struct hf_nbd_server {
    struct hf_nbd_server_config config; /* with strings of our own */
    char plugin[PATH_MAX];
    struct hf_nbd_process process;
};

void hf_nbd_server_uri(const char *socket, const char *export_name, char *uri, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = (size_t)snprintf(uri, size, "nbd+unix:///%s?socket=", export_name);

    for (const char *p = socket; *p && n + 4 < size; p++) {
        unsigned char c = (unsigned char)*p;

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("/-._~", c)) {
            uri[n++] = (char)c;
        } else {
            uri[n++] = '%';
            uri[n++] = hex[c >> 4];
            uri[n++] = hex[c & 15];
        }
    }
    if (n < size)
        uri[n] = '\0';
}

/* Ours or root's: a build tree may lie where others can make files. */
static bool is_trusted(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
           !(st.st_mode & S_IWOTH);
}

/* BUILD/src/cli/holdfast has its plugin in BUILD/src/nbdkit. */
static bool beside_program(char *path, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    for (unsigned up = 0; n > 0 && up < 2; up++) {
        const char *slash;

        self[n] = '\0';
        slash = strrchr(self, '/');
        n = slash ? slash - self : 0;
    }
    return n > 0 && snprintf(path, size, "%.*s/nbdkit/" HF_NBD_PLUGIN_FILE, (int)n, self) < (int)size &&
           is_trusted(path);
}

int hf_nbd_plugin_path(char *path, size_t size, struct hf_error *err)
{
    const char *given = getenv("HOLDFAST_NBDKIT_PLUGIN");

    if (given && strlen(given) < size) {
        (void)snprintf(path, size, "%s", given);
        return 0;
    }
    if (beside_program(path, size))
        return 0;
    (void)snprintf(path, size, "%s", HF_NBD_PLUGIN_DIR "/" HF_NBD_PLUGIN_FILE);
    if (access(path, R_OK) == 0)
        return 0;
    return hf_error_set(err, HF_ENOTFOUND, "%s: nbdkit's holdfast plugin is not installed there", path);
}

/* A socket that nobody listens on is left over from a server that died; anything else in its place is not ours. */
static int clear_socket(const char *path, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;

    if (strlen(path) >= sizeof a.sun_path)
        return hf_error_set(err, HF_EUSAGE, "socket '%s': path too long: %zu bytes; the limit is %zu", path,
                            strlen(path), sizeof a.sun_path - 1);
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "socket '%s': %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return hf_error_refuse(err, "exists", "socket '%s': the file exists and is not a socket; choose another name",
                               path);
    memcpy(a.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return hf_error_set(err, HF_EOWNED, "socket '%s': a server listens there already", path);
    if (unlink(path) < 0)
        return hf_error_set(err, HF_EIO, "socket '%s': cannot be removed: %s", path, strerror(errno));
    return 0;
}

int hf_nbd_server_next(struct hf_nbd_server *s, struct hf_nbd_status *out, struct hf_error *err)
{
    struct hf_nbd_status said;
    int r;

    while ((r = hf_nbd_process_next(&s->process, &said, err)) > 0 && said.kind == HF_NBD_WRITER)
        s->config.writer = said.pid;
    if (r > 0)
        *out = said;
    return r;
}

/* Waits for READY; FAILED and DIED become this call's error. */
static int await_ready(struct hf_nbd_server *s, struct hf_error *err)
{
    int64_t deadline = hf_loop_now() + START_MS;
    struct hf_nbd_status st, failure = {0};

    for (;;) {
        int r = hf_nbd_server_next(s, &st, err);
        struct pollfd p = {.fd = s->process.status_fd, .events = POLLIN};

        if (r < 0)
            return r;
        if (r > 0 && st.kind == HF_NBD_READY)
            return 0;
        if (r > 0 && st.kind == HF_NBD_FAILED)
            failure = st;
        if (r > 0 && st.kind == HF_NBD_DIED)
            return failure.kind ? hf_error_set(err, failure.code, "%s", failure.text)
                                : hf_error_set(err, st.code, "%s", st.text);
        if (r > 0)
            continue;
        if (hf_loop_now() >= deadline)
            return hf_error_set(err, HF_ETIMEDOUT, "NBD server: not ready after %d s", START_MS / 1000);
        (void)poll(&p, 1, 1000);
    }
}

/* nbdkit makes the socket with mode 0755, whatever the umask was: enough to keep others from connecting, which takes
 * the right to write. */
static int give_socket(const struct hf_nbd_server_config *c, struct hf_error *err)
{
    if (chmod(c->socket, 0600) < 0)
        return hf_error_set(err, HF_EIO, "socket '%s': %s", c->socket, strerror(errno));
    if (c->socket_uid == (uid_t)-1 && c->socket_gid == (gid_t)-1)
        return 0;
    if (lchown(c->socket, c->socket_uid, c->socket_gid) < 0)
        return hf_error_set(err, HF_EIO, "socket '%s': cannot be given to uid %u: %s", c->socket,
                            (unsigned)c->socket_uid, strerror(errno));
    return 0;
}

static int launch(struct hf_nbd_server *s, struct hf_error *err)
{
    int r = clear_socket(s->config.socket, err);

    if (r == 0)
        r = hf_nbd_process_start(&s->process, &s->config, s->plugin, err);
    if (r == 0)
        r = await_ready(s, err);
    if (r == 0)
        r = give_socket(&s->config, err);
    if (r < 0)
        hf_nbd_process_kill(&s->process);
    return r;
}

static void release(struct hf_nbd_server *s)
{
    const char *strings[] = {s->config.container, s->config.socket,        s->config.user,
                             s->config.group,     s->config.selinux_label, s->config.boot_id};

    for (size_t i = 0; i < HF_ARRAY_SIZE(strings); i++)
        free((void *)(uintptr_t)strings[i]);
    free(s);
}

/* NULL stays NULL; *ok turns false when memory ran out. */
static const char *copy(const char *text, bool *ok)
{
    char *c = text ? strdup(text) : NULL;

    if (text && !c)
        *ok = false;
    return c;
}

int hf_nbd_server_start(const struct hf_nbd_server_config *config, struct hf_nbd_server **out, struct hf_error *err)
{
    struct hf_nbd_server *s = calloc(1, sizeof *s);
    bool ok = true;
    int r;

    if (!s)
        return hf_error_nomem(err);
    s->config = *config;
    s->config.container = copy(config->container, &ok);
    s->config.socket = copy(config->socket, &ok);
    s->config.user = copy(config->user, &ok);
    s->config.group = copy(config->group, &ok);
    s->config.selinux_label = copy(config->selinux_label, &ok);
    s->config.boot_id = copy(config->boot_id, &ok);
    s->process = HF_NBD_NO_PROCESS;
    r = ok ? hf_nbd_plugin_path(s->plugin, sizeof s->plugin, err) : hf_error_nomem(err);
    if (r == 0)
        r = launch(s, err);
    if (r < 0) {
        release(s);
        return r;
    }
    *out = s;
    return 0;
}

int hf_nbd_server_fd(const struct hf_nbd_server *s)
{
    return s->process.status_fd;
}

pid_t hf_nbd_server_pid(const struct hf_nbd_server *s)
{
    return s->process.pid;
}

const char *hf_nbd_server_socket(const struct hf_nbd_server *s)
{
    return s->config.socket;
}

int64_t hf_nbd_server_writer(const struct hf_nbd_server *s)
{
    return s->config.writer;
}

void hf_nbd_server_allow(struct hf_nbd_server *s, bool allowed)
{
    if (s->process.status_fd >= 0)
        (void)send(s->process.status_fd, allowed ? "y" : "n", 1, MSG_NOSIGNAL);
}

void hf_nbd_server_claimed(struct hf_nbd_server *s)
{
    s->config.incoming = false;
}

void hf_nbd_server_set_lock(struct hf_nbd_server *s, int lock_fd)
{
    s->config.lock_fd = lock_fd;
}

void hf_nbd_server_stop(struct hf_nbd_server *s)
{
    int64_t deadline = hf_loop_now() + STOP_MS;
    struct hf_nbd_process *p = &s->process;
    struct hf_nbd_status st;

    if (p->pid < 0)
        return;
    (void)kill(p->pid, SIGTERM);
    while (p->pid > 0) {
        struct pollfd ready = {.fd = p->status_fd, .events = POLLIN};
        int r = hf_nbd_server_next(s, &st, NULL);

        if (r < 0 || (r == 0 && hf_loop_now() >= deadline))
            hf_nbd_process_kill(p);
        else if (r == 0)
            (void)poll(&ready, 1, 100);
    }
    (void)unlink(s->config.socket);
}

void hf_nbd_server_kill(struct hf_nbd_server *s)
{
    struct hf_nbd_status st;

    if (s->process.pid < 0)
        return;
    while (hf_nbd_server_next(s, &st, NULL) > 0) /* who writes, for the next one */
        continue;
    hf_nbd_process_kill(&s->process);
    (void)unlink(s->config.socket);
}

int hf_nbd_server_restart(struct hf_nbd_server *s, struct hf_error *err)
{
    hf_nbd_server_stop(s);
    return launch(s, err);
}

void hf_nbd_server_free(struct hf_nbd_server *s)
{
    if (!s)
        return;
    hf_nbd_server_stop(s);
    release(s);
}
