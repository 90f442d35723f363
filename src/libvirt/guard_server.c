/* SPDX-License-Identifier: BSD-2-Clause */
/* The guard's server of the variables, and the guest that is paused while there is none. */
#include "guard_inside.h"

#include <poll.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "banks.h"
#include "cleanup.h"
#include "guard_spawn.h"
#include "guest_bank.h"
#include "places.h"
#include "domain_pause.h"
#include "whole_file.h"
#include "writer_record.h"

#define RETRY_MS  1000
#define RESYNC_MS 60000 /* longer than one takes */

/* `holdfast libvirt align|resync UUID` in a process that is nobody's child: libvirt may make it wait. */
void hf_guard_tell_libvirt(struct hf_guard *g, const char *what)
{
    struct hf_error err;

    if (hf_libvirt_spawn(what, g->config.uuid, &err) < 0)
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
}

void hf_guard_want_pause(struct hf_guard *g, bool want)
{
    struct hf_error err;

    g->paused = want;
    if (hf_domain_pause_want(g->config.uuid, want, &err) < 0)
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
    hf_guard_tell_libvirt(g, "align");
}

static void pause_guest(struct hf_guard *g, const char *why)
{
    if (g->paused)
        return;
    syslog(LOG_WARNING, "%s: pausing the guest: %s", g->adoption.name, why);
    snprintf(g->paused_why, sizeof g->paused_why, "%s", why);
    g->paused_at = hf_guard_now();
    hf_guard_want_pause(g, true);
}

/* Not before: what pauses a guest is mostly that nothing can be written. */
static void log_pause(struct hf_guard *g)
{
    char text[HF_ERROR_TEXT_MAX + 64];

    if (!g->paused_why[0])
        return;
    snprintf(text, sizeof text, "the guest was paused for %lld s: %s", (long long)(hf_guard_now() - g->paused_at),
             g->paused_why);
    hf_guard_log(g, "paused", text);
    g->paused_why[0] = '\0';
}

static void resume_guest(struct hf_guard *g)
{
    if (!g->paused)
        return;
    syslog(LOG_INFO, "%s: its variables are stored again; letting the guest go on", g->adoption.name);
    hf_guard_want_pause(g, false);
    log_pause(g);
}

static void server_spoke(void *ctx, short revents);

void hf_guard_recall_writer(struct hf_guard *g)
{
    char path[PATH_MAX];

    hf_libvirt_run_path(g->config.uuid, HF_WRITER_FILE, path);
    if (g->config.running)
        g->writer = hf_writer_record_read(path);
    else
        (void)unlink(path);
}

/* The guard after this one has to know. */
static void note_writer(struct hf_guard *g)
{
    int64_t pid = g->server ? hf_nbd_server_writer(g->server) : g->writer;
    struct hf_error err;
    char path[PATH_MAX];

    if (pid == g->writer)
        return;
    g->writer = pid;
    hf_libvirt_run_path(g->config.uuid, HF_WRITER_FILE, path);
    if (hf_writer_record_keep(path, pid, &err) < 0)
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
}

/* A guard that took over has not started one yet. */
static int restart_server(struct hf_guard *g, struct hf_error *err)
{
    int r;

    if (!g->server)
        return hf_guard_start_server(g, err);
    r = hf_nbd_server_restart(g->server, err);
    return r < 0 ? r : hf_loop_watch(&g->loop, hf_nbd_server_fd(g->server), POLLIN, server_spoke, g, err);
}

static void start_again(void *ctx)
{
    struct hf_guard *g = ctx;
    struct hf_error err;

    if (restart_server(g, &err) == 0) {
        resume_guest(g);
        return;
    }
    pause_guest(g, err.text);
    (void)hf_loop_timer(&g->loop, RETRY_MS, start_again, g, NULL);
}

/* QEMU does not wait: see resync.h. Tried again until it is done or the guest has ended. */
static void resync(void *ctx)
{
    struct hf_guard *g = ctx;

    if (!g->lost || g->stage == HF_GUARD_LEAVING)
        return;
    hf_guard_tell_libvirt(g, "resync");
    (void)hf_loop_timer(&g->loop, RESYNC_MS, resync, g, NULL);
}

static void server_died(struct hf_guard *g, const char *how)
{
    syslog(LOG_WARNING, "%s: the server of the variables ended (%s); starting it again", g->adoption.name, how);
    hf_guard_start_again(g);
}

