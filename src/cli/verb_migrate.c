/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "containers.h"
#include "exchange_run.h"
#include "live_migrate.h"
#include "loop.h"
#include "move_probe.h"
#include "peer_check.h"
#include "peer_link.h"
#include "peer_timeout.h"
#include "verbs.h"
#include "verdict.h"
#include "writeback.h"

#define WAIT_MAX 8 /* seconds between two questions */

struct migration {
    struct hf_invocation *inv;
    unsigned timeout_s;
    struct hf_container *c;
    struct hf_exchange *x;
    struct hf_peer_probe probe;
    char peer[HF_HOST_NAME_SIZE];
    struct hf_sending sending;
};

static void judged(void *ctx, const struct hf_host_caps *host, const struct hf_verdict *verdict)
{
    const struct migration *m = ctx;

    if (verdict->count > 0)
        hf_report_verdict(m->inv, hf_container_path(m->c), host, verdict, hf_put_array(m->inv->report, "preflight"));
}

/* Would the guest live there (law L8)? Before anything moves. */
static int judge_peer(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct migration *m = ctx;
    const struct hf_peer_check check = {.container = m->c,
                                        .host = peer->host.name,
                                        .caps = peer->caps,
                                        .caps_size = peer->caps_size,
                                        .here = m->probe.request ? m->probe.here : NULL,
                                        .judged = judged,
                                        .ctx = m};
    bool probed = false;
    int r;

    snprintf(m->peer, sizeof m->peer, "%s", peer->host.name);
    r = hf_peer_check(&check, &probed, err);
    if ((r == 0 || r == -HF_EREFUSED) && m->probe.request && !probed)
        hf_move_probe_missed(m->inv, peer->host.name);
    return r;
}

static int ask_peer(void *ctx, struct hf_error *err)
{
    struct migration *m = ctx;

    snprintf(m->peer, sizeof m->peer, "%s", hf_exchange_peer(m->x)->host.name);
    if (m->inv->dry_run)
        return hf_error_refuse(err, "granted",
                               "%s: granted to host '%s', and no answer came; without --dry-run this "
                               "asks whether that host claimed it",
                               hf_container_path(m->c), m->peer);
    return hf_exchange_revoke(m->x, err);
}

/* The guest is off: nothing but the container moves. */
static const struct hf_mover_ops no_mover = {
    .needs = HF_SENDING_BIT(HF_SENDING_ON_READY),
    .judge = judge_peer,
    .ask = ask_peer,
};

static struct hf_peer_call call_of(const struct hf_invocation *inv, const char *verb, const char *container)
{
    return (struct hf_peer_call){.to = hf_value(inv, "to"),
                                 .verb = verb,
                                 .program = hf_value(inv, "remote-holdfast"),
                                 .path = hf_given(inv, "as") ? hf_value(inv, "as") : container};
}

static bool is_granted(const struct migration *m)
{
    return m->x && hf_exchange_state(m->x).holder == HF_HOLDER_GRANTED;
}

/* One connection, from the first byte to the last. `only_asks`: what became of a grant. */
static int converse(struct migration *m, bool only_asks, struct hf_error *err)
{
    const struct hf_invocation *inv = m->inv;
    struct hf_peer_call call = call_of(inv, "receive", hf_container_path(m->c));
    struct hf_exchange_run run = {.verb = inv->verb->name,
                                  .timeout_s = m->timeout_s,
                                  .sending = &m->sending,
                                  .mover = &no_mover,
                                  .stage = inv->dry_run ? HF_SENDING_LOOKING : HF_SENDING_MEETING_PAUSED,
                                  .ctx = m};
    struct hf_peer_link link;
    char how[64];
    json_t *extra = hf_move_probe_extra(&m->probe);
    int r = hf_exchange_source(m->c, extra, &m->x, err);

    json_decref(extra);
    if (r == 0)
        r = hf_peer_link_open(&call, &link, err);
    if (r < 0)
        return r;
    run.then = only_asks ? HF_SENDING_ASKING : run.stage;
    if (only_asks || is_granted(m))
        run.stage = HF_SENDING_ASKING;
    hf_progress_init(&run.progress, inv->operands[0]);
    r = hf_exchange_run(&run, &m->x, link.in, link.out, err);
    link.in = link.out = -1;
    hf_peer_link_close(&link, how);
    if (r == -HF_EIO && how[0] && m->x && !hf_exchange_peer(m->x))
        r = hf_error_set(err, HF_EIO,
                         "'%s' %s before it said anything: is holdfast there, and does its shell print nothing?",
                         call.to, how);
    return r;
}

