/* SPDX-License-Identifier: BSD-2-Clause */
#include "witness.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "domain_pause.h"
#include "domain_xml.h"
#include "guard_link.h"
#include "virt_events.h"

/* A guest that was reset so long ago may have an operating system again. Firmware alone takes longer. */
#define LATE_MS 1000

#define POLL_S 1

/* What has to be asked for, by a thread of its own with a connection of its own: libvirt makes callers wait while it stops a
 * domain, and an event that comes meanwhile must be told at once. */
struct poll {
    pthread_mutex_t lock;
    const char *uuid;
    bool running;
    uint64_t reads; /* or HF_GUARD_READS_UNKNOWN */
};

struct witness {
    const char *uuid;
    struct hf_virt *virt;
    struct poll *poll;
    bool found; /* libvirt knows the domain */
    bool ready; /* a reset may have to be stopped */
    int ended;  /* below 0: with this error */
    bool done;
    struct hf_error err;
};

static const char *const event_names[] = {
    [HF_VIRT_RESET] = "reset", [HF_VIRT_SHUTDOWN] = "shutdown", [HF_VIRT_LAST_RESET] = "last-reset",
    [HF_VIRT_PANIC] = "panic", [HF_VIRT_AGENT] = "agent",
};
_Static_assert(HF_ARRAY_SIZE(event_names) == HF_VIRT_EVENT_MAX, "one name for each event");

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Asks the guard; the order. */
static int ask(struct witness *w, struct hf_guard_request *q)
{
    int r;

    q->pid = getpid();
    r = hf_guard_ask(w->uuid, q, &w->err);
    if (r < 0)
        w->ended = r;
    w->done = w->done || r < 0 || r == HF_GUARD_LEAVE;
    return r;
}

static int find(struct witness *w, struct hf_error *err)
{
    int r = w->found ? 0 : hf_virt_find(w->virt, w->uuid, err);

    w->found = r == 0;
    return r;
}

static void complain(struct witness *w, const char *doing, const struct hf_error *err)
{
    syslog(LOG_DAEMON | LOG_ERR, "holdfast: domain %s: %s: %s", w->uuid, doing, err->text);
}

/* ---- a reset that may have to be followed by another start ---- */

static int count_devices(struct hf_virt *v, int (*get)(struct hf_virt *, char **, struct hf_error *), unsigned *count,
                         struct hf_error *err)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    hf_auto(hf_cleanup_free) char *xml = NULL;
    int r = get(v, &xml, err);

    if (r == 0)
        r = hf_domain_xml_parse(xml, strlen(xml), &doc, err);
    if (r == 0)
        *count = hf_domain_facts(doc)->devices;
    return r;
}

/* Why the domain cannot be ended and started as it is: NULL when it can. */
static const char *why_not(struct witness *w, int64_t at_ms)
{
    struct hf_virt_state state;
    struct hf_error err;
    unsigned now, next;
    bool busy;

    if (find(w, &err) < 0 || hf_virt_state(w->virt, &state, &err) < 0)
        return "libvirt does not tell the domain's state";
    if (hf_virt_busy(w->virt, &busy, &err) < 0 || busy)
        return "libvirt saves or migrates the domain";
    if (!state.persistent)
        return "the domain is transient";
    if (count_devices(w->virt, hf_virt_xml_now, &now, &err) < 0 || count_devices(w->virt, hf_virt_xml, &next, &err) < 0)
        return "libvirt does not tell the domain's devices";
    if (now != next)
        return "devices were plugged in or out while it runs";
    return now_ms() - at_ms > LATE_MS ? "its reset was seen too late" : NULL;
}

/* Whether the domain was ended. */
static bool cycle(struct witness *w)
{
    struct hf_error err;

    syslog(LOG_DAEMON | LOG_INFO, "holdfast: domain %s: the guest was reset: ended and started again for its firmware",
           w->uuid);
    w->done = true;
    if (hf_virt_destroy(w->virt, &err) < 0) {
        complain(w, "it is not ended after its reset, and keeps the firmware it has", &err);
        return false;
    }
    if (hf_virt_start(w->virt, &err) < 0)
        complain(w, "it is NOT started again after its reset; 'virsh start' does", &err);
    return true;
}

