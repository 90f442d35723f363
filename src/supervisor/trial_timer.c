/* SPDX-License-Identifier: BSD-2-Clause */
#include "trial_timer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "block_reads.h"

#define TICK_MS 1000

static void tick(void *ctx);

void hf_trial_timer_init(struct hf_trial_timer *t, struct hf_run *run, const struct hf_watch *wanted,
                         const struct hf_trial_timer_ops *ops)
{
    *t = (struct hf_trial_timer){.run = run, .wanted = wanted, .ops = *ops};
}

bool hf_trial_timer_take_time_out(struct hf_trial_timer *t)
{
    bool timed_out = t->timed_out;

    t->timed_out = false;
    return timed_out;
}

static bool on_trial(const struct hf_trial_timer *t)
{
    return t->wanted->life == HF_LIFE_TRIAL;
}

static void disks_answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct hf_trial_timer *t = ctx;

    if (result)
        hf_trial_watch_reads(&t->watch, hf_block_reads(result));
}

static void ask_disks(struct hf_trial_timer *t)
{
    struct hf_error err;

    if (!t->watch.life && hf_monitor_send(t->run->monitor, "query-blockstats", NULL, disks_answered, t, &err) < 0)
        hf_run_fail(t->run, &err);
}

static void confirm(struct hf_trial_timer *t, enum hf_signal signal)
{
    struct hf_error err;
    bool confirmed;

    if (hf_lifecycle_signal(t->run->container, signal, (int64_t)time(NULL), &confirmed, &err) < 0)
        hf_run_say(t->run, "the trial could not be confirmed: %s", err.text);
    else if (confirmed)
        hf_run_say(t->run, "the firmware on trial is confirmed by %s", hf_signal_name(signal));
}

/* Nothing came from this guest: it is reset, and the boot has failed. */
static void give_up(struct hf_trial_timer *t)
{
    struct hf_error err;

    hf_run_say(t->run, "%s for %u s: the boot of the trial has failed",
               t->watch.life ? "the firmware started nothing" : "no sign of life", t->wanted->timeout);
    t->timed_out = true;
    if (hf_monitor_send(t->run->monitor, "system_reset", NULL, NULL, NULL, &err) < 0)
        hf_run_fail(t->run, &err);
}

/* Firmware that said it started, and never that an operating system took over, hangs: what it wrote and read on the way
 * there proves nothing. */
static bool shows_life(const struct hf_trial_timer *t)
{
    return t->watch.life && !(t->wanted->by.signal == HF_SIGNAL_MAILBOX && t->ops.still_booting(t->ops.ctx));
}

void hf_trial_timer_judge(struct hf_trial_timer *t)
{
    switch (hf_watch_judge(&t->wanted->by, t->wanted->timeout, hf_trial_watch_seconds(&t->watch), shows_life(t))) {
    case HF_WATCH_CONFIRM:
        confirm(t, HF_SIGNAL_UPTIME);
        break;
    case HF_WATCH_RESET:
        if (!t->timed_out && t->ops.can_reset(t->ops.ctx))
            give_up(t);
        break;
    default:
        break;
    }
}

static void tick(void *ctx)
{
    struct hf_trial_timer *t = ctx;
    struct hf_error err;

    hf_trial_watch_tick(&t->watch, hf_loop_now(), t->run->pause.running);
    if (on_trial(t) && hf_monitor_is_open(t->run->monitor)) {
        hf_trial_watch_bank(&t->watch, t->run->container);
        ask_disks(t);
        hf_trial_timer_judge(t);
    }
    if (hf_loop_timer(&t->run->loop, TICK_MS, tick, t, &err) < 0)
        hf_run_fail(t->run, &err);
}

void hf_trial_timer_running(struct hf_trial_timer *t)
{
    hf_trial_watch_tick(&t->watch, hf_loop_now(), t->run->pause.running);
}

void hf_trial_timer_begin(struct hf_trial_timer *t)
{
    hf_trial_watch_begin(&t->watch, hf_loop_now());
    t->watch.running = t->run->pause.running;
    if (!on_trial(t)) {
        hf_loop_cancel(&t->run->loop, tick, t);
        return;
    }
    hf_trial_watch_bank(&t->watch, t->run->container);
    ask_disks(t);
    (void)hf_loop_timer(&t->run->loop, TICK_MS, tick, t, NULL);
}

void hf_trial_timer_end(struct hf_trial_timer *t)
{
    hf_loop_cancel(&t->run->loop, tick, t);
}

void hf_trial_timer_last_look(struct hf_trial_timer *t)
{
    if (on_trial(t) && hf_monitor_is_open(t->run->monitor))
        (void)hf_monitor_send(t->run->monitor, "query-blockstats", NULL, disks_answered, t, NULL);
}

bool hf_trial_timer_life(struct hf_trial_timer *t)
{
    hf_trial_watch_bank(&t->watch, t->run->container);
    return t->watch.life;
}

void hf_trial_timer_booted(struct hf_trial_timer *t)
{
    if (on_trial(t))
        confirm(t, HF_SIGNAL_MAILBOX);
}

/* ---- the agent ---- */

const char *hf_trial_opened_port(const json_t *data)
{
    return json_is_true(json_object_get(data, "open")) ? json_string_value(json_object_get(data, "id")) : NULL;
}

static void port_named(void *ctx, const json_t *result, const struct hf_error *err)
{
    const char *name = json_string_value(result);

    if (name && strcmp(name, HF_AGENT_PORT_NAME) == 0)
        confirm(ctx, HF_SIGNAL_AGENT);
}

void hf_trial_timer_port(struct hf_trial_timer *t, const json_t *data)
{
    const char *id = hf_trial_opened_port(data);
    char path[256];
    struct hf_error err;

    if (!id || !on_trial(t) || (size_t)snprintf(path, sizeof path, "/machine/peripheral/%s", id) >= sizeof path)
        return;
    if (hf_monitor_send(t->run->monitor, "qom-get", json_pack("{s:s, s:s}", "path", path, "property", "name"),
                        port_named, t, &err) < 0)
        hf_run_fail(t->run, &err);
}
