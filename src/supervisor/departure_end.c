/* SPDX-License-Identifier: BSD-2-Clause */
#include "departing.h"

#include <string.h>
#include <time.h>

#include "cleanup.h"

#define CANCEL_MS   10000
#define FAREWELL_MS 500

/* The owner's own migrations do not stop before they switch over. */
int hf_departing_set_pause(struct hf_supervision *s, bool pause, struct hf_error *err)
{
    json_t *wanted = json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability", "events", "state", 1,
                               "capability", "pause-before-switchover", "state", pause);

    return hf_monitor_execute(s->run.monitor, "migrate-set-capabilities", wanted, NULL, err);
}

static const struct hf_whereabouts_row rows[] = {
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

/* ---- the end of a departure ---- */

void hf_departing_forget(struct hf_supervision *s)
{
    struct hf_departure *d = s->departure;

    if (!d)
        return;
    hf_loop_cancel(&s->run.loop, hf_departing_tell_progress, s);
    hf_loop_cancel(&s->run.loop, hf_departing_look_at_clock, s);
    (void)hf_promise_work_end(d->promise, NULL);
    hf_pump_close(d->sending.pump, FAREWELL_MS);
    hf_stream_relay_close(d->relay);
    json_decref(d->here);
    free(d);
    s->departure = NULL;
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

static int await_over(struct hf_supervision *s, struct hf_error *err)
{
    int64_t until = hf_loop_now() + CANCEL_MS;
    bool over = false;
    int r = 0;

    while (r == 0 && !over) {
        json_t *result = NULL;

        r = hf_monitor_execute(s->run.monitor, "query-migrate", NULL, &result, err);
        over = r == 0 && is_over(hf_departing_text(result, "status"));
        json_decref(result);
        if (r == 0 && !over && hf_loop_now() > until)
            r = hf_error_set(err, HF_ETIMEDOUT, "QEMU: ending the migration timed out");
        if (r == 0 && !over)
            r = hf_loop_turn(&s->run.loop, 10, err);
    }
    return r;
}

/* QEMU's migration is ended and undone, whatever it had reached. Once it was told to continue it is not cancelled but
 * left to fail or to complete, now that nobody reads its stream: a QEMU 7.2 that is cancelled while it gives its disks
 * away lets the guest run without them, and aborts at its next write. */
static int stay(struct hf_supervision *s, bool continued, struct hf_error *err)
{
    int r = continued ? await_over(s, err) : -HF_ETIMEDOUT;

    if (r == -HF_ETIMEDOUT)
        r = hf_monitor_execute(s->run.monitor, "migrate_cancel", NULL, NULL, err);
    if (r == 0)
        r = await_over(s, err);
    return r < 0 ? r : hf_departing_set_pause(s, false, err);
}

/* For a moment after a migration ended QEMU refuses 'cont', and may let the guest run by itself. */
static int run_on(struct hf_supervision *s, struct hf_error *err)
{
    int64_t until = hf_loop_now() + CANCEL_MS;

    for (;;) {
        json_t *result = NULL;
        int r = hf_monitor_execute(s->run.monitor, "query-status", NULL, &result, err);
        bool running = json_is_true(json_object_get(result, "running"));

        json_decref(result);
        if (r == 0 && !running)
            r = hf_monitor_execute(s->run.monitor, "cont", NULL, NULL, err);
        if (r != -HF_EREFUSED || hf_loop_now() > until)
            return r;
        r = hf_loop_turn(&s->run.loop, 10, err);
        if (r < 0)
            return r;
    }
}

/* As if nothing had happened. */
void hf_departing_stayed(struct hf_supervision *s, const struct hf_error *why)
{
    enum hf_departure_qemu qemu = s->departure->qemu;
    enum hf_whereabouts before = s->whereabouts;
    bool paused = hf_pause_holds(&s->run.pause, HF_HOLD_MOVE), resume;
    struct hf_error err;
    int r = 0;

    hf_run_say(&s->run, "the guest stays here: %s", why->text);
    resume = hf_departing_end_pause(s);
    hf_departing_forget(s);
    s->whereabouts = HF_GUEST_RESUMING; /* the loop turns meanwhile, and somebody may ask to move the guest again */
    if ((qemu != HF_DEPARTURE_QEMU_IDLE || paused) && hf_run_has_qemu(&s->run)) {
        r = qemu != HF_DEPARTURE_QEMU_IDLE ? stay(s, qemu == HF_DEPARTURE_QEMU_CONTINUED, &err) : 0;
        if (r == 0 && resume)
            r = run_on(s, &err);
    }
    s->whereabouts = before;
    if (r < 0)
        hf_run_say(&s->run, "the guest cannot be resumed: %s", err.text);
    hf_departing_tell_end(s, why);
}

void hf_departing_could(struct hf_supervision *s)
{
    hf_departing_tell_stage(s, "could");
    hf_departing_forget(s);
    hf_departing_tell_end(s, NULL);
}

void hf_departing_departed(struct hf_supervision *s)
{
    hf_run_say(&s->run, "the guest runs on host '%s' now", s->departure->host);
    s->whereabouts = HF_GUEST_DEPARTED;
    hf_departing_tell(s, json_pack("{s:s, s:s, s:I}", "stage", "departed", "host", s->departure->host, "stood-ms",
                                   (json_int_t)(s->departure->stood_at ? hf_loop_now() - s->departure->stood_at : 0)));
    hf_departing_forget(s);
    hf_departing_tell_end(s, NULL);
    (void)hf_monitor_send(s->run.monitor, "quit", NULL, NULL, NULL, NULL);
}

/* The container is ours at a newer epoch, which the flash server does not know yet. */
void hf_departing_resumed(struct hf_supervision *s)
{
    enum hf_whereabouts before = s->whereabouts;
    struct hf_error why, err;
    bool resume = hf_departing_end_pause(s);
    int r;

    (void)hf_error_set(&why, HF_ECANCELED, "host '%s' did not claim the guest; it runs on here", s->departure->host);
    hf_run_say(&s->run, "%s", why.text);
    hf_departing_forget(s);
    s->whereabouts = HF_GUEST_RESUMING;
    r = hf_server_watch_renew(&s->server, &err);
    if (r == 0)
        r = hf_departing_set_pause(s, false, &err);
    if (r == 0 && resume)
        r = run_on(s, &err);
    s->whereabouts = before;
    if (r < 0)
        hf_run_fail(&s->run, &err);
    hf_departing_tell_end(s, &why);
}

void hf_departing_lost(struct hf_supervision *s, const struct hf_error *how)
{
    struct hf_departure *d = s->departure;
    struct hf_error why;

    (void)hf_error_set(
        &why, how->code == HF_ETIMEDOUT ? HF_ETIMEDOUT : HF_EIO,
        "the guest was granted to host '%s', and whether that claimed it is unknown (%s): it stays paused "
        "here until 'holdfast migrate' to that host asks. If that host is lost, end the guest "
        "here and take the container: 'holdfast owner --take --because TEXT'",
        d->host, how->text);
    hf_run_say(&s->run, "%s", why.text);
    if (s->run.pause.running) /* QEMU lets a guest go on when its migration fails */
        hf_run_pause(&s->run, HF_PAUSE_STOP);
    hf_loop_cancel(&s->run.loop, hf_departing_look_at_clock, s);
    hf_pump_close(hf_take_ptr(d->sending.pump), 0);
    hf_stream_relay_close(hf_take_ptr(d->relay));
    hf_departing_tell_end(s, &why);
}

void hf_departure_end(struct hf_supervision *s)
{
    struct hf_departure *d = s->departure;
    struct hf_error why, err;

    if (!d)
        return;
    (void)hf_error_set(&why, HF_EIO, "QEMU exited");
    if (hf_departure_is_granted(s)) {
        s->whereabouts = HF_GUEST_UNKNOWN;
        hf_departing_forget(s);
        hf_departing_tell_end(s, &why);
        return;
    }
    d->qemu = HF_DEPARTURE_QEMU_IDLE;
    (void)hf_sending_fail(&d->sending, &why, &err);
    if (!hf_departure_is_granted(s)) {
        hf_departing_stayed(s, &why);
        return;
    }
    s->whereabouts = HF_GUEST_UNKNOWN; /* what was promised could not be taken back */
    hf_departing_lost(s, &err);
    hf_departing_forget(s);
}
