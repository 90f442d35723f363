/* SPDX-License-Identifier: BSD-2-Clause */
#include "departing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "machine_devices.h"
#include "machine_record.h"
#include "peer_check.h"
#include "writeback.h"

#define LOOK_MS     500
#define CLOCK_SLACK 5 /* seconds: firmware writes back what it read, a time service corrects by moments */
#define STREAM_NAME "hf-stream"

/* ---- may the guest go ---- */

static json_t *findings_of(const struct hf_verdict *v)
{
    json_t *findings = json_array();

    for (size_t i = 0; i < v->count; i++) {
        const struct hf_finding *f = &v->finding[i];

        (void)json_array_append_new(findings, json_pack("{s:s, s:b, s:b, s:s, s:s}", "rule", f->rule, "refused",
                                                        f->weight == HF_FINDING_REFUSE, "now", f->when == HF_WHEN_NOW,
                                                        "text", f->text, "remedy", f->remedy));
    }
    return findings;
}

/* What QEMU itself tells of the guest that it runs. */
struct now {
    char devices[HF_MACHINE_DEVICES_MAX + 1];
    bool emulated;
    struct hf_vmm_version version;
};

static int look(struct hf_run *run, const char *vmm, struct now *now, struct hf_error *err)
{
    int r = hf_machine_devices(run->monitor, now->devices, sizeof now->devices, err);

    if (r == 0)
        r = hf_vmm_version_parse(vmm, &now->version, err);
    return r < 0 ? r : hf_departing_is_emulated(run, &now->emulated, err);
}

struct asking {
    const struct now *now;
    json_t *findings;
};

static void complete(void *ctx, struct hf_guest_needs *needs)
{
    const struct now *now = ((struct asking *)ctx)->now;

    needs->running = true;
    needs->under = now->version;
    needs->emulated = now->emulated;
    needs->devices = now->devices[0] ? now->devices : NULL; /* plugged in by now, not what the start recorded */
}

static void judged(void *ctx, const struct hf_host_caps *host, const struct hf_verdict *verdict)
{
    (void)host;
    ((struct asking *)ctx)->findings = findings_of(verdict);
}

/* hf_peer_check() with what QEMU itself says of the guest now. *findings, the caller's reference, has them all, the
 * mere notes too; NULL: it was not judged. */
static int check(struct hf_departure *d, const struct hf_exchange_peer *peer, json_t **findings, bool *probed,
                 struct hf_error *err)
{
    struct now now;
    struct asking asking = {.now = &now};
    const struct hf_peer_check asked = {.container = d->run->container,
                                        .host = peer->host.name,
                                        .caps = peer->caps,
                                        .caps_size = peer->caps_size,
                                        .here = d->move->here,
                                        .complete = complete,
                                        .judged = judged,
                                        .ctx = &asking};
    int r = look(d->run, d->ops.guest(d->ops.ctx).vmm, &now, err);

    if (r == 0)
        r = hf_peer_check(&asked, probed, err);
    *findings = asking.findings;
    return r;
}

/* ---- QEMU as a mover ---- */

static int judge(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct hf_departure *d = ctx;
    struct hf_departing *move = d->move;
    json_t *findings = NULL;
    bool probed = false;
    int r;

    (void)snprintf(move->host, sizeof move->host, "%s", peer->host.name);
    if (!json_object_get(peer->extra, "live"))
        return hf_error_refuse(err, "live",
                               "host '%s' receives containers but runs no guests; a running guest needs "
                               "'holdfast receive --run' there",
                               move->host);
    r = check(d, peer, &findings, &probed, err);
    if (move->here && r == 0 && !probed)
        hf_departing_tell_stage(d, "not-probed");
    if (findings)
        hf_departing_tell(d, json_pack("{s:o}", "findings", findings));
    return r;
}

static int start(void *ctx, struct hf_error *err)
{
    struct hf_departure *d = ctx;
    struct hf_departing *move = d->move;
    hf_auto(hf_cleanup_close) int theirs = -1;
    int r = hf_departing_set_pause(d, true, err);

    (void)hf_exchange_prepare(hf_pump_exchange(move->sending.pump), NULL); /* while the guest runs */
    if (r == 0)
        r = hf_stream_relay_open(&d->run->loop, &move->relay, &theirs, err);
    if (r == 0)
        r = hf_departing_pause_emulated(d, err);
    if (r == 0)
        r = hf_monitor_send_fd(d->run->monitor, "getfd", json_pack("{s:s}", "fdname", STREAM_NAME), theirs, NULL, NULL,
                               err);
    if (r == 0)
        r = hf_stream_relay_read(move->relay, move->sending.pump, err);
    if (r < 0)
        return r;
    move->qemu = HF_DEPARTURE_QEMU_MIGRATING;
    return hf_monitor_execute(d->run->monitor, "migrate", json_pack("{s:s}", "uri", "fd:" STREAM_NAME), NULL, err);
}

