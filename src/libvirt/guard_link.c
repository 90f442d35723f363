/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard_link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "places.h"

#define ANSWER_MS 60000
#define HERE_MS   5000

/* Requests that are one word. */
static const char *const words[] = {
    [HF_GUARD_END] = "end",          [HF_GUARD_AGAIN] = "again",     [HF_GUARD_BANK] = "bank",
    [HF_GUARD_GONE] = "gone",        [HF_GUARD_HERE] = "here",       [HF_GUARD_FREEZE] = "freeze",
    [HF_GUARD_AWAIT] = "await",      [HF_GUARD_CLAIMED] = "claimed", [HF_GUARD_EXPECT] = "expect",
    [HF_GUARD_PREPARED] = "prepared"};

static enum hf_guard_ask one_word(const char *line)
{
    for (unsigned ask = HF_GUARD_END; ask < HF_ARRAY_SIZE(words); ask++)
        if (!strcmp(line, words[ask]))
            return (enum hf_guard_ask)ask;
    return (enum hf_guard_ask)0;
}

static const char *const orders[] = {
    [HF_GUARD_GO_ON] = "go-on", [HF_GUARD_READY] = "ready", [HF_GUARD_CYCLE] = "cycle",
    [HF_GUARD_RESET] = "reset", [HF_GUARD_LEAVE] = "leave",
};
_Static_assert(HF_ARRAY_SIZE(orders) == HF_GUARD_ORDER_MAX, "one word for each order");

void hf_guard_request_format(const struct hf_guard_request *q, char line[HF_GUARD_LINE_MAX])
{
    if (q->ask == HF_GUARD_SERVE)
        snprintf(line, HF_GUARD_LINE_MAX, "serve %lu %lu %s\n", (unsigned long)q->uid, (unsigned long)q->gid,
                 q->selinux[0] ? q->selinux : "-");
    else if (q->ask == HF_GUARD_STARTED)
        snprintf(line, HF_GUARD_LINE_MAX, "started %s %d\n", q->machine[0] ? q->machine : "-", q->tpm);
    else if (q->ask == HF_GUARD_WATCHING)
        snprintf(line, HF_GUARD_LINE_MAX, "watching %lld\n", (long long)q->pid);
    else if (q->ask == HF_GUARD_BEAT)
        snprintf(line, HF_GUARD_LINE_MAX, "beat %lld %llu %d\n", (long long)q->pid, (unsigned long long)q->reads,
                 q->running);
    else if (q->ask == HF_GUARD_SAW)
        snprintf(line, HF_GUARD_LINE_MAX, "saw %lld %s %d %s\n", (long long)q->pid, q->event, q->by_guest,
                 q->why_not[0] ? q->why_not : "-");
    else
        snprintf(line, HF_GUARD_LINE_MAX, "%s\n", words[q->ask]);
}

static bool parse_witness(const char *line, struct hf_guard_request *q)
{
    unsigned long long reads = 0;
    long long pid = 0;
    int flag = 0;

    if (sscanf(line, "watching %lld", &pid) == 1)
        q->ask = HF_GUARD_WATCHING;
    else if (sscanf(line, "beat %lld %llu %d", &pid, &reads, &flag) == 3)
        q->ask = HF_GUARD_BEAT;
    else if (sscanf(line, "saw %lld %15s %d %127[^\n]", &pid, q->event, &flag, q->why_not) == 4)
        q->ask = HF_GUARD_SAW;
    else
        return false;
    q->pid = pid;
    q->reads = reads;
    q->running = q->by_guest = flag != 0;
    if (!strcmp(q->why_not, "-"))
        q->why_not[0] = 0;
    return true;
}

int hf_guard_request_parse(const char *line, struct hf_guard_request *q, struct hf_error *err)
{
    struct hf_guard_request out = {.ask = one_word(line)};
    unsigned long uid, gid;
    int tpm;

    if (sscanf(line, "serve %lu %lu %255s", &uid, &gid, out.selinux) == 3) {
        out.ask = HF_GUARD_SERVE;
        out.uid = (uid_t)uid;
        out.gid = (gid_t)gid;
        if (!strcmp(out.selinux, "-"))
            out.selinux[0] = 0;
    } else if (sscanf(line, "started %63s %d", out.machine, &tpm) == 2) {
        out.ask = HF_GUARD_STARTED;
        out.tpm = tpm != 0;
        if (!strcmp(out.machine, "-"))
            out.machine[0] = 0;
    } else if (!out.ask && !parse_witness(line, &out))
        return hf_error_set(err, HF_EPROTO, "the guard was asked for '%.80s', which it does not know", line);
    *q = out;
    return 0;
}

void hf_guard_answer_format(int r, const struct hf_error *answer, char line[HF_GUARD_LINE_MAX])
{
    if (r == 0)
        snprintf(line, HF_GUARD_LINE_MAX, "ok\n");
    else if (r > 0)
        snprintf(line, HF_GUARD_LINE_MAX, "ok %s\n", orders[r]);
    else
        snprintf(line, HF_GUARD_LINE_MAX, "error %d %s %s\n", (int)answer->code, answer->rule[0] ? answer->rule : "-",
                 answer->text);
    for (char *p = line; *p && p[1]; p++)
        if (*p == '\n')
            *p = ' ';
}