/* The destination could not be reached, or did not answer; rather than that it did not want to. */
static bool is_open_question(int r)
{
    return r == -HF_EIO || r == -HF_ETIMEDOUT || r == -HF_ENOTFOUND;
}

/* Asked again and again, less and less often, for as long as a silence is suffered. False: that is over. */
struct asking {
    int64_t until;
    unsigned wait_s;
};

static struct asking begin_asking(unsigned timeout_s)
{
    return (struct asking){.until = hf_loop_now() + (int64_t)timeout_s * 1000, .wait_s = 1};
}

static bool ask_again(struct asking *a, bool (*wait)(unsigned seconds))
{
    if (hf_loop_now() + (int64_t)a->wait_s * 1000 >= a->until || !wait(a->wait_s))
        return false;
    a->wait_s = a->wait_s * 2 < WAIT_MAX ? a->wait_s * 2 : WAIT_MAX;
    return true;
}

/* The grant went out and no answer came: asks over connections of their own. */
static int settle(struct migration *m, int r, struct hf_error *err)
{
    struct asking asking = begin_asking(m->timeout_s);
    struct hf_error again;
    int asked;

    if (!m->peer[0])
        return hf_error_prefix(err, r,
                               "granted before, and whether it was taken could not be asked ('holdfast show' says "
                               "where it went): ");
    do {
        hf_exchange_free(hf_take_ptr(m->x));
        asked = converse(m, true, &again);
    } while (asked < 0 && is_open_question(asked) && ask_again(&asking, hf_exchange_run_wait));
    if (asked < 0)
        return hf_error_prefix(
            err, r,
            "granted to host '%s', and whether that host claimed it is unknown; run 'holdfast migrate' "
            "again, which asks and continues: ",
            m->peer);
    if (m->sending.stage == HF_SENDING_DEPARTED)
        return 0;
    return hf_error_prefix(err, r, "not taken by host '%s'; this host owns the guest as before: ", m->peer);
}

static void report(struct migration *m)
{
    struct hf_invocation *inv = m->inv;

    hf_put_text(inv->report, "container", hf_container_path(m->c));
    hf_put_text(inv->report, "to", hf_value(inv, "to"));
    hf_put_text(inv->report, "host", m->peer);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_bool(inv->report, "moved", m->sending.stage == HF_SENDING_DEPARTED);
    hf_say(inv, inv->dry_run ? "'%s' can move to host '%s'" : "'%s' moved: host '%s' owns it now",
           hf_container_path(m->c), m->peer);
}

/* The guest runs: its supervisor moves it, over a connection that is made here. */
static int move_running_once(struct hf_invocation *inv, int control, unsigned timeout_s,
                             const struct hf_peer_probe *probe, bool *granted, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *path = realpath(inv->operands[0], NULL);
    struct hf_peer_call call = call_of(inv, "receive --run --take-arguments", path ? path : inv->operands[0]);
    struct hf_peer_link link;
    int r = hf_peer_link_open(&call, &link, err);

    if (r < 0) {
        (void)close(control);
        return r;
    }
    r = hf_live_migrate(inv, control, link.in, link.out, timeout_s, probe, granted, err);
    link.in = link.out = -1; /* the supervisor's since then */
    hf_peer_link_close(&link, NULL);
    return r;
}

/* Given away, and no answer came: `r` and *err say why. */
static int settle_running(struct hf_invocation *inv, unsigned timeout_s, int r, struct hf_error *err)
{
    const struct hf_peer_probe none = {.request = NULL};
    struct asking asking = begin_asking(timeout_s);
    struct hf_error again;
    bool granted;
    int control, asked;

    do {
        granted = false;
        if (hf_live_find(inv->operands[0], &control, &again) <= 0)
            return r;
        asked = move_running_once(inv, control, timeout_s, &none, &granted, &again);
        if (asked == 0)
            return 0;
    } while ((granted || is_open_question(asked)) && ask_again(&asking, hf_live_pause));
    if (granted || asked != -HF_ECANCELED) /* it is still not known */
        return r;
    if (err)
        *err = again;
    return asked;
}