static void stopped_reset(struct witness *w, struct hf_guard_request *q, int64_t at_ms)
{
    struct hf_error err;
    struct hf_guard_request first = *q;
    const char *why;
    int lock, order, paused;

    (void)snprintf(first.event, sizeof first.event, "resetting"); /* the rest can take a while */
    if (ask(w, &first) < 0)
        return;
    paused = find(w, &err);
    if (paused == 0)
        paused = hf_domain_pause_enter(w->virt, w->uuid, &lock, &err);
    why = paused < 0 ? "it could not be paused" : why_not(w, at_ms);
    (void)snprintf(q->why_not, sizeof q->why_not, "%s", why ? why : "");
    order = ask(w, q);
    if (paused < 0)
        return;
    if (order == HF_GUARD_CYCLE && cycle(w))
        (void)close(lock);
    else if (hf_domain_pause_leave(w->virt, w->uuid, lock, &err) < 0)
        complain(w, "it was paused at its reset, and does not go on", &err);
}

static void saw(void *ctx, const struct hf_virt_saw *saw)
{
    struct witness *w = ctx;
    struct hf_guard_request q = {.ask = HF_GUARD_SAW, .by_guest = saw->by_guest};

    if (w->done)
        return;
    (void)snprintf(q.event, sizeof q.event, "%s", event_names[saw->event]);
    (void)snprintf(q.why_not, sizeof q.why_not, "its reset was not waited for");
    if (saw->event == HF_VIRT_RESET && w->ready)
        stopped_reset(w, &q, saw->at_ms);
    else
        (void)ask(w, &q);
}

/* ---- every second ---- */

static void look(struct poll *p, struct hf_virt *v)
{
    struct hf_virt_state state;
    uint64_t reads;

    if (hf_virt_state(v, &state, NULL) < 0)
        return;
    if (hf_virt_reads(v, &reads, NULL) < 0)
        reads = HF_GUARD_READS_UNKNOWN; /* libvirt is busy with the domain */
    (void)pthread_mutex_lock(&p->lock);
    p->running = state.active && !state.paused;
    p->reads = reads;
    (void)pthread_mutex_unlock(&p->lock);
}

/* Until the process ends. */
static void *poll_thread(void *ctx)
{
    const struct timespec second = {.tv_sec = POLL_S};
    struct hf_virt *v = NULL;
    struct poll *p = ctx;

    for (;;) {
        if (v || hf_virt_open(NULL, p->uuid, &v, NULL) == 0)
            look(p, v);
        (void)nanosleep(&second, NULL);
    }
    return NULL;
}

static int start_polling(struct poll *p, struct hf_error *err)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, poll_thread, p) != 0)
        return hf_error_set(err, HF_EIO, "cannot start a thread that asks libvirt");
    (void)pthread_detach(thread);
    return 0;
}

static void each_second(void *ctx)
{
    struct witness *w = ctx;
    struct hf_guard_request q = {.ask = HF_GUARD_BEAT};
    struct hf_error err;
    int order;

    if (w->done)
        return;
    (void)pthread_mutex_lock(&w->poll->lock);
    q.running = w->poll->running;
    q.reads = w->poll->reads;
    (void)pthread_mutex_unlock(&w->poll->lock);
    order = ask(w, &q);
    w->ready = order == HF_GUARD_READY || order == HF_GUARD_RESET;
    if (order == HF_GUARD_RESET && (find(w, &err) < 0 || hf_virt_reset(w->virt, &err) < 0))
        complain(w, "it shows no sign of life and is not reset", &err);
}

int hf_witness_run(const char *uuid, struct hf_error *err)
{
    static struct poll poll = {.lock = PTHREAD_MUTEX_INITIALIZER, .reads = HF_GUARD_READS_UNKNOWN};
    hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;
    struct witness w = {.uuid = uuid, .poll = &poll};
    const struct hf_virt_events events = {.uuid = uuid, .saw = saw, .each_second = each_second, .ctx = &w};
    struct hf_guard_request q = {.ask = HF_GUARD_WATCHING};
    int r = hf_virt_events_open(&events, &v, err);

    if (r < 0)
        return r;
    w.virt = v;
    w.ready = ask(&w, &q) == HF_GUARD_READY;
    poll.uuid = uuid;
    r = start_polling(&poll, err);
    while (r == 0 && !w.done)
        r = hf_virt_events_turn(v, err);
    if (w.ended < 0 && w.ended != -HF_ENOTFOUND && err)
        *err = w.err;
    return w.ended < 0 && w.ended != -HF_ENOTFOUND ? w.ended : r;
}
