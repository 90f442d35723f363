/* SPDX-License-Identifier: BSD-2-Clause */
/* A boot that matters, watched: what the witness saw becomes the lifecycle's account of the trial, and a reset the
 * moment at which firmware changes. */
#include "guard_inside.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"

#define TICK_MS   1000
#define SILENT_MS 10000 /* a witness that says nothing for so long has ended; libvirt can make one wait */
#define START_MS  3000  /* a start waits so long for it */
#define END_MS    1000  /* and an end so long for what it saw last */

static bool on_trial(const struct hf_guard *g)
{
    return g->trial.wanted.life == HF_LIFE_TRIAL;
}

/* Read again where anything was committed: the operator stages and confirms while the guest runs. */
static void look(struct hf_guard *g)
{
    struct hf_guard_trial *t = &g->trial;
    uint64_t commits = 0;
    struct hf_error err;

    if (hf_container_commits(g->container, &commits, NULL) == 0 && commits == t->commits)
        return;
    if (hf_lifecycle_watch(g->container, false, &t->wanted, &err) < 0) {
        syslog(LOG_ERR, "%s: %s", g->adoption.name, err.text);
        return;
    }
    t->commits = commits;
}

static void call_witness(struct hf_guard *g)
{
    g->trial.witness = 0;
    g->trial.heard_ms = hf_loop_now();
    hf_guard_tell_libvirt(g, "witness");
}

static void tick(void *ctx)
{
    struct hf_guard *g = ctx;
    struct hf_guard_trial *t = &g->trial;

    if (g->stage == HF_GUARD_HELD) {
        look(g);
        if (t->wanted.intercept && hf_loop_now() - t->heard_ms > SILENT_MS)
            call_witness(g);
    }
    (void)hf_loop_timer(&g->loop, TICK_MS, tick, g, NULL);
}

static void begin_boot(struct hf_guard *g)
{
    struct hf_guard_trial *t = &g->trial;

    t->timed_out = t->boot_ended = false;
    hf_trial_watch_begin(&t->watch, hf_loop_now());
    hf_trial_watch_bank(&t->watch, g->container);
}

void hf_guard_trial_begin(struct hf_guard *g)
{
    g->trial.heard_ms = hf_loop_now() - SILENT_MS;
    tick(g);
}

/* ---- a start and an end that wait ---- */

static void answer_start(void *ctx)
{
    struct hf_guard *g = ctx;
    int fd = hf_take_fd(g->trial.starting);

    hf_loop_cancel(&g->loop, answer_start, g);
    if (fd < 0)
        return;
    if (g->trial.witness == 0)
        syslog(LOG_WARNING, "%s: libvirt cannot be watched yet: what becomes of this boot may not count",
               g->adoption.name);
    hf_guard_reply(fd, 0, NULL);
    (void)close(fd);
}

bool hf_guard_trial_await(struct hf_guard *g, int fd)
{
    look(g);
    hf_guard_trial_begin(g);
    if (!g->trial.wanted.intercept)
        return false;
    g->trial.starting = dup(fd);
    return g->trial.starting >= 0 && hf_loop_timer(&g->loop, START_MS, answer_start, g, NULL) == 0;
}

static void end_late(void *ctx)
{
    struct hf_guard *g = ctx;
    int fd = hf_take_fd(g->trial.ending_fd);

    hf_loop_cancel(&g->loop, end_late, g);
    if (fd < 0)
        return;
    hf_guard_end_now(g, fd);
    (void)close(fd);
}

/* A boot that is not open yet may have been one: libvirt and the server say later than the witness that it was. */
bool hf_guard_trial_await_end(struct hf_guard *g, int fd)
{
    const struct hf_guard_trial *t = &g->trial;

    look(g);
    if ((!on_trial(g) && t->wanted.life != HF_LIFE_APPLIED) || t->boot_ended || t->witness == 0 || t->ending_fd >= 0)
        return false;
    g->trial.ending_fd = dup(fd);
    return g->trial.ending_fd >= 0 && hf_loop_timer(&g->loop, END_MS, end_late, g, NULL) == 0;
}

enum hf_ending hf_guard_trial_ending(const struct hf_guard *g)
{
    return g->trial.boot_ended ? g->trial.ending : HF_ENDING_UNSEEN;
}

/* ---- what the witness says ---- */

/* Whether it is the one that is listened to. */
static bool is_witness(struct hf_guard *g, int64_t pid)
{
    if (g->trial.witness != pid)
        return false;
    g->trial.heard_ms = hf_loop_now();
    return true;
}

static int order(struct hf_guard *g)
{
    look(g);
    if (!g->trial.wanted.intercept) {
        g->trial.witness = 0;
        g->trial.heard_ms = hf_loop_now() - SILENT_MS; /* the next one is called at once */
        return HF_GUARD_LEAVE;
    }
    return g->trial.wanted.next_changes ? HF_GUARD_READY : HF_GUARD_GO_ON;
}

