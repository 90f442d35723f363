/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "boots.h"
#include "cleanup.h"
#include "guard_inside.h"
#include "guard_spawn.h"
#include "guard_watch.h"
#include "owner_steps.h"
#include "places.h"
#include "published.h"
#include "runtime.h"
#include "domain_pause.h"
#include "writeback.h"

#define RETRY_MS 1000

static void watch_ended(void *ctx, short revents);

static void start_watch(void *ctx)
{
    struct hf_guard *g = ctx;
    struct hf_guard_config successor = g->config;
    struct hf_error err;
    int r;

    successor.restore = false;
    successor.running = true;
    successor.incoming = g->stage == HF_GUARD_INCOMING;
    successor.serve = g->serve;
    r = hf_guard_watch_start(&successor, &g->watch, &err);
    if (r == 0)
        r = hf_loop_watch(&g->loop, g->watch, POLLIN, watch_ended, g, &err);
    if (r < 0)
        syslog(LOG_ERR, "%s: no process will take over from a guard that is killed: %s", g->adoption.name, err.text);
}

static void watch_ended(void *ctx, short revents)
{
    struct hf_guard *g = ctx;

    (void)revents;
    hf_loop_unwatch(&g->loop, g->watch);
    (void)close(hf_take_fd(g->watch));
    (void)hf_loop_timer(&g->loop, RETRY_MS, start_watch, g, NULL);
}

void hf_guard_renew_watch(struct hf_guard *g)
{
    if (g->watch < 0)
        return;
    hf_loop_unwatch(&g->loop, g->watch);
    hf_guard_watch_end(hf_take_fd(g->watch));
    start_watch(g);
}

static int serve(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    int r = hf_published_verify(&g->adoption, err);

    if (r < 0)
        return r;
    if (!g->has_vars)
        return g->stage == HF_GUARD_HELD && hf_guard_trial_await(g, fd) ? HF_GUARD_ANSWER_LATER : 0;
    if (g->server)
        return hf_error_set(err, HF_EOWNED, "the variables of domain '%s' are served already", g->adoption.name);
    g->serve = *q;
    r = hf_guard_start_server(g, err);
    if (r < 0)
        return r;
    start_watch(g);
    return g->stage == HF_GUARD_HELD && hf_guard_trial_await(g, fd) ? HF_GUARD_ANSWER_LATER : 0;
}

/* After a guard that was killed: what its server answered for has been brought in. A QEMU that does not wait for a
 * server has lost every write since. */
static int take_over(struct hf_guard *g, struct hf_error *err)
{
    int r;

    syslog(LOG_WARNING, "%s: taking over from a guard that died", g->adoption.name);
    g->serve = g->config.serve;
    g->has_vars = true;
    hf_guard_look_for_fetch(g);
    if (g->stage == HF_GUARD_INCOMING) {
        start_watch(g);
        hf_guard_start_again(g);
        return 0;
    }
    r = hf_guard_booted(g, err);
    if (r == 0)
        r = hf_domain_pause_want(g->config.uuid, false, err);
    if (r == 0 && g->adoption.reconnect)
        r = hf_guard_start_server(g, err);
    if (r < 0)
        return r;
    start_watch(g);
    hf_guard_trial_begin(g);
    hf_guard_tell_libvirt(g, "align");
    hf_guard_tell_libvirt(g, "note"); /* the guard before may have been killed between the claim and that */
    if (g->adoption.reconnect)
        hf_guard_tell_libvirt(g, "resync"); /* which only looks whether the domain still runs */
    else
        hf_guard_resync(g);
    return 0;
}

static int started(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    int r;

    (void)fd;
    hf_guard_tell_libvirt(g, "note");
    r = hf_guard_booted(g, err);
    if (r < 0)
        return r;
    return hf_lifecycle_started(g->container, g->config.vmm ? g->config.vmm : "", q->machine, q->tpm, hf_guard_now(),
                                err);
}

static int leave(struct hf_guard *g, int r, struct hf_error *err)
{
    int closed;

    g->stage = HF_GUARD_ENDED;
    hf_libvirt_clean_run(g->config.uuid);
    closed = hf_container_close(hf_take_ptr(g->container), r < 0 ? NULL : err);
    return r < 0 ? r : closed;
}