/* Only a guest whose flash is all in the container, and that no reset of ours is at, may be given away. */
static int check_still(struct hf_departure *d, struct hf_error *err)
{
    const struct hf_departing *move = d->move;
    struct hf_departure_guest guest = d->ops.guest(d->ops.ctx);
    struct hf_queue_state queue = {0};
    int r = hf_writeback_look(d->run->container, &queue, err);

    if (r < 0 && r != -HF_ENOTFOUND)
        return r;
    if ((d->run->pause.holds & ~(unsigned)HF_HOLD_MOVE) || (d->run->todo & HF_TODO_VERIFY) || queue.bytes)
        return hf_error_set(err, HF_EIO, "flash writes of the guest are not stored yet: %llu bytes; try again",
                            (unsigned long long)queue.bytes);
    if (guest.is_reset || (d->run->todo & HF_TODO_DECIDE))
        return hf_error_set(err, HF_ECANCELED, "the guest is being reset; try again");
    if (move->before == HF_DEPARTING_STOPPED)
        return hf_error_set(err, HF_ECANCELED, "the guest was paused by its operator during the migration; try again");
    if (llabs((long long)(move->clock - guest.clock)) > CLOCK_SLACK)
        return hf_error_set(err, HF_ECANCELED, "the guest set its clock during the migration; try again");
    if (guest.on_trial && move->alive != guest.alive)
        return hf_error_set(err, HF_ECANCELED, "the guest gave its first sign of life during the migration; try again");
    return 0;
}

/* QEMU has flushed every disk before it says that it is paused. Its own rest travels beside the container's. */
static int hold(void *ctx, struct hf_error *err)
{
    struct hf_departure *d = ctx;
    int r = check_still(d, err);

    if (r == 0)
        r = hf_monitor_send(d->run->monitor, "migrate-continue", json_pack("{s:s}", "state", "pre-switchover"), NULL,
                            NULL, err);
    if (r == 0)
        d->move->qemu = HF_DEPARTURE_QEMU_CONTINUED;
    return r;
}

/* Acted on between turns. */
static void note(struct hf_departure *d, enum hf_sending_event event)
{
    hf_sending_note(&d->move->sending, event);
    d->run->todo |= HF_TODO_DEPART;
}

static void promise_done(void *ctx)
{
    note(ctx, HF_SENDING_ON_PROMISED);
}

static int promise(void *ctx, struct hf_owner_pending *pending, struct hf_error *err)
{
    struct hf_departure *d = ctx;

    return hf_promise_work_start(&d->run->loop, pending, promise_done, d, &d->move->promise, err);
}

static int promised(void *ctx, struct hf_error *err)
{
    return hf_promise_work_end(hf_take_ptr(((struct hf_departure *)ctx)->move->promise), err);
}

/* Of a promise that was taken back, and whose taking back the disk refused, nothing came. */
static int ask(void *ctx, struct hf_error *err)
{
    struct hf_departure *d = ctx;
    struct hf_exchange *x = hf_pump_exchange(d->move->sending.pump);
    int r;

    if (hf_exchange_state(x).holder != HF_HOLDER_OWNED)
        return hf_exchange_revoke(x, err);
    r = hf_owner_retract(d->run->container, true, (int64_t)time(NULL), err);
    return r < 0 ? r : 1;
}

static void entered(void *ctx, enum hf_sending_stage stage)
{
    if (stage == HF_SENDING_AHEAD)
        hf_departing_tell_stage(ctx, "ahead");
    if (stage != HF_SENDING_MOVING)
        return;
    hf_departing_tell_stage(ctx, "moving");
    hf_departing_tell_progress(ctx);
}

static void explain_failure(struct hf_departure *d, struct hf_error *err)
{
    json_t *result = NULL;
    int r = hf_monitor_execute(d->run->monitor, "query-migrate", NULL, &result, err);

    if (r == 0) {
        const char *why = hf_departing_text(result, "error-desc");

        (void)hf_error_set(err, HF_EIO, "migration failed: %s", *why ? why : "QEMU tells no reason");
    }
    json_decref(result);
}

