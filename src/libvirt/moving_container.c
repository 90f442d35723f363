/* SPDX-License-Identifier: BSD-2-Clause */
#include "moving.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "destination_check.h"
#include "guard_link.h"
#include "owner_steps.h"
#include "virt.h"
#include "writeback.h"

#define TURN_MS    500
#define STOP_TRIES 100 /* of STOP_MS: until libvirt says that the guest here is paused */
#define STOP_MS    50
#define LOOK_MS    2000

/* ---- the way ---- */

void hf_moving_disconnect(struct hf_moving *m)
{
    hf_pump_close(hf_take_ptr(m->pump), 0);
    hf_peer_link_close(&m->way, NULL);
}

/* "qemu+ssh://user@host/system" has a holdfast behind ssh://user@host. */
static int find_way(const struct hf_moving *m, char way[PATH_MAX], struct hf_error *err)
{
    static const char prefix[] = "qemu+ssh://";
    const char *host = m->q->to + sizeof prefix - 1;

    if (m->q->way)
        return snprintf(way, PATH_MAX, "%s", m->q->way) < PATH_MAX ? 0
                                                                   : hf_error_set(err, HF_EUSAGE, "--via is too long");
    if (strncmp(m->q->to, prefix, sizeof prefix - 1) != 0)
        return hf_error_refuse(
            err, "transport",
            "'%s': no way to the holdfast of that host; use qemu+ssh://, or add --via "
            "ssh://HOST, exec:COMMAND or unix:PATH",
            m->q->to);
    return snprintf(way, PATH_MAX, "ssh://%.*s", (int)strcspn(host, "/?"), host) < PATH_MAX
               ? 0
               : hf_error_set(err, HF_EUSAGE, "'%s' is too long", m->q->to);
}

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* ---- libvirt's part ---- */

bool hf_moving_has_left(const struct hf_moving *m)
{
    return m->mover->over && m->mover->r == 0;
}

static int start_moving(struct hf_moving *m, struct hf_error *err)
{
    m->mover->options = (struct hf_virt_migration){
        .uri = m->q->migrate_uri,
        .persist = m->state.persistent && !m->q->transient,
        .undefine = m->q->undefine && m->state.persistent,
        .unsafe = m->q->unsafe,
        .paused = m->report.paused,
    };
    return hf_mover_start(m->mover, err);
}

/* ---- the container's part ---- */

/* The guest here stays paused unless libvirt resumes it: it was moved, or its QEMU has ended already. */
static int check_stopped(struct hf_moving *m, struct hf_error *err)
{
    struct hf_virt_state state;
    int r = 0;

    for (int i = 0; i < STOP_TRIES; i++) {
        r = hf_virt_state(m->here, &state, err);
        if (r == -HF_ENOTFOUND || (r == 0 && (!state.active || state.paused)))
            return 0;
        if (r < 0)
            return r;
        hf_moving_wait_ms(STOP_MS);
    }
    return hf_error_set(err, HF_EPROTO, "peer: asks for the grant while the guest runs here");
}

/* Everything that the guest wrote is in the container, and nobody writes any more. */
static int flush(struct hf_moving *m, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_FREEZE};
    int r;

    if (m->frozen >= 0)
        return 0;
    r = m->intro.live ? check_stopped(m, err) : 0;
    if (r == 0)
        r = hf_guard_ask_open(m->report.uuid, &q, &m->frozen, err);
    if (r == -HF_ENOTFOUND) /* it has ended, with the guest */
        return hf_writeback_drain(m->container, hf_moving_now(), NULL, err);
    return r < 0 ? r : hf_guard_answer(m->frozen, err);
}

static int hand_over(struct hf_moving *m, struct hf_error *err)
{
    int r;

    if (m->flushed)
        return 0;
    r = flush(m, err);
    if (r == 0)
        r = hf_exchange_offer(hf_pump_exchange(m->pump), true, hf_moving_now(), err);
    m->flushed = r == 0;
    hf_pump_start_clock(m->pump);
    return r;
}

