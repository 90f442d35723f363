/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "adoption.h"
#include "banks.h"
#include "board.h"
#include "boots.h"
#include "cleanup.h"
#include "eventlog.h"
#include "life_record.h"
#include "guest_bank.h"
#include "host_offer.h"
#include "loop.h"
#include "nbd_server.h"
#include "places.h"
#include "published.h"
#include "runtime.h"
#include "state.h"
#include "whole_file.h"
#include "writeback.h"

/* How often code or variables had been replaced when the guest was last on: a saved state fits only that. */
#define STATE_CHANGES "libvirt.changes"

#define RETRY_MS  1000
#define RESYNC_MS 15000

struct guard {
    const struct hf_guard_config *config;
    struct hf_adoption adoption;
    struct hf_container *container;
    struct hf_loop loop;
    struct hf_nbd_server *server;
    int listening;
    bool has_vars, paused, ended;
    bool lost; /* the server died and the guest has not been brought in line with the store yet */
};

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

static int boot(struct guard *g, struct hf_error *err)
{
    hf_auto(hf_host_offer_done) struct hf_host_offer offer = {.bytes = NULL};
    char boot_id[HF_UUID_TEXT_SIZE];
    struct hf_boot_plan plan;
    struct hf_guest guest;
    int r = hf_boot_id(boot_id, err);

    if (r == 0)
        r = hf_guest_get(g->container, &guest, err);
    if (r < 0)
        return r;
    struct hf_boot b = {
        .moment = HF_MOMENT_POWER_ON,
        .now = now(),
        .boot_id = boot_id,
        .unwatched = true,
        .vmm = g->config->vmm,
        .pinned = hf_machine_is_pinned(guest.machine),
    };
    const struct hf_host_offer_place place = {.architecture = guest.arch, .machine = guest.machine};
    r = hf_host_offer_find(g->container, &place, &b, &offer, err);
    if (r == 0)
        r = hf_lifecycle_power_on(g->container, &b, &plan, err);
    if (r == 0 && plan.words[0])
        syslog(LOG_INFO, "%s: %s", g->adoption.name, plan.words);
    return r;
}

/* A saved state holds both banks as they were: it goes with the firmware and variables of then, or not at all. */
static int check_restore(struct guard *g, struct hf_error *err)
{
    struct hf_life_record record;
    int64_t then;
    int r = hf_life_load(g->container, &record, err);

    if (r == 0)
        r = hf_state_number(g->container, STATE_CHANGES, record.changes, &then, err);
    if (r < 0 || then == record.changes)
        return r;
    return hf_error_refuse(err, "suspended",
                           "the saved state of domain '%s' holds firmware and variables that were "
                           "replaced since; it must not run on. 'virsh managedsave-remove' discards it",
                           g->adoption.name);
}

static int decide(struct guard *g, struct hf_error *err)
{
    uint64_t size;
    int r = hf_published_check(g->container, &g->adoption, err);

    if (r == 0)
        r = g->config->restore ? check_restore(g, err) : boot(g, err);
    if (r == 0)
        r = hf_publish(g->container, &g->adoption, err);
    if (r < 0)
        return r;
    r = hf_bank_size(g->container, HF_BANK_VARS, &size, NULL);
    g->has_vars = r == 0;
    return r == -HF_ENOTFOUND ? 0 : r;
}

/* `holdfast libvirt pause|resume|resync UUID` in a process that is nobody's child: libvirt may make it wait. */
static void tell_libvirt(struct guard *g, const char *what)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (fork() == 0)
            execl("/proc/self/exe", "holdfast", "libvirt", what, g->config->uuid, (char *)NULL);
        _exit(0);
    }
    if (pid < 0)
        syslog(LOG_ERR, "%s: cannot %s the guest: %s", g->adoption.name, what, strerror(errno));
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void pause_guest(struct guard *g, const char *why)
{
    if (g->paused)
        return;
    syslog(LOG_WARNING, "%s: pausing the guest: %s", g->adoption.name, why);
    g->paused = true;
    tell_libvirt(g, "pause");
}

