/* SPDX-License-Identifier: BSD-2-Clause */
#include "receive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "domain_probe.h"
#include "exchange.h"
#include "guard.h"
#include "host_describe.h"
#include "intro.h"
#include "places.h"
#include "pump.h"
#include "published.h"
#include "receive_lock.h"
#include "signals.h"
#include "virt.h"

#define GUARD_TRIES 300 /* of TURN_MS */
#define TURN_MS     200
#define LOOK_MS     5000
#define FAREWELL_MS 10000

struct receiving {
    struct hf_intro intro;
    struct hf_adoption adoption; /* this host's */
    struct hf_loop loop;
    struct hf_exchange *exchange; /* the pump's, once that is open */
    struct hf_pump *pump;
    char *caps;
    int lock;
    int signals;
    unsigned timeout_s;
    int awaiting; /* the guard's word that the guest is about to write; -1: none */
    unsigned tries;
    int64_t looked_at; /* for the domain that is being moved here */
    bool moved;
    bool installed, asked, claimed, revoked, given_up;
    bool guard_spoke, told_to_end;
};

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

static void receiving_done(struct receiving *w)
{
    hf_pump_close(w->pump, 0);
    hf_exchange_free(w->exchange);
    hf_intro_done(&w->intro);
    free(w->caps);
    if (w->awaiting >= 0)
        (void)close(w->awaiting);
    if (w->lock >= 0)
        (void)close(w->lock);
    if (w->signals >= 0)
        (void)close(w->signals);
}

/* A domain that was here before has its place. */
static int find_place(struct receiving *w, struct hf_error *err)
{
    struct hf_adoption *a = &w->adoption;
    int r = hf_adoption_load(w->intro.adoption.uuid, a, err);

    if (r != -HF_ENOTFOUND)
        return r;
    *a = w->intro.adoption;
    if (snprintf(a->container, sizeof a->container, HF_LIBVIRT_STATE "/%s.hold", a->name) >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "the container's path is too long");
    return hf_libvirt_make_state(a->uuid, err);
}

static int describe_host(struct receiving *w, const char *version, struct hf_error *err)
{
    static char *const qemus[] = {(char *)"qemu-system-x86_64", (char *)"qemu-system-aarch64", NULL};
    const struct hf_host_query query = {.qemus = qemus, .directory = HF_LIBVIRT_STATE, .holdfast = version};
    json_t *host;
    int r = hf_host_describe(&query, &host, err);

    if (r < 0)
        return r;
    w->caps = json_dumps(host, JSON_COMPACT);
    json_decref(host);
    return w->caps ? 0 : hf_error_nomem(err);
}

static int describe(void *ctx, const struct hf_exchange_peer *source, char **caps, struct hf_error *err)
{
    (void)ctx;
    return hf_domain_probe_answer(source->extra, caps, err);
}

static int begin(struct receiving *w, const char *version, struct hf_error *err)
{
    struct hf_exchange_place place = {.path = w->adoption.container, .describe = describe};
    int r = find_place(w, err);

    if (r == 0 && !w->intro.settle)
        r = hf_receive_lock(w->adoption.uuid, &w->lock, err);
    if (r == 0 && !w->intro.settle)
        r = describe_host(w, version, err);
    place.caps = w->caps;
    place.caps_size = w->caps ? strlen(w->caps) : 0;
    return r < 0 ? r : hf_exchange_destination(&place, &w->exchange, err);
}

static int publish(struct receiving *w, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_container_open(w->adoption.container, HF_OPEN_LOOK, now(), &c, err);

    if (r < 0)
        return r;
    r = hf_publish(c, &w->adoption, err);
    hf_container_done(&c);
    return r;
}

/* What libvirt moves has a shape here from the beginning. */
static bool is_being_moved(struct receiving *w)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *here = NULL;
    struct hf_virt_state state;

    if (hf_loop_now() - w->looked_at < LOOK_MS)
        return w->moved;
    w->moved = hf_virt_open(NULL, w->adoption.uuid, &here, NULL) == 0 && hf_virt_state(here, &state, NULL) == 0 &&
               state.active;
    w->looked_at = hf_loop_now();
    return w->moved;
}

