/* SPDX-License-Identifier: BSD-2-Clause */
#include "departing.h"

#include <string.h>
#include <time.h>

#include "cleanup.h"

#define CANCEL_MS   10000
#define FAREWELL_MS 500

/* The owner's own migrations do not stop before they switch over. */
int hf_departing_set_pause(struct hf_departure *d, bool pause, struct hf_error *err)
{
    json_t *wanted = json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability", "events", "state", 1,
                               "capability", "pause-before-switchover", "state", pause);

    return hf_monitor_execute(d->run->monitor, "migrate-set-capabilities", wanted, NULL, err);
}

int hf_departing_is_emulated(struct hf_run *run, bool *emulated, struct hf_error *err)
{
    json_t *kvm = NULL;
    int r = hf_monitor_execute(run->monitor, "query-kvm", NULL, &kvm, err);

    if (r == 0)
        *emulated = json_is_false(json_object_get(kvm, "enabled"));
    json_decref(kvm);
    return r;
}

/* An emulated guest is paused before its memory is sent: QEMU's emulation can lose what it writes meanwhile. Also one
 * that its operator paused: resumed while it moves, it would run until it is paused again. */
int hf_departing_pause_emulated(struct hf_departure *d, struct hf_error *err)
{
    struct hf_departing *move = d->move;
    bool emulated = false;
    int r = move->live_emulated ? 0 : hf_departing_is_emulated(d->run, &emulated, err);

    if (r < 0 || !emulated)
        return r;
    if (hf_pause_hold(&d->run->pause, HF_HOLD_MOVE) == HF_PAUSE_STOP)
        r = hf_monitor_execute(d->run->monitor, "stop", NULL, NULL, err);
    move->stood_at = hf_loop_now();
    hf_departing_tell_stage(d, "paused");
    return r;
}

bool hf_departing_end_pause(struct hf_departure *d)
{
    bool held = hf_pause_holds(&d->run->pause, HF_HOLD_MOVE);
    enum hf_pause_want want = hf_pause_drop(&d->run->pause, HF_HOLD_MOVE);

    return held ? want == HF_PAUSE_CONT : d->move->before == HF_DEPARTING_RAN;
}

static const struct hf_whereabouts_row rows[] = {
    [HF_GUEST_STARTING] = {true, "the guest is starting; try again"},
    [HF_GUEST_HERE] = {true, NULL},
    [HF_GUEST_RESUMING] = {true, "the previous migration is still being cancelled; try again"},
    [HF_GUEST_DEPARTED] = {false, NULL}, /* the container itself refuses */
    [HF_GUEST_UNKNOWN] = {false, NULL},
};
_Static_assert(HF_ARRAY_SIZE(rows) == HF_GUEST_WHEREABOUTS_MAX, "one row for each");

const struct hf_whereabouts_row *hf_whereabouts_row(enum hf_whereabouts where)
{
    return &rows[where];
}

void hf_departure_started(struct hf_departure *d)
{
    if (d->whereabouts == HF_GUEST_STARTING)
        d->whereabouts = HF_GUEST_HERE;
}

/* ---- the end of a departure ---- */

void hf_departing_forget(struct hf_departure *d)
{
    struct hf_departing *move = d->move;

    if (!move)
        return;
    hf_loop_cancel(&d->run->loop, hf_departing_tell_progress, d);
    hf_loop_cancel(&d->run->loop, hf_departing_look_at_clock, d);
    (void)hf_promise_work_end(move->promise, NULL);
    hf_pump_close(move->sending.pump, FAREWELL_MS);
    hf_stream_relay_close(move->relay);
    json_decref(move->here);
    free(move);
    d->move = NULL;
}

static bool is_over(const char *status)
{
    static const char *const words[] = {"", "none", "completed", "failed", "cancelled"};

    for (size_t i = 0; i < HF_ARRAY_SIZE(words); i++) {
        if (!strcmp(status, words[i]))
            return true;
    }
    return false;
}

static int await_over(struct hf_departure *d, struct hf_error *err)
{
    int64_t until = hf_loop_now() + CANCEL_MS;
    bool over = false;
    int r = 0;

    while (r == 0 && !over) {
        json_t *result = NULL;

        r = hf_monitor_execute(d->run->monitor, "query-migrate", NULL, &result, err);
        over = r == 0 && is_over(hf_departing_text(result, "status"));
        json_decref(result);
        if (r == 0 && !over && hf_loop_now() > until)
            r = hf_error_set(err, HF_ETIMEDOUT, "QEMU: ending the migration timed out");
        if (r == 0 && !over)
            r = hf_loop_turn(&d->run->loop, 10, err);
    }
    return r;
}

/* QEMU's migration is ended and undone, whatever it had reached. Once it was told to continue it is not cancelled but
 * left to fail or to complete, now that nobody reads its stream: a QEMU 7.2 that is cancelled while it gives its disks
 * away lets the guest run without them, and aborts at its next write. */
static int stay(struct hf_departure *d, bool continued, struct hf_error *err)
{
    int r = continued ? await_over(d, err) : -HF_ETIMEDOUT;

    if (r == -HF_ETIMEDOUT)
        r = hf_monitor_execute(d->run->monitor, "migrate_cancel", NULL, NULL, err);
    if (r == 0)
        r = await_over(d, err);
    return r < 0 ? r : hf_departing_set_pause(d, false, err);
}

