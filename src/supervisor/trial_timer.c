/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot of a trial, watched: signs of life, the signals that confirm, and the time-out of a guest that shows none.
 */
#include "supervision.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "banks.h"
#include "cleanup.h"

#define TICK_MS 1000

static void tick(void *ctx);

static bool on_trial(const struct hf_supervision *s)
{
    return hf_reset_watch_on_trial(&s->resets);
}

/* The variables of the guest, as far as they reached the container: they change when the guest writes them. */
static void look_at_flash(struct hf_supervision *s)
{
    uint64_t commits = s->trial_commits;
    struct hf_digest now;

    if (s->trial.life || hf_container_commits(s->run.container, &commits, NULL) < 0 || commits == s->trial_commits)
        return;
    s->trial_commits = commits;
    if (hf_bank_digest(s->run.container, HF_BANK_VARS, &now, NULL) == 0 && !hf_digest_equal(&now, &s->trial_vars))
        hf_trial_watch_flash(&s->trial);
}

static void disks_answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct hf_supervision *s = ctx;

    if (result)
        hf_trial_watch_disks(&s->trial, result);
}

static void ask_disks(struct hf_supervision *s)
{
    struct hf_error err;

    if (!s->trial.life && hf_monitor_send(s->run.monitor, "query-blockstats", NULL, disks_answered, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

static void confirm(struct hf_supervision *s, enum hf_signal signal)
{
    struct hf_error err;
    bool confirmed;

    if (hf_lifecycle_signal(s->run.container, signal, (int64_t)time(NULL), &confirmed, &err) < 0)
        hf_run_say(&s->run, "the trial could not be confirmed: %s", err.text);
    else if (confirmed)
        hf_run_say(&s->run, "the firmware on trial is confirmed by %s", hf_signal_name(signal));
}

/* Nothing came from this guest: it is reset, and the boot has failed. */
static void give_up(struct hf_supervision *s)
{
    struct hf_error err;

    hf_run_say(&s->run, "%s for %u s: the boot of the trial has failed",
               s->trial.life ? "the firmware started nothing" : "no sign of life", s->resets.wanted.timeout);
    s->timed_out = true;
    if (hf_monitor_send(s->run.monitor, "system_reset", NULL, NULL, NULL, &err) < 0)
        hf_run_fail(&s->run, &err);
}

/* Firmware that said it started, and never that an operating system took over, hangs: what it wrote and read on the way
 * there proves nothing. */
static bool shows_life(const struct hf_supervision *s)
{
    return s->trial.life && !(s->resets.wanted.by.signal == HF_SIGNAL_MAILBOX && hf_mailbox_watch_still_booting(s));
}

static void judge(struct hf_supervision *s)
{
    switch (hf_watch_judge(&s->resets.wanted.by, s->resets.wanted.timeout, hf_trial_watch_seconds(&s->trial),
                           shows_life(s))) {
    case HF_WATCH_CONFIRM:
        confirm(s, HF_SIGNAL_UPTIME);
        break;
    case HF_WATCH_RESET:
        if (!s->timed_out && hf_reset_watch_is_armed(&s->resets))
            give_up(s);
        break;
    default:
        break;
    }
}

static void tick(void *ctx)
{
    struct hf_supervision *s = ctx;
    struct hf_error err;

    hf_trial_watch_tick(&s->trial, hf_loop_now(), s->run.pause.running);
    if (on_trial(s) && hf_monitor_is_open(s->run.monitor)) {
        look_at_flash(s);
        ask_disks(s);
        judge(s);
    }
    if (hf_loop_timer(&s->run.loop, TICK_MS, tick, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

void hf_trial_timer_running(struct hf_supervision *s)
{
    hf_trial_watch_tick(&s->trial, hf_loop_now(), s->run.pause.running);
}

void hf_trial_timer_begin(struct hf_supervision *s)
{
    hf_trial_watch_begin(&s->trial, hf_loop_now());
    s->trial.running = s->run.pause.running;
    if (!on_trial(s)) {
        hf_loop_cancel(&s->run.loop, tick, s);
        return;
    }
    (void)hf_container_commits(s->run.container, &s->trial_commits, NULL);
    if (hf_bank_digest(s->run.container, HF_BANK_VARS, &s->trial_vars, NULL) < 0)
        memset(&s->trial_vars, 0, sizeof s->trial_vars);
    ask_disks(s);
    (void)hf_loop_timer(&s->run.loop, TICK_MS, tick, s, NULL);
}

void hf_trial_timer_end(struct hf_supervision *s)
{
    hf_loop_cancel(&s->run.loop, tick, s);
}

void hf_trial_timer_last_look(struct hf_supervision *s)
{
    if (on_trial(s) && s->boot_open && hf_monitor_is_open(s->run.monitor))
        (void)hf_monitor_send(s->run.monitor, "query-blockstats", NULL, disks_answered, s, NULL);
}

bool hf_trial_timer_life(struct hf_supervision *s)
{
    look_at_flash(s);
    return s->trial.life;
}

void hf_trial_timer_booted(struct hf_supervision *s)
{
    if (on_trial(s))
        confirm(s, HF_SIGNAL_MAILBOX);
}

/* ---- the agent ---- */

static void port_named(void *ctx, const json_t *result, const struct hf_error *err)
{
    const char *name = json_string_value(result);

    if (name && strcmp(name, HF_AGENT_PORT_NAME) == 0)
        confirm(ctx, HF_SIGNAL_AGENT);
}

void hf_trial_timer_port(struct hf_supervision *s, const json_t *data)
{
    const char *id = hf_trial_watch_opened_port(data);
    char path[256];
    struct hf_error err;

    if (!id || !on_trial(s) || (size_t)snprintf(path, sizeof path, "/machine/peripheral/%s", id) >= sizeof path)
        return;
    if (hf_monitor_send(s->run.monitor, "qom-get", json_pack("{s:s, s:s}", "path", path, "property", "name"),
                        port_named, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}