/* An operator's verb may come in between: then once more. */
static int grant(struct hf_moving *m, struct hf_error *err)
{
    int r = hf_exchange_grant(hf_pump_exchange(m->pump), hf_moving_now(), err);

    if (r == -HF_EREFUSED && !strcmp(err->rule, "changed"))
        return hf_exchange_offer(hf_pump_exchange(m->pump), true, hf_moving_now(), err);
    return r;
}

/* Would the guest live there (law L8)? */
static int ask_destination(struct hf_moving *m, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct hf_migrate_report *report = &m->report;
    int r = hf_destination_check(m->container, &m->probe, peer, &report->probed, err);

    if (r == 0 && !m->probe.peer.request)
        snprintf(report->not_probed, sizeof report->not_probed, "%s", m->probe.peer.why);
    else if (r == 0 && !report->probed)
        snprintf(report->not_probed, sizeof report->not_probed,
                 "host '%s' did not probe its own (an older holdfast, or the domain's emulator is not named qemu-...)",
                 report->host);
    return r;
}

static int met(struct hf_moving *m, struct hf_error *err)
{
    const struct hf_exchange_peer *peer = hf_exchange_peer(hf_pump_exchange(m->pump));
    int r;

    snprintf(m->report.host, sizeof m->report.host, "%s", peer->host.name);
    if (m->settling)
        return hf_exchange_revoke(hf_pump_exchange(m->pump), err);
    r = ask_destination(m, peer, err);
    if (r < 0)
        return r;
    m->agreed = true;
    if (m->q->dry_run)
        return 0;
    return m->intro.live && !hf_moving_has_left(m)
               ? hf_exchange_offer(hf_pump_exchange(m->pump), false, hf_moving_now(), err)
               : hand_over(m, err);
}

static int act(void *ctx, enum hf_exchange_event event, struct hf_error *err)
{
    struct hf_moving *m = ctx;

    switch (event) {
    case HF_EXCHANGE_PEER:
        return met(m, err);
    case HF_EXCHANGE_READY:
        if (m->flushed)
            return grant(m, err);
        return m->mover->started ? 0 : start_moving(m, err);
    case HF_EXCHANGE_ASKED:
        if (m->mover->started)
            return hand_over(m, err);
        return hf_error_set(err, HF_EPROTO,
                            "peer: asks for the grant of a guest that has not been moved; an "
                            "earlier attempt may be left there: 'virsh destroy' it there");
    case HF_EXCHANGE_DEPARTED:
        m->departed = true;
        return 0;
    case HF_EXCHANGE_RESUMED:
        m->resumed = true;
        return 0;
    case HF_EXCHANGE_FAILED:
        return hf_error_set(err, HF_EPROTO, "peer: gave up: %s", hf_exchange_failure(hf_pump_exchange(m->pump)));
    default:
        return 0;
    }
}

int hf_moving_connect(struct hf_moving *m, struct hf_error *err)
{
    char way[PATH_MAX];
    const struct hf_peer_call call = {.to = way, .verb = "libvirt receive", .path = m->report.uuid};
    const struct hf_pump_ops ops = {.event = act, .ctx = m};
    hf_auto(json_drop) json_t *extra = hf_domain_probe_extra(&m->probe);
    struct hf_exchange *exchange;
    int r = find_way(m, way, err), in, out;

    if (r == 0)
        r = hf_peer_link_open(&call, &m->way, err);
    if (r == 0)
        r = hf_intro_send(m->way.out, &m->intro, (int)m->q->timeout_s * 1000, err);
    if (r == 0)
        r = hf_exchange_source(m->container, extra, &exchange, err);
    if (r < 0)
        return r;
    in = m->way.in;
    out = m->way.out;
    m->way.in = m->way.out = -1;
    return hf_pump_open(exchange, in, out, &m->loop, &ops, &m->pump, err);
}

static void on_signal(void *ctx, short revents)
{
    struct hf_moving *m = ctx;
    struct signalfd_siginfo signal;

    (void)revents;
    m->interrupted |= read(m->signals, &signal, sizeof signal) > 0;
}

static void on_moved(void *ctx, short revents)
{
    struct hf_moving *m = ctx;

    (void)revents;
    hf_loop_unwatch(&m->loop, m->mover->done);
    hf_mover_take(m->mover);
}