/* One may be left of an earlier attempt. That of a domain that has arrived meanwhile knows what its QEMU needs; when it
 * was killed, another one would not, and its watch starts a successor. */
static int bring_guard(struct receiving *w, struct hf_error *err)
{
    const struct hf_guard_config config = {.uuid = w->adoption.uuid, .incoming = true};

    if (hf_guard_is_there(w->adoption.uuid) || is_being_moved(w))
        return 0;
    return hf_guard_spawn(&config, err);
}

/* What libvirt's hook and QEMU will look for. */
static int install(struct receiving *w, struct hf_error *err)
{
    int r = hf_adoption_keep_original(w->adoption.uuid, w->intro.original, err);

    if (r == 0)
        r = publish(w, err);
    w->installed = r == 0;
    return r < 0 || !w->intro.live ? r : bring_guard(w, err);
}

static int claim(struct receiving *w, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_CLAIMED};
    struct hf_error own;
    int r = hf_exchange_claim(hf_pump_exchange(w->pump), now(), err);

    if (r < 0)
        return r;
    w->claimed = true;
    /* A guard that does not hear it sees it for itself when we are gone. */
    if (hf_guard_ask(w->adoption.uuid, &q, &own) < 0 && own.code != HF_ENOTFOUND)
        fprintf(stderr, "holdfast: %s\n", own.text);
    return 0;
}

static int act(void *ctx, enum hf_exchange_event event, struct hf_error *err)
{
    struct receiving *w = ctx;
    const struct hf_exchange_peer *peer = hf_exchange_peer(hf_pump_exchange(w->pump));

    switch (event) {
    case HF_EXCHANGE_PEER:
        if (!strcmp(peer->guest.uuid, w->adoption.uuid))
            return 0;
        return hf_error_set(err, HF_EPROTO, "the container is of guest %s, and the domain is %s", peer->guest.uuid,
                            w->adoption.uuid);
    case HF_EXCHANGE_READY:
        return w->installed || w->intro.settle ? 0 : install(w, err);
    case HF_EXCHANGE_GRANTED:
        return claim(w, err);
    case HF_EXCHANGE_REVOKED:
        w->revoked = true;
        return 0;
    case HF_EXCHANGE_FAILED: /* the source tells who asked it */
        w->given_up = true;
        return 0;
    default:
        return 0;
    }
}

static int hear_guard(struct receiving *w, struct hf_error *err)
{
    int r = hf_guard_answer(w->awaiting, err);

    w->guard_spoke = false;
    (void)close(hf_take_fd(w->awaiting));
    w->tries = 0;
    hf_pump_start_clock(w->pump);
    if (r < 0)
        return r == -HF_EPROTO ? 0 : r; /* it was killed */
    w->asked = true;
    return hf_exchange_ask(hf_pump_exchange(w->pump), err);
}

static bool lacks_guard(const struct receiving *w)
{
    return w->installed && w->intro.live && !w->asked && !w->claimed && w->awaiting < 0;
}

static void on_guard(void *ctx, short revents)
{
    struct receiving *w = ctx;

    (void)revents;
    w->guard_spoke = true;
    hf_loop_unwatch(&w->loop, w->awaiting);
}

/* A guard that was killed has a successor. */
static int find_guard(struct receiving *w, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_AWAIT};
    int r;

    if (!lacks_guard(w))
        return 0;
    r = hf_guard_ask_open(w->adoption.uuid, &q, &w->awaiting, err);
    if (r == 0)
        return hf_loop_watch(&w->loop, w->awaiting, POLLIN, on_guard, w, err);
    return r == -HF_ENOTFOUND && w->tries++ < GUARD_TRIES ? 0 : r;
}

/* While libvirt moves the guest the source has nothing to say; the guard here ends with what libvirt makes of it. */
static bool is_source_silent(struct receiving *w)
{
    if (hf_pump_silent_ms(w->pump) < (int64_t)w->timeout_s * 1000)
        return false;
    return !w->installed || !w->intro.live || w->asked || !is_being_moved(w);
}

