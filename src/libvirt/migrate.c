/* SPDX-License-Identifier: BSD-2-Clause */
#include "migrate.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "adoption.h"
#include "cleanup.h"
#include "destination_check.h"
#include "exchange.h"
#include "exchange_pipe.h"
#include "guard_link.h"
#include "intro.h"
#include "mover.h"
#include "owner_steps.h"
#include "peer_link.h"
#include "virt.h"
#include "writeback.h"

#define TURN_MS      500
#define SETTLE_TRIES 5
#define SETTLE_MS    1000
#define STOP_TRIES   100 /* of STOP_MS: until libvirt says that the guest here stands still */
#define STOP_MS      50

struct moving {
    const struct hf_migrate_request *q;
    struct hf_migrate_report report;
    struct hf_virt *here; /* the mover's */
    struct hf_virt_state state;
    struct hf_intro intro;
    struct hf_container *container;
    struct hf_peer_link way;
    struct hf_exchange_pipe link;
    struct hf_mover *mover;
    int signals, frozen; /* frozen: the connection that keeps our guard from serving; -1: it serves */
    bool settling, flushed, departed, resumed, agreed;
};

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

static void wait_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&t, NULL);
}

static void drop_link(struct moving *m)
{
    hf_exchange_free(hf_take_ptr(m->link.exchange));
    hf_peer_link_close(&m->way, NULL);
    m->link.ended = true;
}

static void moving_done(struct moving *m)
{
    drop_link(m);
    hf_container_done(&m->container);
    if (m->frozen >= 0)
        (void)close(m->frozen);
    if (m->signals >= 0)
        (void)close(m->signals);
    hf_intro_done(&m->intro);
    hf_mover_free(m->mover);
}

/* ---- before ---- */

static int look(struct moving *m, struct hf_error *err)
{
    struct hf_adoption *a = &m->intro.adoption;
    char uuid[37] = "";
    size_t size;
    int r;

    if (geteuid() != 0)
        return hf_error_refuse(err, "root", "this is for root: it reads root's files and speaks for libvirt's domains");
    r = hf_virt_open(m->q->uri, m->q->domain, &m->mover->here, err);
    m->here = m->mover->here;
    if (r == 0 && !hf_virt_is_system(m->here))
        r = hf_error_refuse(err, "session", "only domains of qemu:///system of this host");
    if (r == 0)
        r = hf_virt_state(m->here, &m->state, err);
    if (r == 0)
        r = hf_virt_uuid(m->here, uuid, err);
    if (r == 0)
        r = hf_adoption_load(uuid, a, err);
    if (r == -HF_ENOTFOUND && uuid[0])
        return hf_error_set(err, HF_ENOTFOUND, "domain '%s' is not adopted; 'virsh migrate' moves it", m->q->domain);
    if (r == 0)
        r = hf_adoption_original(uuid, &m->intro.original, &size, err);
    if (r == 0 && m->state.saved && !m->state.active)
        r = hf_error_refuse(err, "saved",
                            "domain '%s' has a managed save image, which libvirt does not move; start it, or "
                            "'virsh managedsave-remove' it",
                            a->name);
    if (r < 0)
        return r;
    m->intro.live = m->state.active;
    m->report.live = m->state.active;
    memcpy(m->report.uuid, a->uuid, sizeof m->report.uuid);
    memcpy(m->report.name, a->name, sizeof m->report.name);
    memcpy(m->report.container, a->container, sizeof m->report.container);
    return 0;
}

/* "qemu+ssh://user@host/system" has a holdfast behind ssh://user@host. */
static int find_way(const struct moving *m, char way[PATH_MAX], struct hf_error *err)
{
    static const char prefix[] = "qemu+ssh://";
    const char *host = m->q->to + sizeof prefix - 1;

    if (m->q->way)
        return snprintf(way, PATH_MAX, "%s", m->q->way) < PATH_MAX ? 0
                                                                   : hf_error_set(err, HF_EUSAGE, "--via is too long");
    if (strncmp(m->q->to, prefix, sizeof prefix - 1) != 0)
        return hf_error_refuse(
            err, "transport",
            "'%s' does not say how to reach the other host's holdfast; use qemu+ssh://, or add --via "
            "ssh://HOST, exec:COMMAND or unix:PATH",
            m->q->to);
    return snprintf(way, PATH_MAX, "ssh://%.*s", (int)strcspn(host, "/?"), host) < PATH_MAX
               ? 0
               : hf_error_set(err, HF_EUSAGE, "'%s' is too long", m->q->to);
}

