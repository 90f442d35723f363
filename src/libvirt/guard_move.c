/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"
#include "guard_spawn.h"
#include "owner_steps.h"
#include "places.h"
#include "receive_lock.h"
#include "domain_pause.h"
#include "writeback.h"

#define LOOK_MS  2000
#define FETCH_MS 1000

static int keep(int fd, int *kept, struct hf_error *err)
{
    *kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *kept < 0 ? hf_error_set(err, HF_EIO, "cannot keep a connection: %s", strerror(errno)) : 0;
}

static void forget(struct hf_guard *g, int *kept)
{
    if (*kept < 0)
        return;
    hf_loop_unwatch(&g->loop, *kept);
    (void)close(hf_take_fd(*kept));
}

/* ---- source ---- */

/* With another epoch: the lock stays ours from one handle to the next. */
static int reopen(struct hf_guard *g, struct hf_error *err)
{
    int fd = fcntl(hf_container_lock_fd(g->container), F_DUPFD_CLOEXEC, 3), r;

    if (fd < 0)
        return hf_error_set(err, HF_EIO, "the owner lock's descriptor cannot be copied: %s", strerror(errno));
    hf_container_done(&g->container);
    r = hf_container_open_child(g->adoption.container, fd, &g->container, err);
    if (r == 0)
        r = hf_container_lock_place(g->container, hf_guard_now(), err);
    if (r == 0 && g->server)
        hf_nbd_server_set_lock(g->server, hf_container_lock_fd(g->container));
    return r;
}

static bool is_held_here(struct hf_guard *g)
{
    struct hf_owner owner;

    return hf_owner_standing(g->container, &owner, NULL) == 0 && owner.state == HF_OWNER_HELD;
}

/* A frozen guest that another process resumes, libvirt above all, is paused again: there is nobody who
 * would store what it writes. */
static void look_after(void *ctx)
{
    struct hf_guard *g = ctx;

    if (g->stage != HF_GUARD_LEAVING)
        return;
    if (g->freezer < 0 && is_held_here(g)) { /* it was taken back */
        struct hf_error err;

        if (reopen(g, &err) < 0) {
            syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
            g->stage = HF_GUARD_ENDED; /* the next guard begins anew */
            return;
        }
        g->stage = HF_GUARD_HELD;
        hf_guard_want_pause(g, false);
        hf_guard_start_again(g);
        return;
    }
    if (g->freezer < 0)
        hf_guard_tell_libvirt(g, "align");
    (void)hf_loop_timer(&g->loop, LOOK_MS, look_after, g, NULL);
}

static void freezer_left(void *ctx, short revents)
{
    struct hf_guard *g = ctx;

    (void)revents;
    forget(g, &g->freezer);
    look_after(g);
}

/* What the guest wrote is either all in the container afterwards, or it was not frozen. */
int hf_guard_freeze(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    int r = 0;

    (void)q;
    if (g->lost)
        return hf_error_set(err, HF_ETIMEDOUT,
                            "what domain '%s' wrote while it had no server has not been taken from its memory yet",
                            g->adoption.name);
    if (g->freezer >= 0)
        return hf_error_set(err, HF_EOWNED, "domain '%s' is moved by another process already", g->adoption.name);
    hf_guard_drop_server(g);
    g->stage = HF_GUARD_LEAVING;
    r = hf_writeback_drain(g->container, hf_guard_now(), NULL, err);
    if (r == 0)
        r = hf_domain_pause_want(g->config.uuid, true, err);
    if (r == 0)
        r = keep(fd, &g->freezer, err);
    if (r == 0)
        r = hf_loop_watch(&g->loop, g->freezer, POLLIN, freezer_left, g, err);
    if (r < 0)
        look_after(g);
    return r;
}

/* ---- destination ---- */

static void tell_waiting(struct hf_guard *g)
{
    if (!g->wanted || g->awaiting < 0)
        return;
    if (send(g->awaiting, "ok\n", 3, MSG_NOSIGNAL) < 0)
        forget(g, &g->awaiting);
}

void hf_guard_wanted(struct hf_guard *g)
{
    g->wanted = true;
    if (g->awaiting < 0)
        syslog(LOG_ERR,
               "%s: the guest arrived, but the source can no longer be asked for its container: its writes are held "
               "and it does not run. 'virsh destroy %s' here lets it continue at the source; see "
               "holdfast-libvirt(1), MOVING",
               g->adoption.name, g->adoption.name);
    tell_waiting(g);
}

static int take_container(struct hf_guard *g, struct hf_error *err);

/* It connects for each answer, and its end is not seen before its lock is free. */
static void look_for_fetch(void *ctx)
{
    struct hf_guard *g = ctx;
    struct hf_error err;

    g->looking = false;
    if (g->awaiting >= 0 || g->stage == HF_GUARD_ENDED)
        return;
    if (hf_libvirt_is_receiving(g->config.uuid))
        hf_guard_look_for_fetch(g);
    else if (hf_abandon_spawn(g->config.uuid, g->config.origin, &err) < 0)
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
}

void hf_guard_look_for_fetch(struct hf_guard *g)
{
    if (!g->config.origin || g->looking)
        return;
    g->looking = hf_loop_timer(&g->loop, FETCH_MS, look_for_fetch, g, NULL) == 0;
}

/* The process that receives the container is gone. It may have claimed it and not lived to say so. */
static void awaiting_left(void *ctx, short revents)
{
    struct hf_guard *g = ctx;
    struct hf_error err;

    (void)revents;
    forget(g, &g->awaiting);
    hf_guard_look_for_fetch(g);
    if (g->stage != HF_GUARD_INCOMING || take_container(g, &err) == 0)
        return;
    if (!g->serve.ask && (g->config.origin || !g->expected)) /* no domain yet, and none will come */
        g->stage = HF_GUARD_ENDED;
}

int hf_guard_await(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    int r;

    (void)q;
    forget(g, &g->awaiting);
    r = keep(fd, &g->awaiting, err);
    if (r == 0)
        r = hf_loop_watch(&g->loop, g->awaiting, POLLIN, awaiting_left, g, err);
    if (r < 0)
        return r;
    tell_waiting(g);
    return HF_GUARD_ANSWER_LATER;
}

/* The server sees for itself that the container was claimed. */
static int take_container(struct hf_guard *g, struct hf_error *err)
{
    int r = hf_owner_follow(g->container, err);

    if (r < 0)
        return r;
    syslog(LOG_INFO, "%s: the container is this host's", g->adoption.name);
    g->stage = HF_GUARD_HELD;
    g->wanted = false;
    hf_guard_renew_watch(g);
    if (g->server)
        hf_nbd_server_claimed(g->server);
    if (g->serve.ask)
        hf_guard_tell_libvirt(g, "note");
    if (!g->serve.ask || (g->server && hf_nbd_server_pid(g->server) > 0))
        return 0;
    hf_guard_want_pause(g, false);
    hf_guard_start_again(g);
    return 0;
}

int hf_guard_claimed(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    return take_container(g, err);
}

int hf_guard_expect(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    if (g->awaiting < 0)
        return hf_error_refuse(err, "moving", "the container of domain '%s' is not being received", g->adoption.name);
    g->expected = true;
    return 0;
}

/* Once: the start after it is somebody's who does not know that the domain is on its way. */
int hf_guard_prepared(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    if (!g->expected || g->serve.ask)
        return hf_error_refuse(err, "moving",
                               "domain '%s' is being received from another host; wait until it has arrived",
                               g->adoption.name);
    g->expected = false;
    return 0;
}