static bool is_settled(const struct receiving *w)
{
    return w->claimed || w->revoked;
}

/* Not for ever; and who is told to end says so. */
static int check_silence(struct receiving *w, struct hf_error *err)
{
    int r = 0;

    if (w->told_to_end)
        r = hf_error_set(err, HF_ECANCELED, "cancelled by a signal");
    else if (is_source_silent(w))
        r = hf_pump_timed_out(w->timeout_s, err);
    if (r < 0 && is_settled(w)) {
        w->given_up = true; /* there is nothing left to be said */
        return 0;
    }
    if (r < 0)
        (void)hf_exchange_cancel(hf_pump_exchange(w->pump), err->text, NULL);
    return r;
}

static void on_signal(void *ctx, short revents)
{
    (void)revents;
    ((struct receiving *)ctx)->told_to_end = true;
}

/* A connection that the source closed is no fault. */
static int check_connection(const struct receiving *w, struct hf_error *err)
{
    if (hf_pump_state(w->pump) != HF_PUMP_FAILED)
        return 0;
    if (err)
        *err = *hf_pump_fault(w->pump);
    return -(int)hf_pump_fault(w->pump)->code;
}

static int serve_source(struct receiving *w, struct hf_error *err)
{
    int r = hf_loop_watch(&w->loop, w->signals, POLLIN, on_signal, w, err);

    while (r == 0 && hf_pump_is_open(w->pump) && !w->given_up) {
        r = hf_loop_turn(&w->loop, lacks_guard(w) ? TURN_MS : 5 * TURN_MS, err);
        if (r == 0)
            r = check_connection(w, err);
        if (r == 0 && w->guard_spoke)
            r = hear_guard(w, err);
        if (r == 0)
            r = find_guard(w, err);
        if (r == 0)
            r = check_silence(w, err);
        hf_pump_turn(w->pump);
    }
    return r < 0 ? r : check_connection(w, err);
}

static int open_pump(struct receiving *w, int in, int out, struct hf_error *err)
{
    const struct hf_pump_ops ops = {.event = act, .ctx = w};
    int fds[2] = {fcntl(in, F_DUPFD_CLOEXEC, 3), fcntl(out, F_DUPFD_CLOEXEC, 3)};

    if (fds[0] >= 0 && fds[1] >= 0)
        return hf_pump_open(hf_take_ptr(w->exchange), fds[0], fds[1], &w->loop, &ops, &w->pump, err);
    (void)hf_error_set(err, HF_EIO, "standard input and output: %s", strerror(errno));
    hf_cleanup_close(&fds[0]);
    hf_cleanup_close(&fds[1]);
    return -HF_EIO;
}

int hf_libvirt_receive(int in, int out, const char *version, unsigned timeout_s, struct hf_error *err)
{
    hf_auto(receiving_done) struct receiving w = {.lock = -1, .awaiting = -1, .signals = -1, .timeout_s = timeout_s};
    int r;

    (void)prctl(PR_SET_PDEATHSIG, 0);
    if (geteuid() != 0)
        return hf_error_refuse(err, "root", "root is required: it writes root's files, for libvirt's domains");
    hf_loop_init(&w.loop);
    r = hf_intro_read(in, &w.intro, err);
    if (r == 0)
        r = begin(&w, version, err);
    if (r == 0)
        r = hf_signals_watch(NULL, 0, &w.signals, err);
    if (r == 0)
        r = open_pump(&w, in, out, err);
    if (r < 0)
        return r;
    r = serve_source(&w, err);
    if (r < 0)
        hf_pump_flush(w.pump, FAREWELL_MS); /* the source learns why */
    if (r == 0 && !w.claimed && !w.revoked && !w.given_up && !w.intro.settle)
        r = hf_error_set(err, HF_EPROTO,
                         "the source closed the connection before it granted the container; it is still there");
    return r;
}