void hf_guard_resync(struct hf_guard *g)
{
    g->lost = true;
    resync(g);
}

/* A guest whose container is not this host's yet must not run: it is paused until it is. */
void hf_guard_start_again(struct hf_guard *g)
{
    if (g->stage == HF_GUARD_INCOMING) {
        hf_guard_want_pause(g, true);
        hf_guard_wanted(g);
    } else if (g->adoption.reconnect) {
        start_again(g);
    } else {
        hf_guard_resync(g);
    }
}

void hf_guard_drop_server(struct hf_guard *g)
{
    if (!g->server)
        return;
    hf_loop_unwatch(&g->loop, hf_nbd_server_fd(g->server));
    hf_nbd_server_kill(g->server);
    note_writer(g);
}

int hf_guard_serve_again(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    if (!g->lost || (g->server && hf_nbd_server_pid(g->server) > 0))
        return 0;
    return restart_server(g, err);
}

/* The guest is paused and the server has nothing to do, so the store is ours to write. */
int hf_guard_take_bank(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_error alarm = {.code = HF_OK};
    char path[PATH_MAX];
    uint64_t size;
    bool equal;
    int r;

    (void)q, (void)fd;
    hf_libvirt_run_path(g->config.uuid, HF_BANK_FILE, path);
    r = hf_file_read(path, HF_BANK_SIZE_MAX, &bytes, &size, err);
    if (r == 0)
        r = hf_guest_bank_equals(g->container, bytes, size, &equal, err);
    if (r == 0 && !equal)
        r = hf_guest_bank_store(g->container, bytes, size, hf_guard_now(), &alarm, err);
    if (r == 0 && alarm.text[0])
        syslog(LOG_ALERT, "%s: %s", g->adoption.name, alarm.text);
    if (r == 0)
        g->lost = false;
    return r;
}

static void server_said(struct hf_guard *g, const struct hf_nbd_status *said, int fd)
{
    switch (said->kind) {
    case HF_NBD_BEHIND:
        pause_guest(g, said->text);
        break;
    case HF_NBD_CAUGHT_UP:
        resume_guest(g);
        break;
    case HF_NBD_DIED:
    case HF_NBD_FAILED:
        hf_loop_unwatch(&g->loop, fd);
        server_died(g, said->text);
        break;
    case HF_NBD_WANTED:
        hf_guard_wanted(g);
        break;
    case HF_NBD_ALARM:
        syslog(LOG_ALERT, "%s: %s", g->adoption.name, said->text);
        break;
    case HF_NBD_WHOLE:
        hf_nbd_server_allow(g->server, hf_guard_judge(g, said->pid));
        break;
    case HF_NBD_WRITER:
    case HF_NBD_READY:
        break;
    }
}

static void server_spoke(void *ctx, short revents)
{
    struct hf_guard *g = ctx;
    int fd = hf_nbd_server_fd(g->server);
    struct hf_nbd_status said;

    (void)revents;
    while (hf_nbd_server_fd(g->server) == fd && hf_nbd_server_next(g->server, &said, NULL) > 0)
        server_said(g, &said, fd);
    note_writer(g);
}

int hf_guard_start_server(struct hf_guard *g, struct hf_error *err)
{
    const struct hf_guard_request *q = &g->serve;
    char socket[PATH_MAX];
    struct hf_nbd_server_config config = {
        .container = g->adoption.container,
        .lock_fd = hf_container_lock_fd(g->container),
        .socket = socket,
        .socket_uid = q->uid,
        .socket_gid = q->gid,
        /* The label of a socket of QEMU's own kind: what SELinux lets it connect to. */
        .selinux_label = q->selinux[0] ? "system_u:object_r:svirt_socket_t:s0" : NULL,
        .judged = true,
        .writer = g->writer,
        .boot_id = g->boot_id,
        .incoming = g->stage == HF_GUARD_INCOMING,
    };
    int r;

    hf_libvirt_run_path(g->config.uuid, HF_VARS_SOCKET, socket);
    r = hf_libvirt_make_run(g->config.uuid, q->gid, err);
    if (r == 0)
        r = hf_nbd_server_start(&config, &g->server, err);
    if (r == 0)
        r = hf_loop_watch(&g->loop, hf_nbd_server_fd(g->server), POLLIN, server_spoke, g, err);
    return r;
}