static void resume_guest(struct guard *g)
{
    if (!g->paused)
        return;
    syslog(LOG_INFO, "%s: its variables are stored again; letting the guest go on", g->adoption.name);
    g->paused = false;
    tell_libvirt(g, "resume");
}

static void server_spoke(void *ctx, short revents);

static void start_again(void *ctx)
{
    struct guard *g = ctx;
    struct hf_error err;

    if (hf_nbd_server_restart(g->server, &err) == 0 &&
        hf_loop_watch(&g->loop, hf_nbd_server_fd(g->server), POLLIN, server_spoke, g, &err) == 0) {
        resume_guest(g);
        return;
    }
    pause_guest(g, err.text);
    (void)hf_loop_timer(&g->loop, RETRY_MS, start_again, g, NULL);
}

/* QEMU does not wait: see resync.h. Tried again until it is done or the guest has ended. */
static void resync(void *ctx)
{
    struct guard *g = ctx;

    if (!g->lost)
        return;
    tell_libvirt(g, "resync");
    (void)hf_loop_timer(&g->loop, RESYNC_MS, resync, g, NULL);
}

static void server_died(struct guard *g, const char *how)
{
    syslog(LOG_WARNING, "%s: the server of the variables ended (%s); starting it again", g->adoption.name, how);
    if (g->adoption.reconnect) {
        start_again(g);
        return;
    }
    g->lost = true;
    resync(g);
}

static int serve_again(struct guard *g, struct hf_error *err)
{
    int r;

    if (!g->lost || hf_nbd_server_pid(g->server) > 0)
        return 0;
    r = hf_nbd_server_restart(g->server, err);
    return r < 0 ? r : hf_loop_watch(&g->loop, hf_nbd_server_fd(g->server), POLLIN, server_spoke, g, err);
}

/* The guest stands still and the server has nothing to do, so the store is ours to write. */
static int take_bank(struct guard *g, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    char path[PATH_MAX];
    uint64_t size;
    bool equal;
    int r;

    hf_libvirt_run_path(g->config->uuid, HF_BANK_FILE, path);
    r = hf_file_read(path, HF_BANK_SIZE_MAX, &bytes, &size, err);
    if (r == 0)
        r = hf_guest_bank_equals(g->container, bytes, size, &equal, err);
    if (r == 0 && !equal)
        r = hf_guest_bank_store(g->container, bytes, size, now(), err);
    if (r == 0)
        g->lost = false;
    return r;
}

static void server_said(struct guard *g, const struct hf_nbd_status *said, int fd)
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
    case HF_NBD_READY:
        break;
    }
}

static void server_spoke(void *ctx, short revents)
{
    struct guard *g = ctx;
    int fd = hf_nbd_server_fd(g->server);
    struct hf_nbd_status said;

    (void)revents;
    while (hf_nbd_server_fd(g->server) == fd && hf_nbd_server_next(g->server, &said, NULL) > 0)
        server_said(g, &said, fd);
}

static int serve(struct guard *g, const struct hf_guard_request *q, struct hf_error *err)
{
    char socket[PATH_MAX];
    struct hf_nbd_server_config config = {
        .container = g->adoption.container,
        .lock_fd = hf_container_lock_fd(g->container),
        .socket = socket,
        .socket_uid = q->uid,
        .socket_gid = q->gid,
        /* The label of a socket of QEMU's own kind: what SELinux lets it connect to. */
        .selinux_label = q->selinux[0] ? "system_u:object_r:svirt_socket_t:s0" : NULL,
    };
    int r = hf_published_verify(&g->adoption, err);

    if (r < 0 || !g->has_vars)
        return r;
    if (g->server)
        return hf_error_set(err, HF_EOWNED, "the variables of domain '%s' are served already", g->adoption.name);
    hf_libvirt_run_path(g->config->uuid, HF_VARS_SOCKET, socket);
    r = hf_libvirt_make_run(g->config->uuid, q->gid, err);
    if (r == 0)
        r = hf_nbd_server_start(&config, &g->server, err);
    if (r == 0)
        r = hf_loop_watch(&g->loop, hf_nbd_server_fd(g->server), POLLIN, server_spoke, g, err);
    return r;
}