/* For a moment after a migration ended QEMU refuses 'cont', and may let the guest run by itself. */
static int run_on(struct hf_departure *d, struct hf_error *err)
{
    int64_t until = hf_loop_now() + CANCEL_MS;

    for (;;) {
        json_t *result = NULL;
        int r = hf_monitor_execute(d->run->monitor, "query-status", NULL, &result, err);
        bool running = json_is_true(json_object_get(result, "running"));

        json_decref(result);
        if (r == 0 && !running)
            r = hf_monitor_execute(d->run->monitor, "cont", NULL, NULL, err);
        if (r != -HF_EREFUSED || hf_loop_now() > until)
            return r;
        r = hf_loop_turn(&d->run->loop, 10, err);
        if (r < 0)
            return r;
    }
}

/* As if nothing had happened. */
void hf_departing_stayed(struct hf_departure *d, const struct hf_error *why)
{
    enum hf_departure_qemu qemu = d->move->qemu;
    bool paused = hf_pause_holds(&d->run->pause, HF_HOLD_MOVE), resume;
    struct hf_error err;
    int r = 0;

    hf_run_say(d->run, "the guest stays here: %s", why->text);
    resume = hf_departing_end_pause(d);
    hf_departing_forget(d);
    d->whereabouts = HF_GUEST_RESUMING; /* the loop turns meanwhile, and somebody may ask to move the guest again */
    if ((qemu != HF_DEPARTURE_QEMU_IDLE || paused) && hf_run_has_qemu(d->run)) {
        r = qemu != HF_DEPARTURE_QEMU_IDLE ? stay(d, qemu == HF_DEPARTURE_QEMU_CONTINUED, &err) : 0;
        if (r == 0 && resume)
            r = run_on(d, &err);
    }
    d->whereabouts = HF_GUEST_HERE;
    if (r < 0)
        hf_run_say(d->run, "the guest cannot be resumed: %s", err.text);
    hf_departing_tell_end(d, why);
}

void hf_departing_could(struct hf_departure *d)
{
    hf_departing_tell_stage(d, "could");
    hf_departing_forget(d);
    hf_departing_tell_end(d, NULL);
}

void hf_departing_departed(struct hf_departure *d)
{
    hf_run_say(d->run, "the guest runs on host '%s' now", d->move->host);
    d->whereabouts = HF_GUEST_DEPARTED;
    hf_departing_tell(d, json_pack("{s:s, s:s, s:I}", "stage", "departed", "host", d->move->host, "stood-ms",
                                   (json_int_t)(d->move->stood_at ? hf_loop_now() - d->move->stood_at : 0)));
    hf_departing_forget(d);
    hf_departing_tell_end(d, NULL);
    (void)hf_monitor_send(d->run->monitor, "quit", NULL, NULL, NULL, NULL);
}

/* The container is ours at a newer epoch, which the flash server does not know yet. */
void hf_departing_resumed(struct hf_departure *d)
{
    struct hf_error why, err;
    bool resume = hf_departing_end_pause(d);
    int r;

    (void)hf_error_set(&why, HF_ECANCELED, "host '%s' did not claim the guest; it runs on here", d->move->host);
    hf_run_say(d->run, "%s", why.text);
    hf_departing_forget(d);
    d->whereabouts = HF_GUEST_RESUMING;
    r = d->ops.renew(d->ops.ctx, &err);
    if (r == 0)
        r = hf_departing_set_pause(d, false, &err);
    if (r == 0 && resume)
        r = run_on(d, &err);
    d->whereabouts = HF_GUEST_HERE;
    if (r < 0)
        hf_run_fail(d->run, &err);
    hf_departing_tell_end(d, &why);
}

void hf_departing_lost(struct hf_departure *d, const struct hf_error *how)
{
    struct hf_departing *move = d->move;
    struct hf_error why;

    (void)hf_error_set(
        &why, how->code == HF_ETIMEDOUT ? HF_ETIMEDOUT : HF_EIO,
        "the guest was granted to host '%s', and whether that claimed it is unknown (%s): it stays paused "
        "here until 'holdfast migrate' to that host asks. If that host is lost, end the guest "
        "here and take the container: 'holdfast owner --take --because TEXT'",
        move->host, how->text);
    hf_run_say(d->run, "%s", why.text);
    if (d->run->pause.running) /* QEMU lets a guest go on when its migration fails */
        hf_run_pause(d->run, HF_PAUSE_STOP);
    hf_loop_cancel(&d->run->loop, hf_departing_look_at_clock, d);
    hf_pump_close(hf_take_ptr(move->sending.pump), 0);
    hf_stream_relay_close(hf_take_ptr(move->relay));
    hf_departing_tell_end(d, &why);
}

static void end_move(struct hf_departure *d)
{
    struct hf_departing *move = d->move;
    struct hf_error why, err;

    (void)hf_error_set(&why, HF_EIO, "QEMU exited");
    if (hf_departure_is_granted(d)) {
        d->whereabouts = HF_GUEST_UNKNOWN;
        hf_departing_forget(d);
        hf_departing_tell_end(d, &why);
        return;
    }
    move->qemu = HF_DEPARTURE_QEMU_IDLE;
    (void)hf_sending_fail(&move->sending, &why, &err);
    if (!hf_departure_is_granted(d)) {
        hf_departing_stayed(d, &why);
        return;
    }
    d->whereabouts = HF_GUEST_UNKNOWN; /* what was promised could not be taken back */
    hf_departing_lost(d, &err);
    hf_departing_forget(d);
}

void hf_departure_end(struct hf_departure *d)
{
    if (d->move)
        end_move(d);
    if (d->whereabouts == HF_GUEST_HERE)
        d->whereabouts = HF_GUEST_STARTING;
}
