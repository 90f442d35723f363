/* SPDX-License-Identifier: BSD-2-Clause */
#include "departing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "writeback.h"

#define LOOK_MS     500
#define CLOCK_SLACK 5 /* seconds: firmware writes back what it read, a time service corrects by moments */
#define STREAM_NAME "hf-stream"

/* ---- the steps ---- */

static int start_stream(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_departure *d = s->departure;
    hf_auto(hf_cleanup_close) int theirs = -1;
    int r = hf_departing_set_pause(s, true, err);

    (void)hf_exchange_prepare(hf_pump_exchange(d->pump), NULL); /* while the guest runs */
    if (r == 0)
        r = hf_stream_relay_open(&s->loop, &d->relay, &theirs, err);
    if (r == 0)
        r = hf_departing_pause_emulated(s, err);
    if (r == 0)
        r = hf_monitor_send_fd(s->monitor, "getfd", json_pack("{s:s}", "fdname", STREAM_NAME), theirs, NULL, NULL, err);
    if (r == 0)
        r = hf_stream_relay_read(d->relay, d->pump, err);
    if (r < 0)
        return r;
    d->migrating = true;
    d->stage = HF_MOVING;
    hf_departing_tell_stage(s, "moving");
    hf_departing_tell_progress(s);
    return hf_monitor_execute(s->monitor, "migrate", json_pack("{s:s}", "uri", "fd:" STREAM_NAME), NULL, err);
}

/* Only a guest whose flash is all in the container, and that no reset of ours is at, may be given away. */
static int check_still(struct hf_supervision *s, struct hf_error *err)
{
    bool resets_at_rest = s->resets.state == HF_RESETS_LOOSE || s->resets.state == HF_RESETS_ARMED;
    struct hf_queue_state queue = {0};
    int r = hf_writeback_look(s->container, &queue, err);

    if (r < 0 && r != -HF_ENOTFOUND)
        return r;
    if ((s->pause.holds & ~(unsigned)HF_HOLD_MOVE) || (s->todo & HF_TODO_VERIFY) || queue.bytes)
        return hf_error_set(err, HF_EIO, "flash writes of the guest are not stored yet: %llu bytes; try again",
                            (unsigned long long)queue.bytes);
    if (!resets_at_rest || (s->todo & HF_TODO_DECIDE))
        return hf_error_set(err, HF_ECANCELED, "the guest is being reset; try again");
    if (s->departure->stopped)
        return hf_error_set(err, HF_ECANCELED, "the guest was paused by its operator during the migration; try again");
    if (llabs((long long)(s->departure->ahead - s->clock.ahead)) > CLOCK_SLACK)
        return hf_error_set(err, HF_ECANCELED, "the guest set its clock during the migration; try again");
    if (s->watch.life == HF_LIFE_TRIAL && s->departure->alive != s->trial.life)
        return hf_error_set(err, HF_ECANCELED, "the guest gave its first sign of life during the migration; try again");
    return 0;
}

static void promise_done(void *ctx)
{
    struct hf_supervision *s = ctx;

    s->departure->kept = true;
    s->todo |= HF_TODO_DEPART;
}

int hf_departing_promised(struct hf_departure *d, struct hf_error *err)
{
    int r;

    if (!d->promise)
        return 0;
    r = hf_promise_work_end(hf_take_ptr(d->promise), err);
    hf_exchange_promised(hf_pump_exchange(d->pump), r);
    return r;
}

/* The disk has time for it while QEMU's rest travels. What an operator's verb changed meanwhile is offered anew, later. */
static int promise(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_exchange *x = hf_pump_exchange(s->departure->pump);
    struct hf_owner_pending *pending;
    int r = hf_exchange_promise(x, (int64_t)time(NULL), &pending, err);

    if (r == -HF_EREFUSED && err->rule && !strcmp(err->rule, "changed"))
        return 0;
    if (r < 0 || hf_promise_work_start(&s->loop, pending, promise_done, s, &s->departure->promise, NULL) == 0)
        return r;
    r = hf_owner_promise_finish(pending, err);
    hf_exchange_promised(x, r);
    return r;
}

/* QEMU has flushed every disk before it says that it stands. Its own rest travels beside the container's. */
static int stand(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_departure *d = s->departure;
    int r = check_still(s, err);

    if (r == 0)
        r = hf_monitor_send(s->monitor, "migrate-continue", json_pack("{s:s}", "state", "pre-switchover"), NULL, NULL,
                            err);
    if (r < 0)
        return r;
    d->stage = HF_STANDING;
    d->ready = false;
    r = hf_exchange_offer(hf_pump_exchange(d->pump), true, (int64_t)time(NULL), err);
    if (r < 0)
        return r;
    hf_pump_turn(d->pump);
    r = promise(s, err);
    return r < 0 ? r : hf_loop_timer(&s->loop, (int64_t)d->pause_limit_s * 1000, hf_departing_stood_too_long, s, err);
}

