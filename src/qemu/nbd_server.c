/* SPDX-License-Identifier: BSD-2-Clause */
#include "nbd_server.h"

#include "cleanup.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define START_MS 30000
#define STOP_MS  500
#define ARGS_MAX 32

struct hf_nbd_server {
    struct hf_nbd_server_config config; /* with strings of our own */
    char plugin[PATH_MAX];
    pid_t pid;
    int status_fd; /* its lines */
    int words_fd;  /* its standard error */
    char line[HF_NBD_STATUS_LINE_MAX];
    size_t line_used;
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

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A socket that nobody listens on is left over from a server that died; anything else in its place is not ours. */
static int clear_socket(const char *path, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;

    if (strlen(path) >= sizeof a.sun_path)
        return hf_error_set(err, HF_EUSAGE, "socket '%s': %zu bytes long, at most %zu fit", path, strlen(path),
                            sizeof a.sun_path - 1);
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "socket '%s': %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return hf_error_refuse(err, "exists", "socket '%s': something else has that name; choose another", path);
    memcpy(a.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return hf_error_set(err, HF_EOWNED, "socket '%s': a server listens there already", path);
    if (unlink(path) < 0)
        return hf_error_set(err, HF_EIO, "socket '%s': cannot be removed: %s", path, strerror(errno));
    return 0;
}

/* Arguments with the text they need, built before the fork. */
struct arguments {
    const char *argv[ARGS_MAX];
    unsigned count;
    char container[PATH_MAX + 16], lock[32], status[32], user[128], group[128];
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

static int build_arguments(const struct hf_nbd_server *s, int status_fd, struct arguments *a, struct hf_error *err)
{
    const struct hf_nbd_server_config *c = &s->config;
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
    add(a, s->plugin);
    add_option(a, a->container, sizeof a->container, "container", real);
    (void)snprintf(a->lock, sizeof a->lock, "lock-fd=%d", c->lock_fd);
    add(a, a->lock);
    (void)snprintf(a->status, sizeof a->status, "status-fd=%d", status_fd);
    add(a, a->status);
    add_option(a, a->user, sizeof a->user, "user", c->user);
    add_option(a, a->group, sizeof a->group, "group", c->group);
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
    sigset_t none;

    (void)dup2(words, STDERR_FILENO);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    for (int i = 0; i < 2; i++)
        (void)fcntl(keep[i], F_SETFD, 0);
    (void)setsid();
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execvp("nbdkit", (char *const *)a->argv);
    _exit(errno == ENOENT ? 127 : 126);
}

static int spawn(struct hf_nbd_server *s, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int status_in = -1;
    hf_auto(hf_cleanup_close) int words_in = -1;
    struct arguments args;
    int status[2], words[2], r;

    if (pipe2(status, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "no pipe for the NBD server: %s", strerror(errno));
    s->status_fd = status[0];
    status_in = status[1];
    if (pipe2(words, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "no pipe for the NBD server: %s", strerror(errno));
    s->words_fd = words[0];
    words_in = words[1];
    /* Nobody reads its standard error while it runs: what does not fit into the pipe is dropped, never waited for. */
    (void)fcntl(words_in, F_SETFL, O_NONBLOCK);
    (void)fcntl(s->words_fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(s->status_fd, F_SETFL, O_NONBLOCK);
    r = build_arguments(s, status_in, &args, err);
    if (r < 0)
        return r;
    s->line_used = 0;
    s->pid = fork();
    if (s->pid < 0)
        return hf_error_set(err, HF_EIO, "the NBD server cannot be started: %s", strerror(errno));
    if (s->pid == 0)
        become_nbdkit(&args, (const int[2]){s->config.lock_fd, status_in}, words_in);
    return 0;
}

static void drop_pipes(struct hf_nbd_server *s)
{
    if (s->status_fd >= 0)
        close(hf_take_fd(s->status_fd));
    if (s->words_fd >= 0)
        close(hf_take_fd(s->words_fd));
}

/* The last error the server wrote to standard error, without advice that follows; else its last line, or "". */
static void last_words(struct hf_nbd_server *s, char *text, size_t size)
{
    char buf[4096];
    const char *line = NULL;
    size_t kept = 0;
    ssize_t n;

    text[0] = '\0';
    while ((n = read(s->words_fd, buf + kept, sizeof buf - 1 - kept)) > 0) {
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

static void describe_end(struct hf_nbd_server *s, int wait_status, struct hf_nbd_status *out)
{
    char words[400];
    char how[64];

    last_words(s, words, sizeof words);
    if (WIFSIGNALED(wait_status))
        (void)snprintf(how, sizeof how, "killed by signal %d", WTERMSIG(wait_status));
    else if (WEXITSTATUS(wait_status) == 127)
        (void)snprintf(how, sizeof how, "nbdkit is not installed");
    else
        (void)snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(wait_status));
    *out = (struct hf_nbd_status){.kind = HF_NBD_DIED};
    out->code = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127 ? HF_ENOTFOUND : HF_EIO;
    (void)snprintf(out->text, sizeof out->text, "NBD server %s%s%s", how, words[0] ? ": " : "", words);
}

static int reap(struct hf_nbd_server *s, struct hf_nbd_status *out)
{
    int wait_status = 0;
    pid_t pid;

    do
        pid = waitpid(s->pid, &wait_status, 0);
    while (pid < 0 && errno == EINTR);
    s->pid = -1;
    describe_end(s, wait_status, out);
    drop_pipes(s);
    return 1;
}

/* One complete line of what was read, if there is one. */
static int take_line(struct hf_nbd_server *s, struct hf_nbd_status *out, struct hf_error *err)
{
    char *end = memchr(s->line, '\n', s->line_used);
    char line[HF_NBD_STATUS_LINE_MAX];
    size_t size;

    if (!end)
        return 0;
    size = (size_t)(end - s->line);
    memcpy(line, s->line, size);
    line[size] = '\0';
    s->line_used -= size + 1;
    memmove(s->line, end + 1, s->line_used);
    return hf_nbd_status_parse(line, out, err) < 0 ? -HF_EPROTO : 1;
}

int hf_nbd_server_next(struct hf_nbd_server *s, struct hf_nbd_status *out, struct hf_error *err)
{
    ssize_t n;
    int r;

    if (s->pid < 0)
        return 0;
    for (;;) {
        r = take_line(s, out, err);
        if (r != 0)
            return r;
        if (s->line_used == sizeof s->line)
            return hf_error_set(err, HF_EPROTO, "NBD server: a status line longer than %zu bytes", sizeof s->line);
        n = read(s->status_fd, s->line + s->line_used, sizeof s->line - s->line_used);
        if (n == 0)
            return reap(s, out);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR
                       ? 0
                       : hf_error_set(err, HF_EIO, "NBD server: its status cannot be read: %s", strerror(errno));
        s->line_used += (size_t)n;
    }
}

/* Waits for READY; FAILED and DIED become this call's error. */
static int await_ready(struct hf_nbd_server *s, struct hf_error *err)
{
    int64_t deadline = now_ms() + START_MS;
    struct hf_nbd_status st, failure = {0};

    for (;;) {
        int r = hf_nbd_server_next(s, &st, err);
        struct pollfd p = {.fd = s->status_fd, .events = POLLIN};

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
        if (now_ms() >= deadline)
            return hf_error_set(err, HF_ETIMEDOUT, "the NBD server was not ready after %d s", START_MS / 1000);
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
    struct hf_nbd_status st;
    int r = clear_socket(s->config.socket, err);

    if (r == 0)
        r = spawn(s, err);
    if (r == 0)
        r = await_ready(s, err);
    if (r == 0)
        r = give_socket(&s->config, err);
    if (r < 0 && s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)reap(s, &st);
    }
    if (r < 0)
        drop_pipes(s);
    return r;
}

static void release(struct hf_nbd_server *s)
{
    const char *strings[] = {s->config.container, s->config.socket, s->config.user, s->config.group,
                             s->config.selinux_label};

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
        return hf_error_set(err, HF_ENOMEM, "no memory for an NBD server");
    s->config = *config;
    s->config.container = copy(config->container, &ok);
    s->config.socket = copy(config->socket, &ok);
    s->config.user = copy(config->user, &ok);
    s->config.group = copy(config->group, &ok);
    s->config.selinux_label = copy(config->selinux_label, &ok);
    s->pid = -1;
    s->status_fd = s->words_fd = -1;
    r = ok ? hf_nbd_plugin_path(s->plugin, sizeof s->plugin, err)
           : hf_error_set(err, HF_ENOMEM, "no memory for an NBD server");
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
    return s->status_fd;
}

pid_t hf_nbd_server_pid(const struct hf_nbd_server *s)
{
    return s->pid;
}

const char *hf_nbd_server_socket(const struct hf_nbd_server *s)
{
    return s->config.socket;
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
    int64_t deadline = now_ms() + STOP_MS;
    struct hf_nbd_status st;

    if (s->pid < 0)
        return;
    (void)kill(s->pid, SIGTERM);
    while (s->pid > 0) {
        struct pollfd p = {.fd = s->status_fd, .events = POLLIN};
        int r = hf_nbd_server_next(s, &st, NULL);

        if (r < 0 || (r == 0 && now_ms() >= deadline)) {
            (void)kill(s->pid, SIGKILL);
            (void)reap(s, &st);
        } else if (r == 0) {
            (void)poll(&p, 1, 100);
        }
    }
    (void)unlink(s->config.socket);
}

void hf_nbd_server_kill(struct hf_nbd_server *s)
{
    struct hf_nbd_status st;

    if (s->pid < 0)
        return;
    (void)kill(s->pid, SIGKILL);
    (void)reap(s, &st);
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
