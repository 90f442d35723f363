/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nbdkit's plugin: serves a container's banks as the exports `code` (read only) and `vars`.
 *
 *      nbdkit PLUGIN container=G.hold [lock-fd=N] [status-fd=N] [user=U] [group=G] [boot-id=ID] [incoming=1]
 *             [writer=PID] [judged=1]
 *
 * Order matters (L7): the thread model gives each connection one thread, so that writes happen in the order in which
 * they were sent. Only one connection writes at a time: a client that lost its connection may come back while the
 * server still works off what the old one had sent, and its first write waits until that is done. For the same reason
 * `vars` does not offer several connections for one client, and `code` does. One process writes in one start
 * (writer.h).
 */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "bank_server.h"
#include "cleanup.h"
#include "plugin_config.h"
#include "sandbox.h"
#include "signals.h"
#include "supervisor_watch.h"
#include "writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREAD_MODEL    NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS
#define JUDGE_MS        30000
#define BLOCK_PREFERRED 4096
#define BLOCK_MAX       131072 /* QEMU reads a 64 MiB bank in 32 MiB pieces otherwise, each in memory here */

static struct hf_plugin_config config = {.lock_fd = -1, .status_fd = -1, .writer = -1};
static struct hf_identity identity; /* whom the server becomes */
static struct hf_bank_server *server;

struct connection {
    enum hf_bank bank;
    bool readonly;
    struct hf_writer_client client;
};

/* Never waits for the reader: it may be stopped, and the guest must go on. */
static void send_status(const struct hf_nbd_status *s)
{
    char line[HF_NBD_STATUS_LINE_MAX];
    size_t size = hf_nbd_status_format(s, line);

    if (config.status_fd >= 0 && write(config.status_fd, line, size) < 0)
        nbdkit_debug("status line lost: %m");
    if (s->kind == HF_NBD_BEHIND)
        nbdkit_error("%s: flash writes cannot be stored: %s", config.container, s->text);
}

/* Reports a failure to start, and gives nbdkit's "it failed". */
static int fail(const struct hf_error *err)
{
    struct hf_nbd_status s = {.kind = HF_NBD_FAILED, .code = err->code};

    memcpy(s.text, err->text, sizeof s.text);
    send_status(&s);
    nbdkit_error("%s", err->text);
    return -1;
}

/* The process that started this server looks at QEMU's memory before its variables are replaced. Where he does not
 * answer in time they are: what was there stays as a snapshot. */
static bool may_replace(void)
{
    struct pollfd p = {.fd = config.status_fd, .events = POLLIN};
    char answer = 'y';

    send_status(&(struct hf_nbd_status){.kind = HF_NBD_WHOLE, .pid = hf_writer_pid()});
    while (poll(&p, 1, JUDGE_MS) < 0 && errno == EINTR)
        continue;
    if ((p.revents & POLLIN) && read(config.status_fd, &answer, 1) != 1)
        answer = 'y';
    return answer != 'n';
}

/* A failed request. */
static int refuse(const struct hf_error *err)
{
    nbdkit_error("%s", err->text);
    nbdkit_set_error(err->code == HF_ENOSPC ? ENOSPC : EIO);
    return -1;
}

static int plugin_config(const char *key, const char *value)
{
    return hf_plugin_config_set(&config, key, value);
}

static int plugin_config_complete(void)
{
    struct hf_error err;
    int r;

    if (!config.container) {
        nbdkit_error("container missing; give container=G.hold");
        return -1;
    }
    if (config.writer >= 0)
        hf_writer_is(config.writer);
    if (config.user || config.group)
        r = hf_identity_find(config.user, config.group, &identity, &err);
    else
        r = hf_identity_of_file(config.container, &identity, &err);
    return r < 0 ? fail(&err) : 0;
}

/* Before nbdkit forks: errors still reach the terminal. Nothing of SQLite may cross the fork. */
static int plugin_get_ready(void)
{
    struct hf_container *c;
    struct hf_error err;
    int r = hf_container_open(config.container, HF_OPEN_LOOK, (int64_t)time(NULL), &c, &err);

    if (r == 0)
        r = hf_container_close(c, &err);
    return r < 0 ? fail(&err) : 0;
}

/* Held for good by the thread that ends the server: the supervisor may be gone while it does. */
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