int hf_moving_watch(struct hf_moving *m, struct hf_error *err)
{
    int r = hf_loop_watch(&m->loop, m->signals, POLLIN, on_signal, m, err);

    return r < 0 ? r : hf_loop_watch(&m->loop, m->mover->done, POLLIN, on_moved, m, err);
}

/* A connection that ended after the answer is no fault. */
static int check_connection(const struct hf_moving *m, struct hf_error *err)
{
    bool answered = m->departed || m->resumed;

    if (hf_pump_is_open(m->pump) || (answered && hf_pump_state(m->pump) == HF_PUMP_ENDED))
        return 0;
    if (err)
        *err = *hf_pump_fault(m->pump);
    return -(int)hf_pump_fault(m->pump)->code;
}

/* One turn of everything. */
static int turn(struct hf_moving *m, struct hf_error *err)
{
    uint64_t done, total;
    int r = hf_loop_turn(&m->loop, TURN_MS, err);

    hf_exchange_progress(hf_pump_exchange(m->pump), &done, &total);
    if (m->q->progress && !m->mover->started)
        m->q->progress(m->q->ctx, done, total);
    if (r == 0)
        r = check_connection(m, err);
    if (r == 0 && m->interrupted) {
        m->interrupted = false;
        r = hf_error_set(err, HF_EIO, "interrupted");
    }
    return r;
}

/* While libvirt moves the guest there is nothing to be said, for as long as the guest runs here. */
static bool waits_for_peer(const struct hf_moving *m)
{
    return !m->departed && (m->settling || m->flushed || !m->mover->started || m->mover->over);
}

static int64_t stands_for_ms(struct hf_moving *m)
{
    int64_t present = hf_loop_now();
    struct hf_virt_state state;
    uint64_t sent = 0;

    if (m->departed || present - m->looked_at < LOOK_MS)
        return m->stood_at && !m->departed ? present - m->stood_at : 0;
    m->looked_at = present;
    if (hf_virt_state(m->here, &state, NULL) < 0 || !state.moved)
        m->stood_at = 0;
    else if (!m->stood_at || (m->report.paused && hf_virt_sent(m->here, &sent, NULL) == 0 && sent != m->sent))
        m->stood_at = present; /* one that was paused first stands for as long as its memory takes */
    m->sent = sent;
    return m->stood_at ? present - m->stood_at : 0;
}

static int check_silence(struct hf_moving *m, struct hf_error *err)
{
    bool waits = waits_for_peer(m);
    int64_t silent = waits ? hf_pump_silent_ms(m->pump) : stands_for_ms(m);

    if (silent < (int64_t)m->q->timeout_s * 1000)
        return 0;
    if (waits)
        return hf_pump_timed_out(m->q->timeout_s, err);
    return hf_error_set(err, HF_ETIMEDOUT, "the guest has been paused for %u s, and the destination has not asked for its "
                        "container", m->q->timeout_s);
}

bool hf_moving_is_granted(struct hf_moving *m)
{
    struct hf_owner owner;

    return hf_owner_standing(m->container, &owner, NULL) < 0 || owner.state == HF_OWNER_GRANTED;
}

static bool is_over(const struct hf_moving *m)
{
    if (m->settling)
        return m->departed || m->resumed;
    if (m->q->dry_run)
        return m->agreed;
    return m->departed && (m->mover->over || !m->intro.live);
}

/* Firmware without variables never writes: libvirt's success is the sign. */
int hf_moving_run(struct hf_moving *m, struct hf_error *err)
{
    int r = 0;

    while (r == 0 && !is_over(m)) {
        r = turn(m, err);
        if (r == 0 && m->mover->over && m->mover->r < 0 && !m->departed) {
            *err = m->mover->err;
            r = m->mover->r;
        } else if (r == 0 && hf_moving_has_left(m) && m->agreed && !m->departed) {
            r = hand_over(m, err);
            hf_pump_turn(m->pump);
        }
        if (r == 0)
            r = check_silence(m, err);
    }
    return r;
}