static int grant(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_departure *d = s->departure;
    int64_t now = (int64_t)time(NULL);
    int r = hf_exchange_grant(hf_pump_exchange(d->pump), now, err);

    if (r == -HF_EREFUSED && err->rule && !strcmp(err->rule, "changed")) { /* an operator's verb came in between */
        d->ready = false;
        r = hf_exchange_offer(hf_pump_exchange(d->pump), true, now, err);
    } else if (r == 0) {
        d->stage = HF_GRANTED;
        d->asked_at = hf_loop_now();
    }
    if (r == 0)
        hf_pump_turn(d->pump);
    return r;
}

static int judge(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_departure *d = s->departure;
    const struct hf_exchange_peer *peer = hf_exchange_peer(hf_pump_exchange(d->pump));
    json_t *findings = NULL;
    bool probed = false;
    int r;

    (void)snprintf(d->host, sizeof d->host, "%s", peer->host.name);
    if (!json_object_get(peer->extra, "live"))
        return hf_error_refuse(err, "live",
                               "host '%s' receives containers but runs no guests; a running guest needs "
                               "'holdfast receive --run' there",
                               d->host);
    r = hf_departure_check(s, peer, d->here, &findings, &probed, err);
    if (d->here && r == 0 && !probed)
        hf_departing_tell_stage(s, "not-probed");
    if (findings)
        hf_departing_tell(s, json_pack("{s:o}", "findings", findings));
    if (r < 0)
        return r;
    if (d->only_asks) {
        hf_departing_could(s);
        return 0;
    }
    r = hf_exchange_offer(hf_pump_exchange(d->pump), false, (int64_t)time(NULL), err);
    if (r < 0)
        return r;
    d->stage = HF_AHEAD;
    hf_departing_tell_stage(s, "ahead");
    return 0;
}

/* ---- between turns ---- */

static bool take(struct hf_pump *pump, enum hf_exchange_event event)
{
    bool seen = hf_pump_seen(pump, event);

    hf_pump_forget(pump, event);
    return seen;
}

/* For how long the other side has kept us waiting. */
static int64_t waited_ms(const struct hf_departure *d)
{
    switch (d->stage) {
    case HF_GRANTED: /* whatever else it says meanwhile */
        return hf_loop_now() - d->asked_at;
    case HF_MOVING: /* QEMU may have nothing to send */
        return hf_pump_is_stuck(d->pump) ? hf_pump_silent_ms(d->pump) : 0;
    case HF_STANDING:
        return d->ready && d->asked ? 0 : hf_pump_silent_ms(d->pump);
    default:
        return hf_pump_silent_ms(d->pump);
    }
}

static int check_silence(const struct hf_departure *d, struct hf_error *err)
{
    if (waited_ms(d) < (int64_t)d->timeout_s * 1000)
        return 0;
    if (d->stage == HF_GRANTED)
        return hf_error_set(err, HF_ETIMEDOUT, "no answer for %u s", d->timeout_s);
    return hf_pump_timed_out(d->timeout_s, err);
}

void hf_departing_look_at_clock(void *ctx)
{
    struct hf_supervision *s = ctx;

    s->todo |= HF_TODO_DEPART;
    (void)hf_loop_timer(&s->loop, LOOK_MS, hf_departing_look_at_clock, s, NULL);
}

/* What became of the grant? Of a promise that was taken back, and whose taking back the disk refused, nothing did. */
static int ask(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_exchange *x = hf_pump_exchange(s->departure->pump);
    int r;

    if (hf_exchange_state(x).holder != HF_HOLDER_OWNED)
        return hf_exchange_revoke(x, err);
    r = hf_owner_retract(s->container, true, (int64_t)time(NULL), err);
    if (r == 0)
        hf_departing_resumed(s);
    return r;
}

static int failure_of(struct hf_supervision *s, struct hf_error *err)
{
    json_t *result = NULL;
    int r = hf_monitor_execute(s->monitor, "query-migrate", NULL, &result, err);

    if (r == 0) {
        const char *why = hf_departing_text(result, "error-desc");

        r = hf_error_set(err, HF_EIO, "migration failed: %s", *why ? why : "QEMU tells no reason");
    }
    json_decref(result);
    return r;
}

