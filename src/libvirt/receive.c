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
#include "published.h"
#include "receive_lock.h"
#include "receiving.h"
#include "signals.h"
#include "virt.h"

#define GUARD_TRIES 300 /* of TURN_MS */
#define TURN_MS     200
#define LOOK_MS     5000
#define FAREWELL_MS 10000

/* The guard, which knows when the guest is about to write. */
enum guard {
    GUARD_UNKNOWN,
    GUARD_AWAITED, /* its word, at `awaiting` */
    GUARD_SPOKE,
};

struct arriving {
    const struct hf_receive_request *q;
    struct hf_intro intro;
    struct hf_adoption adoption; /* this host's */
    struct hf_loop loop;
    struct hf_exchange *exchange;  /* the pump's, once that is open */
    struct hf_receiving receiving; /* its pump is this one's to close */
    char *caps;
    int lock;
    int signals;
    enum guard guard;
    int awaiting; /* -1 with GUARD_UNKNOWN */
    unsigned tries;
    int64_t looked_at; /* for the domain that is being moved here */
    bool moved;        /* as seen then */
    bool arrived;      /* complete and paused by its operator, as seen then */
};

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

static void arriving_done(struct arriving *w)
{
    hf_pump_close(w->receiving.pump, 0);
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
static int find_place(struct arriving *w, struct hf_error *err)
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

static int describe_host(struct arriving *w, struct hf_error *err)
{
    static char *const qemus[] = {(char *)"qemu-system-x86_64", (char *)"qemu-system-aarch64", NULL};
    const struct hf_host_query query = {.qemus = qemus, .directory = HF_LIBVIRT_STATE, .holdfast = w->q->version};
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

/* A source that was asked gives what it was asked for. */
static int check_wanted(const struct arriving *w, struct hf_error *err)
{
    if (w->q->uuid && strcmp(w->intro.adoption.uuid, w->q->uuid) != 0)
        return hf_error_set(err, HF_EPROTO, "peer: gives domain %s instead of %s", w->intro.adoption.uuid, w->q->uuid);
    if (w->q->uuid && !w->intro.live && !w->intro.settle)
        return hf_error_set(err, HF_EPROTO, "peer: gives a domain that does not run there");
    if (w->q->uuid && w->intro.settle && !w->q->settling)
        return hf_error_refuse(
            err, "granted",
            "the source gave the container away before and was not answered; it asks now what became of "
            "that. Migrate the domain again when it runs there");
    return 0;
}

static int begin(struct arriving *w, struct hf_error *err)
{
    struct hf_exchange_place place = {.path = w->adoption.container, .describe = describe};
    int r = check_wanted(w, err);

    if (r == 0)
        r = find_place(w, err);
    if (r == 0 && !w->intro.settle)
        r = hf_receive_lock(w->adoption.uuid, &w->lock, err);
    if (r == 0 && !w->intro.settle)
        r = describe_host(w, err);
    place.caps = w->caps;
    place.caps_size = w->caps ? strlen(w->caps) : 0;
    return r < 0 ? r : hf_exchange_destination(&place, &w->exchange, err);
}

static int publish(struct arriving *w, struct hf_error *err)
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
static bool is_being_moved(struct arriving *w)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *here = NULL;
    struct hf_virt_state state;

    if (hf_loop_now() - w->looked_at < LOOK_MS)
        return w->moved;
    w->moved = hf_virt_open(NULL, w->adoption.uuid, &here, NULL) == 0 && hf_virt_state(here, &state, NULL) == 0 &&
               state.active;
    w->arrived = w->moved && state.by_user;
    w->looked_at = hf_loop_now();
    return w->moved;
}

/* One may be left of an earlier attempt. That of a domain that has arrived meanwhile knows what its QEMU needs; when it
 * was killed, another one would not, and its watch starts a successor. */
static int bring_guard(struct arriving *w, struct hf_error *err)
{
    const struct hf_guard_config config = {.uuid = w->adoption.uuid, .incoming = true, .origin = w->q->origin};

    if (hf_guard_is_there(w->adoption.uuid) || is_being_moved(w))
        return 0;
    return hf_guard_spawn(&config, err);
}

static int meet(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    const struct arriving *w = ctx;

    if (!strcmp(peer->guest.uuid, w->adoption.uuid))
        return 0;
    return hf_error_set(err, HF_EPROTO, "the container is of guest %s, and the domain is %s", peer->guest.uuid,
                        w->adoption.uuid);
}

/* What libvirt's hook and QEMU will look for. */
static int install(void *ctx, struct hf_error *err)
{
    struct arriving *w = ctx;
    int r;

    if (w->intro.settle)
        return 0;
    r = hf_adoption_keep_original(w->adoption.uuid, w->intro.original, err);
    if (r == 0)
        r = publish(w, err);
    return r < 0 || !w->intro.live ? r : bring_guard(w, err);
}

/* A guard that does not hear it sees it for itself when this process is gone. */
static int claimed(void *ctx, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_CLAIMED};
    struct arriving *w = ctx;
    struct hf_error own;

    if (hf_guard_ask(w->adoption.uuid, &q, &own) < 0 && own.code != HF_ENOTFOUND)
        fprintf(stderr, "holdfast: %s\n", own.text);
    return 0;
}