static int remember_changes(struct guard *g, struct hf_error *err)
{
    struct hf_life_record record;
    int r = hf_life_load(g->container, &record, err);

    if (r == 0)
        r = hf_begin(g->container, err);
    if (r == 0)
        r = hf_state_set_number(g->container, STATE_CHANGES, record.changes, err);
    if (r == 0)
        r = hf_commit(g->container, HF_DURABLE, err);
    hf_abort(g->container);
    return r;
}

static int end(struct guard *g, struct hf_error *err)
{
    int r, closed;

    g->ended = true;
    hf_nbd_server_free(g->server);
    g->server = NULL;
    r = hf_writeback_drain(g->container, now(), NULL, err);
    if (r == 0)
        r = remember_changes(g, err);
    hf_libvirt_clean_run(g->config->uuid);
    closed = hf_container_close(hf_take_ptr(g->container), r < 0 ? NULL : err);
    return r < 0 ? r : closed;
}

static int obey(struct guard *g, const char *line, struct hf_error *err)
{
    struct hf_guard_request q;
    int r = hf_guard_request_parse(line, &q, err);

    if (r < 0)
        return r;
    if (q.ask == HF_GUARD_SERVE)
        return serve(g, &q, err);
    if (q.ask == HF_GUARD_AGAIN)
        return serve_again(g, err);
    if (q.ask == HF_GUARD_BANK)
        return take_bank(g, err);
    if (q.ask == HF_GUARD_STARTED)
        return hf_lifecycle_started(g->container, g->config->vmm ? g->config->vmm : "", q.machine, q.tpm, now(), err);
    return end(g, err);
}

static void answer(int fd, int r, const struct hf_error *err)
{
    char line[HF_GUARD_LINE_MAX];

    hf_guard_answer_format(r, err, line);
    if (write(fd, line, strlen(line)) < 0)
        syslog(LOG_ERR, "cannot answer: %s", strerror(errno));
}

static void asked(void *ctx, short revents)
{
    struct guard *g = ctx;
    hf_auto(hf_cleanup_close) int fd = accept4(g->listening, NULL, NULL, SOCK_CLOEXEC);
    struct hf_error err = {.code = HF_OK};
    char line[HF_GUARD_LINE_MAX];
    int r;

    (void)revents;
    if (fd < 0)
        return;
    r = hf_guard_read_line(fd, 1000, line, &err);
    if (r == 0)
        r = obey(g, line, &err);
    if (r < 0)
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
    answer(fd, r, &err);
}

static int prepare(struct guard *g, struct hf_error *err)
{
    int r = hf_adoption_load(g->config->uuid, &g->adoption, err);

    if (r == 0)
        r = hf_libvirt_make_run(g->config->uuid, (gid_t)-1, err);
    if (r == 0)
        r = hf_guard_listen(g->config->uuid, &g->listening, err);
    if (r == 0)
        r = hf_container_open(g->adoption.container, HF_OPEN_RUN, now(), &g->container, err);
    if (r == 0)
        r = hf_writeback_drain(g->container, now(), NULL, err);
    if (r == 0)
        r = hf_loop_watch(&g->loop, g->listening, POLLIN, asked, g, err);
    if (r < 0)
        return r;
    if (!g->config->running)
        return decide(g, err);
    g->has_vars = true;
    return serve(g, &g->config->serve, err);
}

int hf_guard_run(const struct hf_guard_config *config, int answer_fd, struct hf_error *err)
{
    struct guard g = {.config = config, .listening = -1};
    struct hf_error own = {.code = HF_OK};
    int r;

    openlog("holdfast-guard", LOG_PID, LOG_DAEMON);
    (void)signal(SIGPIPE, SIG_IGN);
    hf_loop_init(&g.loop);
    r = prepare(&g, &own);
    answer(answer_fd, r, &own);
    (void)close(answer_fd);
    while (r == 0 && !g.ended)
        r = hf_loop_turn(&g.loop, -1, &own);
    hf_nbd_server_free(g.server);
    hf_container_done(&g.container);
    if (g.listening >= 0)
        (void)close(g.listening);
    if (r < 0 && err)
        *err = own;
    return r;
}