static int step(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_departure *d = s->departure;
    int r;

    d->ready |= take(d->pump, HF_EXCHANGE_READY);
    d->asked |= take(d->pump, HF_EXCHANGE_ASKED);
    if (d->stage == HF_GRANTED)
        return take(d->pump, HF_EXCHANGE_PEER) ? ask(s, err) : 0;
    if (d->cancelled)
        return hf_error_set(err, HF_ECANCELED, "migration cancelled");
    if (d->late)
        return hf_error_set(err, HF_ETIMEDOUT, "the guest was paused for %u s, and host '%s' did not take it; "
                            "--pause-limit allows longer", d->pause_limit_s, d->host);
    if (d->failed)
        return failure_of(s, err);
    if (d->resumed)
        return hf_error_set(err, HF_ECANCELED, "the guest was resumed by its operator during the migration; try again");
    if (d->kept) {
        d->kept = false;
        r = hf_departing_promised(d, err);
        if (r < 0)
            return r;
    }
    if (d->stage == HF_MEETING && take(d->pump, HF_EXCHANGE_PEER))
        return judge(s, err);
    if (d->stage == HF_AHEAD && d->ready)
        return start_stream(s, err);
    if (d->stage == HF_MOVING && d->standing)
        return stand(s, err);
    if (d->stage == HF_STANDING && d->ready && d->asked && d->completed && !d->promise)
        return grant(s, err);
    return 0;
}

static bool answered(struct hf_supervision *s)
{
    struct hf_pump *pump = s->departure->pump;

    if (take(pump, HF_EXCHANGE_DEPARTED))
        hf_departing_departed(s);
    else if (take(pump, HF_EXCHANGE_RESUMED))
        hf_departing_resumed(s);
    return s->departure == NULL;
}

void hf_departure_go_on(struct hf_supervision *s)
{
    struct hf_departure *d = s->departure;
    struct hf_error err;
    int r;

    s->todo &= ~(unsigned)HF_TODO_DEPART;
    if (!d || !d->pump || answered(s))
        return;
    if (take(d->pump, HF_EXCHANGE_FAILED))
        r = hf_error_set(&err, HF_EIO, "host '%s' gave up: %s", d->host,
                         hf_exchange_failure(hf_pump_exchange(d->pump)));
    else
        r = hf_pump_is_open(d->pump) ? step(s, &err) : -(int)(err = *hf_pump_fault(d->pump)).code;
    if (r == 0 && s->departure)
        r = check_silence(d, &err);
    if (r < 0 && hf_departure_is_granted(s))
        hf_departing_lost(s, &err);
    else if (r < 0)
        hf_departing_abandon(s, &err);
    else if (s->departure && d->pump)
        hf_pump_turn(d->pump);
}

bool hf_departure_is_granted(const struct hf_supervision *s)
{
    return s->departure && s->departure->stage == HF_GRANTED;
}

/* ---- QEMU's events ---- */

bool hf_departure_on_migration(struct hf_supervision *s, const json_t *data)
{
    const char *status = hf_departing_text(data, "status");
    struct hf_departure *d = s->departure;

    if (!d || !d->migrating)
        return false;
    if (!strcmp(status, "pre-switchover")) {
        d->standing = true;
        if (!d->stood_at)
            d->stood_at = hf_loop_now();
    }
    d->completed |= !strcmp(status, "completed");
    d->failed |= !strcmp(status, "failed") || !strcmp(status, "cancelled");
    s->todo |= HF_TODO_DEPART;
    return true;
}

/* The migration's own stop has the state finish-migrate. */
static void stop_known(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct hf_supervision *s = ctx;

    if (s->departure && !strcmp(hf_departing_text(result, "status"), "paused"))
        s->departure->stopped = true;
}

void hf_departure_on_stop(struct hf_supervision *s)
{
    if (s->departure && s->departure->stage <= HF_MOVING && !hf_pause_holds(&s->pause, HF_HOLD_MOVE))
        (void)hf_monitor_send(s->monitor, "query-status", NULL, stop_known, s, NULL);
}

/* By somebody else on a monitor of his own. The guest may run elsewhere by now. */
void hf_departure_on_resume(struct hf_supervision *s)
{
    if (s->departure && (s->departure->stage == HF_STANDING || hf_pause_holds(&s->pause, HF_HOLD_MOVE))) {
        s->departure->resumed = true;
        s->todo |= HF_TODO_DEPART;
    }
    if (!hf_departure_is_granted(s))
        return;
    hf_supervision_say(s, "the guest was resumed here after it was granted to host '%s': it is paused again; "
                       "'holdfast migrate' asks that host whether it runs there",
                       s->departure->host);
    hf_supervision_pause(s, HF_PAUSE_STOP);
}

void hf_departing_stood_too_long(void *ctx)
{
    struct hf_supervision *s = ctx;

    if (s->departure && s->departure->stage == HF_STANDING) {
        s->departure->late = true;
        s->todo |= HF_TODO_DEPART;
    }
}