static void explain(void *ctx, enum hf_sending_event event, struct hf_error *err)
{
    struct hf_departure *d = ctx;
    const struct hf_departing *move = d->move;

    if (event == HF_SENDING_ON_FAILED)
        explain_failure(d, err);
    else if (event == HF_SENDING_ON_CANCELLED)
        (void)hf_error_set(err, HF_ECANCELED, "migration cancelled");
    else if (event == HF_SENDING_ON_LATE)
        (void)hf_error_set(err, HF_ETIMEDOUT,
                           "the guest was paused for %u s, and host '%s' did not take it; "
                           "--pause-limit allows longer",
                           move->sending.pause_limit_s, move->host);
    else
        (void)hf_error_set(err, HF_ECANCELED, "the guest was resumed by its operator during the migration; try again");
}

const struct hf_mover_ops hf_departing_mover = {
    .needs = HF_SENDING_BIT(HF_SENDING_ON_READY) | HF_SENDING_BIT(HF_SENDING_ON_ASKED) |
             HF_SENDING_BIT(HF_SENDING_ON_COMPLETED),
    .judge = judge,
    .start = start,
    .hold = hold,
    .promise = promise,
    .promised = promised,
    .ask = ask,
    .entered = entered,
    .explain = explain,
};

/* ---- between turns ---- */

void hf_departing_look_at_clock(void *ctx)
{
    struct hf_departure *d = ctx;

    d->run->todo |= HF_TODO_DEPART;
    (void)hf_loop_timer(&d->run->loop, LOOK_MS, hf_departing_look_at_clock, d, NULL);
}

/* Functions of the mover turn the loop, so nothing is acted on in there. */
void hf_departure_go_on(struct hf_departure *d)
{
    struct hf_departing *move = d->move;
    struct hf_error err;

    d->run->todo &= ~(unsigned)HF_TODO_DEPART;
    if (!move || !move->sending.pump)
        return;
    hf_sending_note_seen(&move->sending);
    hf_sending_look(&move->sending);
    (void)hf_sending_go_on(&move->sending, &err);
    if (move->sending.stage == HF_SENDING_COULD)
        hf_departing_could(d);
    else if (move->sending.stage == HF_SENDING_DEPARTED)
        hf_departing_departed(d);
    else if (move->sending.stage == HF_SENDING_RESUMED)
        hf_departing_resumed(d);
    else if (move->sending.stage == HF_SENDING_STAYED)
        hf_departing_stayed(d, &err);
    else if (move->sending.stage == HF_SENDING_LOST)
        hf_departing_lost(d, &err);
}

bool hf_departure_is_granted(const struct hf_departure *d)
{
    return d->move && hf_sending_stage_is_granted(d->move->sending.stage);
}

/* ---- QEMU's events ---- */

bool hf_departure_on_migration(struct hf_departure *d, const json_t *data)
{
    const char *status = hf_departing_text(data, "status");
    struct hf_departing *move = d->move;

    if (!move || move->qemu == HF_DEPARTURE_QEMU_IDLE)
        return false;
    if (!strcmp(status, "pre-switchover")) {
        if (!move->stood_at)
            move->stood_at = hf_loop_now();
        note(d, HF_SENDING_ON_PAUSED);
    }
    if (!strcmp(status, "completed"))
        note(d, HF_SENDING_ON_COMPLETED);
    if (!strcmp(status, "failed") || !strcmp(status, "cancelled"))
        note(d, HF_SENDING_ON_FAILED);
    return true;
}

/* The migration's own stop has the state finish-migrate. */
static void stop_known(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct hf_departure *d = ctx;

    if (d->move && !strcmp(hf_departing_text(result, "status"), "paused"))
        d->move->before = HF_DEPARTING_STOPPED;
}

void hf_departure_on_stop(struct hf_departure *d)
{
    if (d->move && !hf_departure_is_granted(d) && d->move->sending.stage != HF_SENDING_OFFERED &&
        !hf_pause_holds(&d->run->pause, HF_HOLD_MOVE))
        (void)hf_monitor_send(d->run->monitor, "query-status", NULL, stop_known, d, NULL);
}

/* By somebody else on a monitor of his own. The guest may run elsewhere by now. */
void hf_departure_on_resume(struct hf_departure *d)
{
    if (d->move && (d->move->sending.stage == HF_SENDING_OFFERED || hf_pause_holds(&d->run->pause, HF_HOLD_MOVE)))
        note(d, HF_SENDING_ON_INTERFERED);
    if (!hf_departure_is_granted(d))
        return;
    hf_run_say(d->run,
               "the guest was resumed here after it was granted to host '%s': it is paused again; "
               "'holdfast migrate' asks that host whether it runs there",
               d->move->host);
    hf_run_pause(d->run, HF_PAUSE_STOP);
}