/* Leaves at once, so that QEMU sees a connection that broke and no request that failed. What is answered after the
 * flush waits in the queue for the next server, as does everything when the flush fails. */
static void leave_with_supervisor(void)
{
    (void)pthread_mutex_lock(&ending);
    (void)hf_bank_server_flush(server, NULL);
    _exit(0);
}

static int plugin_after_fork(void)
{
    struct hf_nbd_status ready = {.kind = HF_NBD_READY};
    struct hf_error err;
    int r = config.incoming ? hf_bank_server_open_incoming(config.container, config.lock_fd, send_status, &server, &err)
                            : hf_bank_server_open(config.container, config.lock_fd, send_status, &server, &err);

    config.lock_fd = -1;
    if (r < 0)
        return fail(&err);
    if (config.judged && config.status_fd >= 0)
        hf_bank_server_judge(server, may_replace);
    if (config.boot_id)
        hf_bank_server_opens_boot(server, config.boot_id);
    r = hf_privileges_drop(&identity, &err);
    if (r == 0)
        r = hf_seccomp_enter(&err);
    if (r == 0)
        r = hf_bank_server_start(server, &err);
    if (r == 0 && config.status_fd >= 0)
        r = hf_supervisor_watch(config.status_fd, leave_with_supervisor, &err);
    if (r < 0)
        return fail(&err);
    send_status(&ready);
    return 0;
}

/* After the last connection. What cannot be brought in now stays in the queue. */
static void plugin_cleanup(void)
{
    struct hf_error err;

    (void)pthread_mutex_lock(&ending);
    if (server && hf_bank_server_close(server, &err) < 0)
        nbdkit_error("%s: %s", config.container, err.text);
    server = NULL;
}

/* nbdkit leaves SIGXFSZ to its default. */
static void plugin_load(void)
{
    hf_signals_init();
}

static void plugin_unload(void)
{
    hf_plugin_config_free(&config);
}

static const char *plugin_default_export(int readonly, int is_tls)
{
    (void)readonly;
    (void)is_tls;
    return NULL;
}

static int plugin_list_exports(int readonly, int is_tls, struct nbdkit_exports *exports)
{
    (void)readonly;
    (void)is_tls;
    for (enum hf_bank bank = HF_BANK_CODE; bank <= HF_BANK_VARS; bank++)
        if (hf_bank_server_size(server, bank) &&
            nbdkit_add_export(exports, hf_bank_text(bank),
                              bank == HF_BANK_CODE ? "firmware, read only" : "variable store") < 0)
            return -1;
    return 0;
}

static void say_refused(const struct connection *h)
{
    struct hf_nbd_status s = {.kind = HF_NBD_ALARM};
    char writer[64] = "the process that wrote them in this start has ended";

    if (hf_writer_pid() > 0)
        (void)snprintf(writer, sizeof writer, "process %lld writes them in this start", (long long)hf_writer_pid());
    (void)snprintf(s.text, sizeof s.text,
                   "variables: process %lld cannot write them: %s; two guests need two containers ('holdfast clone', "
                   "'holdfast libvirt clone')",
                   (long long)h->client.pid, writer);
    send_status(&s);
    nbdkit_error("%s", s.text);
}

/* A client that could never write is told so before it starts a guest: QEMU takes no read-only chip for variables. */
static void meet(struct connection *h)
{
    h->client.pid = nbdkit_peer_pid();
    h->readonly = !hf_writer_may(&h->client);
    if (h->readonly)
        say_refused(h);
}

static void *plugin_open(int readonly)
{
    const char *name = nbdkit_export_name();
    struct connection *h;

    for (enum hf_bank bank = HF_BANK_CODE; name && bank <= HF_BANK_VARS; bank++) {
        if (strcmp(name, hf_bank_text(bank)) != 0 || !hf_bank_server_size(server, bank))
            continue;
        h = malloc(sizeof *h);
        if (!h)
            return NULL;
        *h = (struct connection){.bank = bank, .readonly = readonly || bank == HF_BANK_CODE};
        if (!h->readonly)
            meet(h);
        return h;
    }
    nbdkit_error("unknown export '%s'; use 'code', or 'vars' if the firmware has variables", name ? name : "");
    nbdkit_set_error(ENOENT);
    return NULL;
}

static void plugin_close(void *handle)
{
    const struct connection *h = handle;

    hf_writer_leave(&h->client);
    free(handle);
}

