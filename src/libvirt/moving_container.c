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
    hf_pump_close(hf_take_ptr(m->sending.pump), 0);
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
        return hf_error_refuse(err, "transport",
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

static int start(void *ctx, struct hf_error *err)
{
    struct hf_moving *m = ctx;

    m->busy_at = hf_loop_now();
    if (!m->q->to) /* libvirt waits for the destination's hook, which waits for us */
        return 0;
    if (hf_sending_was_asked(&m->sending))
        return hf_error_set(err, HF_EPROTO,
                            "peer: asks for the grant of a guest that has not been moved; an "
                            "earlier attempt may be left there: 'virsh destroy' it there");
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
static int hold(void *ctx, struct hf_error *err)
{
    struct hf_moving *m = ctx;
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

static int judge(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct hf_moving *m = ctx;

    snprintf(m->report.host, sizeof m->report.host, "%s", peer->host.name);
    return ask_destination(m, peer, err);
}

static int ask(void *ctx, struct hf_error *err)
{
    struct hf_moving *m = ctx;
    struct hf_exchange *x = hf_pump_exchange(m->sending.pump);

    snprintf(m->report.host, sizeof m->report.host, "%s", hf_exchange_peer(x)->host.name);
    return hf_exchange_revoke(x, err);
}

static void explain(void *ctx, enum hf_sending_event event, struct hf_error *err)
{
    const struct hf_moving *m = ctx;

    if (event == HF_SENDING_ON_FAILED)
        *err = m->mover->err;
    else if (event == HF_SENDING_ON_CANCELLED)
        (void)hf_error_set(err, HF_EIO, "interrupted");
    else if (event == HF_SENDING_ON_LATE)
        (void)hf_error_set(err, HF_ETIMEDOUT,
                           "the guest has been paused for %u s, and the destination has not taken its "
                           "container; --pause-limit allows longer",
                           m->q->pause_limit_s);
}

/* The grant goes out when the destination is ready: it asked, or libvirt is done. */
static const struct hf_mover_ops libvirt = {
    .needs = HF_SENDING_BIT(HF_SENDING_ON_READY),
    .judge = judge,
    .start = start,
    .hold = hold,
    .ask = ask,
    .explain = explain,
};

/* Who asks for the grant has the guest, about to write; hold() looks whether it is paused here. */
static int act(void *ctx, enum hf_exchange_event event, struct hf_error *err)
{
    struct hf_moving *m = ctx;

    hf_sending_note_exchange(&m->sending, event);
    if (event == HF_EXCHANGE_ASKED)
        hf_sending_note(&m->sending, HF_SENDING_ON_PAUSED);
    return hf_sending_go_on(&m->sending, err);
}

/* A destination that called is connected already. */
static int call(struct hf_moving *m, struct hf_error *err)
{
    char way[PATH_MAX];
    const struct hf_peer_call peer = {.to = way, .verb = "libvirt receive", .path = m->report.uuid};
    int r = m->q->to ? find_way(m, way, err) : 0;

    return r < 0 || !m->q->to ? r : hf_peer_link_open(&peer, &m->way, err);
}

int hf_moving_connect(struct hf_moving *m, enum hf_sending_stage stage, struct hf_error *err)
{
    const struct hf_pump_ops ops = {.event = act, .ctx = m};
    hf_auto(json_drop) json_t *extra = hf_domain_probe_extra(&m->probe);
    struct hf_exchange *exchange;
    struct hf_pump *pump;
    int r = call(m, err), in, out;

    m->intro.settle = stage == HF_SENDING_ASKING;
    m->sending.timeout_s = m->q->timeout_s;
    m->sending.pause_limit_s = m->q->pause_limit_s;
    m->sending.stage = stage;

    if (r == 0)
        r = hf_intro_send(m->way.out, &m->intro, (int)m->q->timeout_s * 1000, err);
    if (r == 0)
        r = hf_exchange_source(m->container, extra, &exchange, err);
    if (r < 0)
        return r;
    in = m->way.in;
    out = m->way.out;
    m->way.in = m->way.out = -1;
    r = hf_pump_open(exchange, in, out, &m->loop, &ops, &pump, err);
    if (r == 0)
        hf_sending_connect(&m->sending, &libvirt, m, pump, stage);
    return r;
}

static void on_signal(void *ctx, short revents)
{
    struct hf_moving *m = ctx;
    struct signalfd_siginfo signal;

    (void)revents;
    if (read(m->signals, &signal, sizeof signal) > 0)
        hf_sending_note(&m->sending, HF_SENDING_ON_CANCELLED);
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

/* How long the guest has been paused: one that is emulated is paused for as long as its memory takes. */
static void look_at_guest(struct hf_moving *m)
{
    int64_t present = hf_loop_now();
    struct hf_virt_state state;
    uint64_t sent = 0;

    if (hf_moving_has_left(m))
        m->sending.paused_at = 0; /* nothing can be taken back */
    if (hf_moving_has_left(m) || m->sending.stage != HF_SENDING_MOVING || present - m->looked_at < LOOK_MS)
        return;
    m->looked_at = present;
    if (hf_virt_state(m->here, &state, NULL) < 0 || !state.moved)
        m->sending.paused_at = 0;
    else if (!m->sending.paused_at || (m->report.paused && hf_virt_sent(m->here, &sent, NULL) == 0 && sent != m->sent))
        m->sending.paused_at = present;
    m->sent = sent;
}

/* A migration that is another program's may end without a word: its host is gone, or it was ended before it began. */
static void look_at_job(struct hf_moving *m)
{
    int64_t present = hf_loop_now();
    bool busy = false;

    if (m->q->to || m->sending.stage != HF_SENDING_MOVING || present - m->looked_at < LOOK_MS)
        return;
    (void)hf_virt_busy(m->here, &busy, NULL);
    if (busy)
        m->busy_at = present;
    else if (present - m->busy_at >= (int64_t)m->q->timeout_s * 1000)
        hf_sending_note(&m->sending, HF_SENDING_ON_FAILED);
}

/* Firmware without variables never writes: libvirt's success is the sign. */
static void look(struct hf_moving *m)
{
    if (m->mover->over)
        hf_sending_note(&m->sending, m->mover->r < 0 ? HF_SENDING_ON_FAILED : HF_SENDING_ON_PAUSED);
    look_at_job(m);
    look_at_guest(m);
    hf_sending_look(&m->sending);
}

/* What ends the waiting without an event: what failed inside the pump, and a signal while only libvirt is waited for.
 */
static int check(struct hf_moving *m, struct hf_error *err)
{
    enum hf_sending_stage stage = m->sending.stage;

    if (stage == HF_SENDING_DEPARTED && (m->sending.noted & HF_SENDING_BIT(HF_SENDING_ON_CANCELLED)))
        return hf_error_set(err, HF_EIO, "interrupted");
    if (stage != HF_SENDING_STAYED && stage != HF_SENDING_LOST)
        return 0;
    if (err)
        *err = *hf_pump_fault(m->sending.pump);
    return -(int)hf_pump_fault(m->sending.pump)->code;
}

/* One turn of everything. */
static int turn(struct hf_moving *m, struct hf_error *err)
{
    uint64_t done, total;
    int r = hf_loop_turn(&m->loop, TURN_MS, err);

    hf_exchange_progress(hf_pump_exchange(m->sending.pump), &done, &total);
    if (m->q->progress && !m->mover->started)
        m->q->progress(m->q->ctx, done, total);
    if (r == 0)
        r = check(m, err);
    if (r < 0)
        return r;
    look(m);
    return hf_sending_go_on(&m->sending, err);
}

bool hf_moving_is_granted(struct hf_moving *m)
{
    struct hf_owner owner;

    return hf_owner_standing(m->container, &owner, NULL) < 0 || owner.state == HF_OWNER_GRANTED;
}

/* The guest is libvirt's until that is done with it, too. */
static bool is_over(const struct hf_moving *m)
{
    bool libvirt_is_done = !m->mover->started || m->mover->over;

    return hf_sending_is_over(&m->sending) && (m->intro.settle || !hf_moving_is_departed(m) || libvirt_is_done);
}

int hf_moving_run(struct hf_moving *m, struct hf_error *err)
{
    int r = 0;

    while (r == 0 && !is_over(m))
        r = turn(m, err);
    return r;
}