/* While libvirt moves the guest the source has nothing to say; the guard here ends with what libvirt makes of it. */
static bool is_busy(void *ctx)
{
    struct arriving *w = ctx;

    return w->intro.live && is_being_moved(w);
}

static const struct hf_receiver_ops domain = {.meet = meet, .install = install, .claimed = claimed, .is_busy = is_busy};

static int act(void *ctx, enum hf_exchange_event event, struct hf_error *err)
{
    struct arriving *w = ctx;

    hf_receiving_note_exchange(&w->receiving, event);
    return hf_receiving_go_on(&w->receiving, err);
}

static int hear_guard(struct arriving *w, struct hf_error *err)
{
    int r = hf_guard_answer(w->awaiting, err);

    w->guard = GUARD_UNKNOWN;
    (void)close(hf_take_fd(w->awaiting));
    w->tries = 0;
    hf_pump_start_clock(w->receiving.pump);
    if (r < 0)
        return r == -HF_EPROTO ? 0 : r; /* it was killed */
    hf_receiving_note(&w->receiving, HF_RECEIVING_ON_WANTED);
    return hf_receiving_go_on(&w->receiving, err);
}

static bool lacks_guard(const struct arriving *w)
{
    return hf_receiving_is_open(&w->receiving) && w->intro.live && w->guard == GUARD_UNKNOWN;
}

static void on_guard(void *ctx, short revents)
{
    struct arriving *w = ctx;

    (void)revents;
    w->guard = GUARD_SPOKE;
    hf_loop_unwatch(&w->loop, w->awaiting);
}

/* libvirt has ended the domain here, and its guard with it. Where this host does not ask for the move, the source will
 * say. */
static bool is_given_up(struct arriving *w)
{
    w->looked_at = 0;
    return w->q->uuid && !is_being_moved(w);
}

/* A guard that was killed has a successor. */
static int find_guard(struct arriving *w, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_AWAIT};
    int r;

    if (!lacks_guard(w))
        return 0;
    r = hf_guard_ask_open(w->adoption.uuid, &q, &w->awaiting, err);
    if (r < 0)
        return r == -HF_ENOTFOUND && !is_given_up(w) && w->tries++ < GUARD_TRIES ? 0 : r;
    w->guard = GUARD_AWAITED;
    r = hf_loop_watch(&w->loop, w->awaiting, POLLIN, on_guard, w, err);
    if (r == 0 && w->q->answer >= 0 && !*w->q->answered)
        *w->q->answered = write(w->q->answer, "ok\n", 3) == 3;
    return r;
}

/* A guest that its operator had paused writes nothing: what libvirt says of it after its last step here is the sign. */
static void look_at_domain(struct arriving *w)
{
    if (w->q->uuid && w->receiving.stage == HF_RECEIVING_COPIED && is_being_moved(w) && w->arrived)
        hf_receiving_note(&w->receiving, HF_RECEIVING_ON_WANTED);
}