static void stop_serving(struct hf_guard *g)
{
    hf_guard_watch_end(hf_take_fd(g->watch));
    hf_nbd_server_free(g->server);
    g->server = NULL;
}

/* The container is not this host's to write. */
static int end_unwritten(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    stop_serving(g);
    return leave(g, 0, err);
}

static int end_now(struct hf_guard *g, struct hf_error *err)
{
    int r;

    stop_serving(g);
    r = hf_writeback_drain(g->container, hf_guard_now(), NULL, err);
    if (r == 0)
        r = hf_guard_boot_ended(g, hf_guard_trial_ending(g), err);
    if (r == 0)
        r = hf_guard_remember_changes(g, err);
    return leave(g, r, err);
}

static int end(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q;
    return hf_guard_trial_await_end(g, fd) ? HF_GUARD_ANSWER_LATER : end_now(g, err);
}

static int nothing(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)g, (void)q, (void)fd, (void)err;
    return 0;
}

static int is_incoming(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    return hf_error_refuse(err, "moving", "the container of domain '%s' is still being received", g->adoption.name);
}

static int is_leaving(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    return hf_error_refuse(err, "moving", "domain '%s' is being moved to another host", g->adoption.name);
}

static int is_not_incoming(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    return hf_error_set(err, HF_EUSAGE, "the container of domain '%s' is this host's", g->adoption.name);
}

static int is_not_received(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)q, (void)fd;
    return hf_error_refuse(err, "moving", "the container of domain '%s' is not being received", g->adoption.name);
}

static int leave_us(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)g, (void)q, (void)fd, (void)err;
    return HF_GUARD_LEAVE;
}

typedef int handler(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);

/* What each request does in each stage. Each returns an error, enum hf_guard_order or HF_GUARD_ANSWER_LATER. */
static handler *const REQUESTS[HF_GUARD_ASK_MAX][HF_GUARD_STAGE_MAX] = {
    /*                     INCOMING              HELD                  LEAVING */
    [HF_GUARD_SERVE] = {serve, serve, serve},
    [HF_GUARD_STARTED] = {nothing, started, started}, /* INCOMING: the container says on which machine it was started */
    [HF_GUARD_END] = {end_unwritten, end, end_unwritten},
    [HF_GUARD_AGAIN] = {hf_guard_serve_again, hf_guard_serve_again, hf_guard_serve_again},
    [HF_GUARD_BANK] = {is_incoming, hf_guard_take_bank, is_leaving},
    [HF_GUARD_HERE] = {nothing, nothing, nothing},
    [HF_GUARD_FREEZE] = {is_incoming, hf_guard_freeze, hf_guard_freeze},
    [HF_GUARD_AWAIT] = {hf_guard_await, is_not_incoming, is_not_incoming},
    [HF_GUARD_CLAIMED] = {hf_guard_claimed, nothing, nothing},
    [HF_GUARD_EXPECT] = {hf_guard_expect, is_not_received, is_not_received},
    [HF_GUARD_WATCHING] = {leave_us, hf_guard_watching, leave_us},
    [HF_GUARD_BEAT] = {leave_us, hf_guard_beat, leave_us},
    [HF_GUARD_SAW] = {leave_us, hf_guard_saw, leave_us},
    [HF_GUARD_PREPARED] = {hf_guard_prepared, is_not_incoming, is_not_incoming},
};

static int obey(struct hf_guard *g, const char *line, int fd, struct hf_error *err)
{
    struct hf_guard_request q;
    int r = hf_guard_request_parse(line, &q, err);

    if (r < 0)
        return r;
    if (g->stage == HF_GUARD_ENDED)
        return hf_error_set(err, HF_EOWNED, "the guard of domain '%s' is ending", g->adoption.name);
    if (q.ask == HF_GUARD_GONE)
        q.ask = g->config.running ? HF_GUARD_END : HF_GUARD_HERE;
    return REQUESTS[q.ask][g->stage](g, &q, fd, err);
}

void hf_guard_reply(int fd, int r, const struct hf_error *err)
{
    char line[HF_GUARD_LINE_MAX];

    hf_guard_answer_format(r, err, line);
    if (write(fd, line, strlen(line)) < 0)
        syslog(LOG_ERR, "cannot answer: %s", strerror(errno));
}