static int connect_link(struct moving *m, struct hf_error *err)
{
    char way[PATH_MAX];
    const struct hf_peer_call call = {.to = way, .verb = "libvirt receive", .path = m->report.uuid};
    int r = find_way(m, way, err);

    if (r == 0)
        r = hf_peer_link_open(&call, &m->way, err);
    if (r == 0)
        r = hf_intro_send(m->way.out, &m->intro, err);
    if (r == 0)
        r = hf_exchange_source(m->container, NULL, &m->link.exchange, err);
    m->link.in = m->way.in;
    m->link.out = m->way.out;
    m->link.ended = false;
    return r;
}

static int open_container(struct moving *m, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_container_open_giving(m->report.container, HF_OPEN_EDIT, now(), &m->container, err);

    if (r == 0)
        r = hf_owner_standing(m->container, &owner, err);
    m->settling = r == 0 && owner.state == HF_OWNER_GRANTED;
    m->intro.settle = m->settling;
    return r;
}

/* ---- libvirt's part ---- */

/* It has ended the guest here for good. */
static bool has_left(const struct moving *m)
{
    return m->mover->over && m->mover->r == 0;
}

static int start_moving(struct moving *m, struct hf_error *err)
{
    m->mover->options = (struct hf_virt_migration){
        .uri = m->q->migrate_uri,
        .persist = m->state.persistent && !m->q->transient,
        .undefine = m->q->undefine && m->state.persistent,
        .unsafe = m->q->unsafe,
    };
    return hf_mover_start(m->mover, err);
}

/* The guest there waits for a grant that will never come; when it ends there, libvirt lets it go on here. Not so one
 * that has arrived for libvirt, which has no more to do with it there and so ends it here. */
static void end_there(struct moving *m)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *there = NULL;
    bool busy = true; /* libvirt has no words for a job of this kind at its destination: an error is a yes */

    (void)hf_virt_abort(m->here, NULL);
    if (hf_virt_open(m->q->to, m->report.uuid, &there, NULL) < 0)
        return;
    (void)hf_virt_busy(there, &busy, NULL);
    if (busy)
        (void)hf_virt_destroy(there, NULL);
}


/* ---- the container's part ---- */

/* The guest here stands still for good unless libvirt takes it back: it was moved, or its QEMU has ended already. */
static int check_stopped(struct moving *m, struct hf_error *err)
{
    struct hf_virt_state state;
    int r = 0;

    for (int i = 0; i < STOP_TRIES; i++) {
        r = hf_virt_state(m->here, &state, err);
        if (r == -HF_ENOTFOUND || (r == 0 && (!state.active || state.paused)))
            return 0;
        if (r < 0)
            return r;
        wait_ms(STOP_MS);
    }
    return hf_error_set(err, HF_EPROTO, "the other host asks for the container, but the guest runs here");
}

/* Everything that the guest wrote is in the container, and nobody writes any more. */
static int flush(struct moving *m, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_FREEZE};
    int r = m->intro.live ? check_stopped(m, err) : 0;

    if (m->frozen >= 0)
        return 0;
    if (r == 0)
        r = hf_guard_ask_open(m->report.uuid, &q, &m->frozen, err);
    if (r == -HF_ENOTFOUND) /* it has ended, with the guest */
        return hf_writeback_drain(m->container, now(), NULL, err);
    return r < 0 ? r : hf_guard_answer(m->frozen, err);
}

static int hand_over(struct moving *m, struct hf_error *err)
{
    int r;

    if (m->flushed)
        return 0;
    r = flush(m, err);
    if (r == 0)
        r = hf_exchange_offer(m->link.exchange, true, now(), err);
    m->flushed = r == 0;
    return r;
}

static int met(struct moving *m, struct hf_error *err)
{
    const struct hf_exchange_peer *peer = hf_exchange_peer(m->link.exchange);
    int r;

    snprintf(m->report.host, sizeof m->report.host, "%s", peer->host.name);
    if (m->settling)
        return hf_exchange_revoke(m->link.exchange, err);
    r = hf_destination_check(m->container, peer->caps, peer->caps_size, m->state.active, err);
    if (r < 0)
        return r;
    m->agreed = true;
    if (m->q->dry_run)
        return 0;
    return m->intro.live && !has_left(m) ? hf_exchange_offer(m->link.exchange, false, now(), err) : hand_over(m, err);
}