int hf_guard_watching(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    (void)fd, (void)err;
    if (g->trial.witness != 0 && g->trial.witness != q->pid)
        return HF_GUARD_LEAVE;
    g->trial.witness = q->pid;
    g->trial.heard_ms = hf_loop_now();
    begin_boot(g);
    if (g->trial.starting >= 0) {
        hf_trial_watch_reads(&g->trial.watch, 0); /* QEMU has not begun */
        answer_start(g);
    }
    return order(g);
}

static int signal_came(struct hf_guard *g, enum hf_signal signal, struct hf_error *err)
{
    bool confirmed;
    int r = on_trial(g) ? hf_lifecycle_signal(g->container, signal, hf_guard_now(), &confirmed, err) : 0;

    if (r == 0 && on_trial(g) && confirmed)
        syslog(LOG_INFO, "%s: the firmware on trial is confirmed by %s", g->adoption.name, hf_signal_name(signal));
    return r < 0 ? r : order(g);
}

int hf_guard_beat(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    struct hf_guard_trial *t = &g->trial;

    (void)fd;
    if (!is_witness(g, q->pid))
        return HF_GUARD_LEAVE;
    hf_trial_watch_tick(&t->watch, hf_loop_now(), q->running);
    if (q->reads != HF_GUARD_READS_UNKNOWN)
        hf_trial_watch_reads(&t->watch, q->reads);
    t->reads = q->reads;
    look(g);
    if (!on_trial(g))
        return order(g);
    hf_trial_watch_bank(&t->watch, g->container);
    switch (hf_watch_judge(&t->wanted.by, t->wanted.timeout, hf_trial_watch_seconds(&t->watch), t->watch.life)) {
    case HF_WATCH_CONFIRM:
        return signal_came(g, HF_SIGNAL_UPTIME, err);
    case HF_WATCH_RESET:
        if (t->timed_out)
            break;
        t->timed_out = true;
        syslog(LOG_WARNING, "%s: no sign of life for %u s: the boot of the trial has failed, resetting the guest",
               g->adoption.name, t->wanted.timeout);
        return HF_GUARD_RESET;
    default:
        break;
    }
    return order(g);
}

static void note_ending(struct hf_guard *g, enum hf_ending ending)
{
    if (g->trial.boot_ended)
        return;
    g->trial.boot_ended = true;
    g->trial.ending = ending;
}

static void note_reset(struct hf_guard *g, const struct hf_guard_request *q)
{
    note_ending(g, g->trial.timed_out ? HF_ENDING_TIMEOUT : q->by_guest ? HF_ENDING_RESET : HF_ENDING_OPERATOR);
}

/* The guest was reset, and is paused where other firmware may have to be brought. */
static int was_reset(struct hf_guard *g, const struct hf_guard_request *q, struct hf_error *err)
{
    struct hf_guard_trial *t = &g->trial;
    struct hf_boot boot = hf_guard_boot(g);
    struct hf_boot_plan plan;
    int r;

    boot.moment = HF_MOMENT_WARM_RESET;
    boot.arrives = false;
    boot.held = q->why_not[0] ? q->why_not : NULL;
    note_reset(g, q);
    r = hf_lifecycle_reset(g->container, &boot, t->ending, &plan, err);
    if (r < 0)
        return r;
    if (plan.words[0])
        syslog(LOG_INFO, "%s: %s", g->adoption.name, plan.words);
    begin_boot(g);
    if (t->reads != HF_GUARD_READS_UNKNOWN)
        hf_trial_watch_reads(&t->watch, t->reads);
    return plan.action == HF_BOOT_RESTART ? HF_GUARD_CYCLE : order(g);
}

int hf_guard_saw(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err)
{
    int r;

    (void)fd;
    if (!is_witness(g, q->pid))
        return HF_GUARD_LEAVE;
    look(g);
    if (!strcmp(q->event, "agent"))
        return signal_came(g, HF_SIGNAL_AGENT, err);
    r = q->by_guest ? hf_guard_booted(g, err) : 0; /* it has executed, whatever libvirt's hook says of that later */
    if (r < 0)
        return r;
    if (!strcmp(q->event, "reset"))
        return was_reset(g, q, err);
    if (!strcmp(q->event, "resetting")) {
        note_reset(g, q);
        return HF_GUARD_GO_ON;
    }
    if (!strcmp(q->event, "panic"))
        note_ending(g, HF_ENDING_PANIC);
    else if (!strcmp(q->event, "last-reset"))
        note_ending(g, HF_ENDING_RESET);
    else
        note_ending(g, q->by_guest ? HF_ENDING_POWER_OFF : HF_ENDING_OPERATOR);
    end_late(g);
    return HF_GUARD_GO_ON;
}