static int64_t plugin_get_size(void *handle)
{
    const struct connection *h = handle;

    return (int64_t)hf_bank_server_size(server, h->bank);
}

static int plugin_block_size(void *handle, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
    (void)handle;
    *minimum = 1;
    *preferred = BLOCK_PREFERRED;
    *maximum = BLOCK_MAX;
    return 0;
}

static int plugin_can_write(void *handle)
{
    const struct connection *h = handle;

    return !h->readonly;
}

static int plugin_can_flush(void *handle)
{
    (void)handle;
    return 1;
}

static int plugin_can_fua(void *handle)
{
    (void)handle;
    return NBDKIT_FUA_NATIVE;
}

static int plugin_can_multi_conn(void *handle)
{
    const struct connection *h = handle;

    return h->bank == HF_BANK_CODE;
}

static int plugin_can_extents(void *handle)
{
    (void)handle;
    return 1;
}

static int plugin_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
    const struct connection *h = handle;
    struct hf_error err;

    (void)flags;
    return hf_bank_server_read(server, h->bank, offset, buf, count, &err) < 0 ? refuse(&err) : 0;
}

/* Who it is outlives this server: the next one of the same start is told. */
static bool become_writer(const struct connection *h)
{
    bool first;
    enum hf_writer_turn turn = hf_writer_enter(&h->client, &first);

    if (first)
        send_status(&(struct hf_nbd_status){.kind = HF_NBD_WRITER, .pid = hf_writer_pid()});
    if (turn == HF_WRITER_OTHER)
        say_refused(h);
    if (turn == HF_WRITER_BUSY)
        nbdkit_error("another connection of process %lld writes to 'vars'", (long long)h->client.pid);
    return turn == HF_WRITER_OURS;
}

static int plugin_flush(void *handle, uint32_t flags)
{
    struct hf_error err;

    (void)handle;
    (void)flags;
    return hf_bank_server_flush(server, &err) < 0 ? refuse(&err) : 0;
}

static int plugin_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
    struct hf_error err;

    if (!become_writer(handle)) {
        nbdkit_set_error(EPERM);
        return -1;
    }
    if (hf_bank_server_write(server, offset, buf, count, &err) < 0)
        return refuse(&err);
    return flags & NBDKIT_FLAG_FUA ? plugin_flush(handle, 0) : 0;
}

/* Erased flash reads as 0xFF: a hole, but not zeros. */
static int plugin_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags, struct nbdkit_extents *extents)
{
    const struct connection *h = handle;
    uint64_t end = offset + count, length;
    struct hf_error err;
    bool erased;

    while (offset < end) {
        if (hf_bank_server_extent(server, h->bank, offset, &length, &erased, &err) < 0)
            return refuse(&err);
        if (nbdkit_add_extent(extents, offset, length, erased ? NBDKIT_EXTENT_HOLE : 0) < 0)
            return -1;
        if (flags & NBDKIT_FLAG_REQ_ONE)
            break;
        offset += length;
    }
    return 0;
}

static struct nbdkit_plugin plugin = {
    .name = "holdfast",
    .longname = "Holdfast firmware banks",
    .description = "Serves the firmware and variable store of a guest from its container",
    .config_help = HF_PLUGIN_CONFIG_HELP,
    .magic_config_key = "container",
    .config = plugin_config,
    .config_complete = plugin_config_complete,
    .get_ready = plugin_get_ready,
    .after_fork = plugin_after_fork,
    .cleanup = plugin_cleanup,
    .load = plugin_load,
    .unload = plugin_unload,
    .default_export = plugin_default_export,
    .list_exports = plugin_list_exports,
    .open = plugin_open,
    .close = plugin_close,
    .get_size = plugin_get_size,
    .block_size = plugin_block_size,
    .can_write = plugin_can_write,
    .can_flush = plugin_can_flush,
    .can_fua = plugin_can_fua,
    .can_multi_conn = plugin_can_multi_conn,
    .can_extents = plugin_can_extents,
    .pread = plugin_pread,
    .pwrite = plugin_pwrite,
    .flush = plugin_flush,
    .extents = plugin_extents,
    .errno_is_preserved = 0,
};

struct nbdkit_plugin *plugin_init(void);

NBDKIT_REGISTER_PLUGIN(plugin)