static int act(struct moving *m, enum hf_exchange_event event, struct hf_error *err)
{
    switch (event) {
    case HF_EXCHANGE_PEER:
        return met(m, err);
    case HF_EXCHANGE_READY:
        if (m->flushed)
            return hf_exchange_grant(m->link.exchange, now(), err);
        return m->mover->started ? 0 : start_moving(m, err);
    case HF_EXCHANGE_ASKED:
        if (m->mover->started)
            return hand_over(m, err);
        return hf_error_set(err, HF_EPROTO,
                            "the other host asks for a container whose guest has not been moved; an "
                            "earlier attempt may be left there: 'virsh destroy' it there");
    case HF_EXCHANGE_DEPARTED:
        m->departed = true;
        return 0;
    case HF_EXCHANGE_RESUMED:
        m->resumed = true;
        return 0;
    case HF_EXCHANGE_FAILED:
        return hf_error_set(err, HF_EPROTO, "the other host: %s", hf_exchange_failure(m->link.exchange));
    default:
        return 0;
    }
}

static int act_on_all(struct moving *m, struct hf_error *err)
{
    enum hf_exchange_event event;
    uint64_t done, total;
    int r = 0;

    while (r == 0 && (r = hf_exchange_next(m->link.exchange, now(), &event, err)) == 0 && event != HF_EXCHANGE_NONE)
        r = act(m, event, err);
    hf_exchange_progress(m->link.exchange, &done, &total);
    if (m->q->progress && !m->mover->started)
        m->q->progress(m->q->ctx, done, total);
    return r;
}

/* One turn of everything. */
static int turn(struct moving *m, struct hf_error *err)
{
    struct pollfd others[2] = {{.fd = m->signals, .events = POLLIN},
                               {.fd = m->mover->started && !m->mover->over ? m->mover->done : -1, .events = POLLIN}};
    struct signalfd_siginfo signal;
    int r = hf_exchange_pipe_turn(&m->link, others, 2, TURN_MS, err);

    if (others[1].revents)
        hf_mover_take(m->mover);
    if (r == 0)
        r = act_on_all(m, err);
    if (r == 0 && others[0].revents && read(m->signals, &signal, sizeof signal) > 0)
        r = hf_error_set(err, HF_EIO, "interrupted");
    if (r == 0 && m->link.ended && !m->departed && !m->resumed)
        r = hf_error_set(err, HF_EIO, "the connection to the other host's holdfast broke");
    return r;
}

static bool is_granted(struct moving *m)
{
    struct hf_owner owner;

    return hf_owner_standing(m->container, &owner, NULL) < 0 || owner.state == HF_OWNER_GRANTED;
}

static bool is_over(const struct moving *m)
{
    if (m->settling)
        return m->departed || m->resumed;
    if (m->q->dry_run)
        return m->agreed;
    return m->departed && (m->mover->over || !m->intro.live);
}

/* Firmware without variables never writes: libvirt's success is the sign. */
static int run(struct moving *m, struct hf_error *err)
{
    int r = 0;

    while (r == 0 && !is_over(m)) {
        r = turn(m, err);
        if (r == 0 && m->mover->over && m->mover->r < 0 && !m->departed) {
            *err = m->mover->err;
            r = m->mover->r;
        } else if (r == 0 && has_left(m) && m->agreed && !m->departed) {
            r = hand_over(m, err);
        }
    }
    return r;
}

/* ---- when it did not go well ---- */

/* What became of a grant whose answer was not heard? */
static void settle(struct moving *m)
{
    struct hf_error own;

    m->settling = true;
    m->intro.settle = true;
    for (int i = 0; i < SETTLE_TRIES && !m->departed && !m->resumed; i++) {
        if (i)
            wait_ms(SETTLE_MS);
        drop_link(m);
        if (connect_link(m, &own) == 0)
            (void)run(m, &own);
    }
}

/* The guest is there, holding its writes or standing still: its container is offered anew until it has it. */
static int follow(struct moving *m, struct hf_error *err)
{
    int r = -HF_EIO;

    m->settling = m->intro.settle = m->resumed = false;
    for (int i = 0; i < SETTLE_TRIES && r < 0 && !is_granted(m); i++) {
        wait_ms(SETTLE_MS);
        drop_link(m);
        m->flushed = m->agreed = false;
        r = connect_link(m, err);
        if (r == 0)
            r = run(m, err);
    }
    return r;
}

static int explain(struct moving *m, struct hf_error *err)
{
    if (has_left(m) && !m->departed && !is_granted(m))
        return hf_error_prefix(err, -(int)err->code,
                               "domain '%s' is on '%s' and its container is still here: it does not run until the same "
                               "command is given again and brings it there. What happened: ",
                               m->report.name, m->report.host);
    if (m->departed)
        return hf_error_prefix(err, -(int)err->code, "domain '%s' and its container are on '%s', but: ", m->report.name,
                               m->report.host);
    if (is_granted(m))
        return hf_error_prefix(
            err, -(int)err->code,
            "domain '%s' was given to '%s', which has not said whether it took it: it does not run here. "
            "When that host can be reached, give the same command again to find out. What happened: ",
            m->report.name, m->report.host);
    return hf_error_prefix(err, -(int)err->code, "domain '%s' stays here as it was: ", m->report.name);
}