static int probe_running(struct hf_invocation *inv, struct hf_peer_probe *probe, struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    int r = hf_container_open(inv->operands[0], HF_OPEN_LOOK, hf_now(), &c, err);

    return r < 0 ? r : hf_move_probe_begin(inv, c, true, probe, err);
}

static int move_running(struct hf_invocation *inv, int control, unsigned timeout_s, struct hf_error *err)
{
    struct hf_peer_probe probe = {.request = NULL};
    bool granted = false;
    int r;

    hf_put_text(inv->report, "container", inv->operands[0]);
    hf_put_text(inv->report, "to", hf_value(inv, "to"));
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    r = probe_running(inv, &probe, err);
    if (r < 0) {
        (void)close(control);
        return r;
    }
    r = move_running_once(inv, control, timeout_s, &probe, &granted, err);
    hf_peer_probe_done(&probe);
    if (r < 0 && granted && !inv->dry_run) /* a dry run asks nothing, and was refused */
        r = settle_running(inv, timeout_s, r, err);
    hf_put_bool(inv->report, "moved", r == 0 && !inv->dry_run);
    return r;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct migration m = {.inv = inv};
    int control, r;

    if (!hf_given(inv, "to"))
        return hf_error_set(err, HF_EUSAGE, "--to is missing: ssh://[USER@]HOST[:PORT], exec:COMMAND or unix:PATH");
    r = hf_peer_timeout(inv, &m.timeout_s, err);
    m.sending.timeout_s = m.timeout_s;
    if (r == 0)
        r = hf_pause_limit(inv, &m.sending.pause_limit_s, err);
    if (r < 0)
        return r;
    r = hf_live_find(inv->operands[0], &control, err);
    if (r > 0)
        return move_running(inv, control, m.timeout_s, err);
    if (r == 0 && hf_given(inv, "live-emulated"))
        r = hf_error_set(err, HF_EUSAGE, "--live-emulated is for a guest that runs; this one is off");
    if (r == 0 && hf_given(inv, "pause-limit"))
        r = hf_error_set(err, HF_EUSAGE, "--pause-limit is for a guest that runs; this one is off");
    if (r == 0 && inv->tail_count > 0)
        r = hf_error_set(err, HF_EUSAGE, "arguments for QEMU are for a guest that runs; this one is off");
    if (r == 0)
        r = hf_exchange_run_signals(err);
    if (r == 0)
        r = hf_guest_open_giving(inv->operands[0], HF_OPEN_RUN, !inv->dry_run, hf_now(), &m.c, err);
    if (r == 0)
        r = hf_move_probe_begin(inv, m.c, false, &m.probe, err);
    if (r == 0)
        r = converse(&m, false, err);
    if (r < 0 && r != -HF_EREFUSED && is_granted(&m) && !inv->dry_run)
        r = settle(&m, r, err);
    hf_exchange_free(m.x);
    hf_peer_probe_done(&m.probe);
    if (r == 0)
        report(&m);
    return m.c ? hf_close_after(m.c, r, err) : r;
}

static const struct hf_option options[] = {
    {.name = "to", .arg = "DESTINATION", .help = "ssh://[USER@]HOST[:PORT], exec:COMMAND or unix:PATH"},
    {.name = "as", .arg = "PATH", .help = "where the container is to be there; default: where it is here"},
    {.name = "remote-holdfast", .arg = "PATH", .help = "holdfast on that host, for ssh; default: the one in its PATH"},
    {.name = "live-emulated", .help = "do not pause a guest without KVM while its memory is sent; it may crash"},
    HF_PEER_TIMEOUT_OPTION,
    HF_PAUSE_LIMIT_OPTION,
    {.name = NULL},
};

const struct hf_verb hf_verb_migrate = {
    .name = "migrate",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES | HF_VERB_TAIL,
    .help = "Move a guest to another host",
    .synopsis = "G.hold --to DESTINATION [--as PATH] [--live-emulated] [-- QEMU-ARGS...]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