static void on_signal(void *ctx, short revents)
{
    (void)revents;
    hf_receiving_note(&((struct arriving *)ctx)->receiving, HF_RECEIVING_ON_CANCELLED);
}

/* Beside the pump. */
static int look(struct arriving *w, struct hf_error *err)
{
    struct hf_error why;
    int r = w->guard == GUARD_SPOKE ? hear_guard(w, &why) : 0;

    if (r == 0 && !hf_receiving_is_over(&w->receiving))
        r = find_guard(w, &why);
    if (r < 0 && !hf_receiving_is_over(&w->receiving))
        return hf_receiving_fail(&w->receiving, &why, err);
    if (r < 0) {
        *err = why;
        return r;
    }
    look_at_domain(w);
    hf_receiving_look(&w->receiving);
    return hf_receiving_go_on(&w->receiving, err);
}

static int serve_source(struct arriving *w, struct hf_error *err)
{
    int r = hf_loop_watch(&w->loop, w->signals, POLLIN, on_signal, w, err);

    while (r == 0 && !hf_receiving_is_over(&w->receiving)) {
        r = hf_loop_turn(&w->loop, lacks_guard(w) ? TURN_MS : 5 * TURN_MS, err);
        if (r == 0)
            r = look(w, err);
    }
    if (r < 0 || hf_pump_state(w->receiving.pump) != HF_PUMP_FAILED)
        return r;
    *err = *hf_pump_fault(w->receiving.pump);
    return -(int)err->code;
}

/* A source that gives up tells who asked it, and so does one that only wanted an answer. */
static int judge_end(const struct arriving *w, int r, struct hf_error *err)
{
    const struct hf_receiving *receiving = &w->receiving;

    if (receiving->stage != HF_RECEIVING_FAILED)
        return r;
    if (receiving->ended_by == HF_RECEIVING_ON_GAVE_UP)
        return w->q->uuid ? r : 0;
    if (receiving->ended_by != HF_RECEIVING_ON_CLOSED || hf_pump_state(receiving->pump) != HF_PUMP_ENDED)
        return r;
    return w->intro.settle
               ? 0
               : hf_error_set(err, HF_EPROTO,
                              "the source closed the connection before it granted the container; it is still "
                              "there");
}

static int open_pump(struct arriving *w, int in, int out, struct hf_error *err)
{
    const struct hf_pump_ops ops = {.event = act, .ctx = w};
    struct hf_pump *pump;
    int fds[2] = {fcntl(in, F_DUPFD_CLOEXEC, 3), fcntl(out, F_DUPFD_CLOEXEC, 3)};

    if (fds[0] >= 0 && fds[1] >= 0) {
        int r = hf_pump_open(hf_take_ptr(w->exchange), fds[0], fds[1], &w->loop, &ops, &pump, err);

        if (r == 0)
            hf_receiving_connect(&w->receiving, &domain, w, pump);
        return r;
    }
    (void)hf_error_set(err, HF_EIO, "standard input and output: %s", strerror(errno));
    hf_cleanup_close(&fds[0]);
    hf_cleanup_close(&fds[1]);
    return -HF_EIO;
}

int hf_libvirt_receive(const struct hf_receive_request *q, struct hf_error *err)
{
    hf_auto(arriving_done) struct arriving w = {
        .q = q, .lock = -1, .awaiting = -1, .signals = -1, .receiving = {.timeout_s = q->timeout_s}};
    int r;

    (void)prctl(PR_SET_PDEATHSIG, 0);
    if (geteuid() != 0)
        return hf_error_refuse(err, "root", "root is required: it writes root's files, for libvirt's domains");
    hf_loop_init(&w.loop);
    r = hf_intro_read(q->in, &w.intro, err);
    if (r == 0)
        r = begin(&w, err);
    if (r == 0)
        r = hf_signals_watch(NULL, 0, &w.signals, err);
    if (r == 0)
        r = open_pump(&w, q->in, q->out, err);
    if (r < 0)
        return r;
    r = serve_source(&w, err);
    if (r < 0)
        hf_pump_flush(w.receiving.pump, FAREWELL_MS); /* the source learns why */
    return judge_end(&w, r, err);
}