static void give_up(struct moving *m, const char *why)
{
    (void)hf_exchange_cancel(m->link.exchange, why, NULL);
    for (int i = 0; i < 20 && hf_exchange_pipe_has_output(&m->link); i++)
        (void)hf_exchange_pipe_turn(&m->link, NULL, 0, 100, NULL);
}

/* Another signal ends the waiting, which may be for a libvirt that waits for ever. */
static void await_mover(struct moving *m)
{
    struct pollfd p[2] = {{.fd = m->mover->done, .events = POLLIN}, {.fd = m->signals, .events = POLLIN}};

    while (poll(p, 2, -1) < 0 && errno == EINTR)
        continue;
    if (p[0].revents)
        hf_mover_take(m->mover);
}

static int take_back(struct moving *m, struct hf_error *err)
{
    bool granted = is_granted(m);

    if (!m->departed && !granted && m->link.exchange)
        give_up(m, err->text);
    if (granted && !m->departed)
        settle(m);
    if (m->mover->started && !m->mover->over) {
        if (!m->departed && !is_granted(m))
            end_there(m);
        await_mover(m);
    }
    if (has_left(m) && !m->departed && !is_granted(m))
        (void)follow(m, err);
    drop_link(m);
    if (m->departed && has_left(m)) /* it only took another connection */
        return 0;
    return explain(m, err);
}

/* What an attempt that died left of the running domain: the guest that was taken is there and its shell here goes; the
 * one that was not goes on here. */
static void clean_up(struct moving *m)
{
    struct hf_virt_state state;

    if (hf_virt_state(m->here, &state, NULL) < 0 || !state.active || !state.paused)
        return;
    if (m->departed) {
        (void)hf_virt_destroy(m->here, NULL);
    } else if (m->resumed) {
        end_there(m);
        (void)hf_virt_resume(m->here, NULL);
    }
}

/* ---- a domain that is shut off ---- */

static int define_there(struct moving *m, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *xml = NULL;
    int r = hf_virt_xml(m->here, &xml, err);

    if (r == 0 && !m->q->transient)
        r = hf_virt_define(m->mover->there, xml, err);
    if (r < 0)
        return hf_error_prefix(err, r, "the container is on '%s'; define the domain there by hand: ", m->report.host);
    return m->q->undefine ? hf_virt_undefine(m->here, err) : 0;
}

static int prepare(struct moving *m, struct hf_error *err)
{
    sigset_t signals;
    int r = hf_mover_new(&m->mover, err);

    if (r == 0)
        r = look(m, err);
    if (r == 0)
        r = open_container(m, err);
    if (r == 0 && !m->settling && !m->q->dry_run)
        r = hf_virt_connect(m->q->to, &m->mover->there, err);
    if (r < 0)
        return r;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL); /* libvirt's threads inherit it */
    (void)signal(SIGPIPE, SIG_IGN);
    m->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (m->signals < 0)
        return hf_error_set(err, HF_EIO, "no descriptor to wait for signals: %s", strerror(errno));
    return connect_link(m, err);
}

int hf_libvirt_migrate(const struct hf_migrate_request *q, struct hf_migrate_report *report, struct hf_error *err)
{
    hf_auto(moving_done) struct moving m = {
        .q = q, .way = {.in = -1, .out = -1}, .signals = -1, .frozen = -1, .link = {.ended = true}};
    bool settling;
    int r = prepare(&m, err);

    if (r < 0)
        return r;
    settling = m.settling;
    r = run(&m, err);
    if (r < 0 && !settling)
        r = take_back(&m, err);
    else if (r < 0)
        r = explain(&m, err);
    if (r == 0 && q->dry_run && !settling)
        give_up(&m, "it was only asked whether the domain may move");
    if (r == 0 && m.departed && m.mover->started && m.mover->r < 0) {
        *err = m.mover->err;
        r = explain(&m, err);
    }
    if (r == 0 && !settling && !m.intro.live && !q->dry_run)
        r = define_there(&m, err);
    if (r == 0 && settling)
        clean_up(&m);
    m.report.settled = settling;
    m.report.resumed = m.resumed;
    *report = m.report;
    return r;
}