int hf_guard_answer_parse(const char *line, struct hf_error *err)
{
    char rule[HF_ERROR_RULE_MAX];
    int code, at = 0;

    if (!strcmp(line, "ok"))
        return 0;
    for (int order = 0; order < HF_GUARD_ORDER_MAX; order++)
        if (!strncmp(line, "ok ", 3) && !strcmp(line + 3, orders[order]))
            return order;
    if (sscanf(line, "error %d %63s %n", &code, rule, &at) < 2 || !at || code <= HF_OK || code >= HF_CODE_MAX)
        return hf_error_set(err, HF_EPROTO, "the guard answered '%.80s'", line);
    if (code == HF_EREFUSED && strcmp(rule, "-"))
        return hf_error_refuse(err, rule, "%s", line + at);
    return hf_error_set(err, (enum hf_code)code, "%s", line + at);
}

int hf_guard_read_line(int fd, int timeout_ms, char line[HF_GUARD_LINE_MAX], struct hf_error *err)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (size_t at = 0; at < HF_GUARD_LINE_MAX; at++) {
        int ready = poll(&p, 1, timeout_ms);
        ssize_t n;

        if (ready < 0 && errno == EINTR) {
            at--;
            continue;
        }
        if (ready == 0)
            return hf_error_set(err, HF_ETIMEDOUT, "the guard said nothing for %d s", timeout_ms / 1000);
        n = ready < 0 ? -1 : read(fd, line + at, 1);
        if (n != 1)
            return hf_error_set(err, HF_EPROTO, "the guard went away without an answer");
        if (line[at] == '\n') {
            line[at] = 0;
            return 0;
        }
    }
    return hf_error_set(err, HF_EPROTO, "a line of more than %d bytes", HF_GUARD_LINE_MAX);
}

static int address_of(const char *uuid, struct sockaddr_un *address, struct hf_error *err)
{
    char path[PATH_MAX];

    hf_libvirt_run_path(uuid, HF_GUARD_SOCKET, path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return hf_error_set(err, HF_EUSAGE, "'%s': the path is too long for a socket", path);
    memcpy(address->sun_path, path, strlen(path) + 1);
    return 0;
}

int hf_guard_ask_open(const char *uuid, const struct hf_guard_request *q, int *fd, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char line[HF_GUARD_LINE_MAX];
    struct sockaddr_un address;
    int r = address_of(uuid, &address, err);

    if (r < 0)
        return r;
    if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof address) < 0)
        return hf_error_set(err, errno == ENOENT || errno == ECONNREFUSED ? HF_ENOTFOUND : HF_EIO,
                            "no guard answers at '%s': %s", address.sun_path, strerror(errno));
    hf_guard_request_format(q, line);
    if (send(s, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line)) /* it may just have been killed */
        return hf_error_set(err, errno == EPIPE || errno == ECONNRESET ? HF_ENOTFOUND : HF_EIO,
                            "cannot ask the guard at '%s': %s", address.sun_path, strerror(errno));
    *fd = hf_take_fd(s);
    return 0;
}

int hf_guard_answer(int fd, struct hf_error *err)
{
    char line[HF_GUARD_LINE_MAX];
    int r = hf_guard_read_line(fd, ANSWER_MS, line, err);

    return r < 0 ? r : hf_guard_answer_parse(line, err);
}

int hf_guard_ask(const char *uuid, const struct hf_guard_request *q, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    int r = hf_guard_ask_open(uuid, q, &fd, err);

    return r < 0 ? r : hf_guard_answer(fd, err);
}

/* That of a guard that is being killed accepts connections until the kernel has closed it: only an answer tells. */
bool hf_guard_is_there(const char *uuid)
{
    static const struct hf_guard_request q = {.ask = HF_GUARD_HERE};
    hf_auto(hf_cleanup_close) int fd = -1;
    char line[HF_GUARD_LINE_MAX];
    int r = hf_guard_ask_open(uuid, &q, &fd, NULL);

    if (r == 0)
        r = hf_guard_read_line(fd, HERE_MS, line, NULL);
    return r == 0 || r == -HF_ETIMEDOUT;
}

/* Of two guards that find a dead one's socket only one may replace it: the other would unlink the new one. */
static int lock_starts(const char *uuid, int *fd, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int dir = -1;
    char path[PATH_MAX];

    hf_libvirt_state_path(uuid, NULL, path);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || flock(dir, LOCK_EX) < 0)
        return hf_error_set(err, HF_EIO, "cannot lock '%s': %s", path, strerror(errno));
    *fd = hf_take_fd(dir);
    return 0;
}

int hf_guard_listen(const char *uuid, int *fd, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int starts = -1;
    hf_auto(hf_cleanup_close) int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;
    mode_t mask;
    int r = address_of(uuid, &address, err);

    if (r == 0)
        r = lock_starts(uuid, &starts, err);
    if (r < 0)
        return r;
    if (hf_guard_is_there(uuid))
        return hf_error_set(err, HF_EOWNED, "another guard answers at '%s'", address.sun_path);
    (void)unlink(address.sun_path);
    mask = umask(0177);
    r = s < 0 || bind(s, (struct sockaddr *)&address, sizeof address) < 0 || listen(s, 4) < 0 ? -1 : 0;
    (void)umask(mask);
    if (r < 0)
        return hf_error_set(err, HF_EIO, "cannot listen at '%s': %s", address.sun_path, strerror(errno));
    *fd = hf_take_fd(s);
    return 0;
}