void hf_guard_end_now(struct hf_guard *g, int fd)
{
    struct hf_error err = {.code = HF_OK};
    int r = end_now(g, &err);

    if (r < 0)
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
    hf_guard_reply(fd, r, &err);
}

static void asked(void *ctx, short revents)
{
    struct hf_guard *g = ctx;
    hf_auto(hf_cleanup_close) int fd = accept4(g->listening, NULL, NULL, SOCK_CLOEXEC);
    struct hf_error err = {.code = HF_OK};
    char line[HF_GUARD_LINE_MAX];
    int r;

    (void)revents;
    if (fd < 0)
        return;
    r = hf_guard_read_line(fd, 1000, line, &err);
    if (r == 0)
        r = obey(g, line, fd, &err);
    if (r < 0)
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
    if (r != HF_GUARD_ANSWER_LATER)
        hf_guard_reply(fd, r, &err);
}

/* A container that is being received. Nothing is opened where the guard before had heard that it was claimed: then it
 * is ours. */
static int open_incoming(struct hf_guard *g, struct hf_error *err)
{
    struct hf_container *c;
    struct hf_owner owner;
    int r = hf_container_open(g->adoption.container, HF_OPEN_LOOK, hf_guard_now(), &c, err);

    if (r < 0)
        return r;
    r = hf_owner_get(c, &owner, err);
    hf_container_done(&c);
    if (r < 0)
        return r;
    if (owner.state == HF_OWNER_INCOMING)
        return hf_container_open_incoming(g->adoption.container, hf_guard_now(), &g->container, err);
    g->stage = HF_GUARD_HELD;
    return 0;
}

static int open_container(struct hf_guard *g, struct hf_error *err)
{
    if (g->stage == HF_GUARD_INCOMING) {
        int r = open_incoming(g, err);

        if (r < 0 || g->container)
            return r;
    }
    return hf_guest_open(g->adoption.container, HF_OPEN_RUN, hf_guard_now(), &g->container, err);
}

static int prepare(struct hf_guard *g, struct hf_error *err)
{
    int r = hf_adoption_load(g->config.uuid, &g->adoption, err);

    if (r == 0)
        r = hf_boot_id(g->boot_id, err);
    if (r == 0)
        r = hf_libvirt_make_run(g->config.uuid, (gid_t)-1, err);
    if (r == 0)
        r = hf_guard_listen(g->config.uuid, &g->listening, err);
    if (r == 0) {
        hf_guard_recall_writer(g);
        r = open_container(g, err);
    }
    if (r == 0)
        r = hf_loop_watch(&g->loop, g->listening, POLLIN, asked, g, err);
    if (r < 0)
        return r;
    if (g->config.running)
        return take_over(g, err);
    if (g->stage == HF_GUARD_INCOMING)
        return hf_guard_find_vars(g, err);
    r = hf_guard_decide(g, err);
    if (r < 0 && hf_guard_boot_ended(g, HF_ENDING_UNSEEN, NULL) < 0)
        syslog(LOG_WARNING, "%s: what was applied for this start is undone at the next one", g->adoption.name);
    return r;
}

int hf_guard_run(const struct hf_guard_config *config, int answer_fd, struct hf_error *err)
{
    struct hf_guard g = {.config = *config,
                         .stage = config->incoming ? HF_GUARD_INCOMING : HF_GUARD_HELD,
                         .listening = -1,
                         .watch = -1,
                         .awaiting = -1,
                         .freezer = -1,
                         .trial = {.starting = -1, .ending_fd = -1}};
    struct hf_error own = {.code = HF_OK};
    int r;

    openlog("holdfast-guard", LOG_PID, LOG_DAEMON);
    hf_loop_init(&g.loop);
    r = prepare(&g, &own);
    hf_guard_reply(answer_fd, r, &own);
    (void)close(answer_fd);
    while (r == 0 && g.stage != HF_GUARD_ENDED)
        r = hf_loop_turn(&g.loop, -1, &own);
    hf_guard_watch_end(g.watch);
    hf_nbd_server_free(g.server);
    hf_container_done(&g.container);
    if (g.listening >= 0)
        (void)close(g.listening);
    if (r < 0 && err)
        *err = own;
    return r;
}
