/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets of the guest: stopped before the next boot executes where something must be decided or counted, then released
 * in the same process, or turned into a restart of QEMU.
 */
#include "supervision.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "host_offer.h"
#include "noticed.h"
#include "owner_steps.h"
#include "settings.h"

#define LOOK_AGAIN_MS 200
#define QUIT_MS       10000

static void answered(void *ctx, const json_t *result, const struct hf_error *err);

static bool intercept(const struct hf_supervision *s)
{
    return s->watch.intercept || hf_mailbox_watch_is_on(s);
}

/* Does what resets.h wants, without waiting. */
static void follow(struct hf_supervision *s, struct hf_resets_step step)
{
    struct hf_error err;
    json_t *arguments = step.arguments ? json_loads(step.arguments, 0, NULL) : NULL;

    switch (step.want) {
    case HF_RESETS_SEND:
        if (hf_monitor_is_open(s->run.monitor) &&
            hf_monitor_send(s->run.monitor, step.command, hf_take_ptr(arguments), answered, s, &err) < 0)
            hf_run_fail(&s->run, &err);
        break;
    case HF_RESETS_DECIDE:
        s->run.todo |= HF_TODO_DECIDE;
        break;
    case HF_RESETS_RELEASED:
        hf_trial_timer_begin(s);
        follow(s, hf_resets_arm(&s->resets, intercept(s)));
        break;
    case HF_RESETS_FAILED:
        if (s->resets.state == HF_RESETS_STOPPED)
            s->restart = true; /* it does not go on in this process: start it anew */
        break;
    default:
        break;
    }
    json_decref(arguments);
}

/* Operators' verbs wait for this. What is under way goes first: its answer says it. */
static void say_noticed(struct hf_supervision *s)
{
    if (!s->resets.in_flight && (s->resets.state == HF_RESETS_LOOSE || s->resets.state == HF_RESETS_ARMED))
        hf_noticed_say(s->run.dir, s->seen_commits);
}

static void answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct hf_supervision *s = ctx;

    if (err && err->code == HF_EREFUSED)
        hf_run_say(&s->run, "QEMU refused what a reset needs: %s", err->text);
    if (hf_monitor_is_open(s->run.monitor))
        follow(s, hf_resets_on_answer(&s->resets, err == NULL));
    if (!err)
        say_noticed(s);
}

/* ---- whether resets must be stopped ---- */

/* Once for each QEMU: where the rollback must wait for the next power-on, another reset would not help. The command
 * that arms goes before it. */
static int reset_now(struct hf_supervision *s, struct hf_error *err)
{
    if (s->reset_asked)
        return 0;
    s->reset_asked = true;
    return hf_monitor_send(s->run.monitor, "system_reset", NULL, NULL, NULL, err);
}

/* As the run was told, or as the guest's owner set it, also since the start. */
static int look_how(struct hf_supervision *s, struct hf_error *err)
{
    char how[HF_SETTING_VALUE_SIZE];
    int r = s->run.options->reset ? 0 : hf_setting_get(s->run.container, "reset", how, err);

    if (r == 0)
        s->cold = strcmp(s->run.options->reset ? s->run.options->reset : how, "cold") == 0;
    return r;
}

int hf_reset_watch_look(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_container_commits(s->run.container, &s->seen_commits, err);

    if (r == 0)
        r = look_how(s, err);
    if (r == 0)
        r = hf_lifecycle_watch(s->run.container, s->cold, &s->watch, err);
    if (r < 0)
        return r;
    follow(s, hf_resets_arm(&s->resets, intercept(s)));
    say_noticed(s);
    return s->watch.reset_now && !hf_reception_is_open(s) ? reset_now(s, err) : 0;
}

/* The operator may have staged, confirmed or asked for a rollback meanwhile. */
static void look_again(void *ctx)
{
    struct hf_supervision *s = ctx;
    uint64_t commits = s->seen_commits;
    struct hf_error err;

    hf_owner_note(s->run.container); /* where the register could not be written */
    if (hf_container_commits(s->run.container, &commits, NULL) == 0 && commits != s->seen_commits &&
        hf_reset_watch_look(s, &err) < 0)
        hf_run_say(&s->run, "%s", err.text);
    if (hf_loop_timer(&s->run.loop, LOOK_AGAIN_MS, look_again, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

/* ---- the same machine ---- */

static int read_shape(struct hf_supervision *s, struct hf_shape **out, struct hf_error *err)
{
    struct hf_shape *shape = hf_shape_new();
    int r = shape ? 0 : hf_error_nomem(err);

    for (size_t n = 0; r == 0 && hf_shape_queries[n].command; n++) {
        const char *text = hf_shape_queries[n].arguments;
        json_t *result = NULL;

        r = hf_monitor_execute(s->run.monitor, hf_shape_queries[n].command, text ? json_loads(text, 0, NULL) : NULL,
                               &result, err);
        if (r == 0)
            r = hf_shape_add(shape, n, result, err);
        json_decref(result);
    }
    if (r < 0) {
        hf_shape_free(shape);
        return r;
    }
    *out = shape;
    return 0;
}

/* Why a restart would not give the guest the machine it has; "" when it would. */
static void why_not_restart(struct hf_supervision *s, char *why, size_t size)
{
    struct hf_shape *now = NULL;
    struct hf_error err;

    why[0] = '\0';
    if (s->run.options->force_restart)
        return;
    if (s->arguments.snapshot) {
        (void)snprintf(why, size, "QEMU was started with -snapshot, and a restart would lose what the disks hold");
        return;
    }
    if (read_shape(s, &now, &err) < 0) {
        (void)snprintf(why, size, "QEMU's devices could not be compared: %.150s", err.text);
        return;
    }
    if (hf_shape_same(s->shape, now, why, size))
        (void)hf_shape_stateful(now, why, size);
    hf_shape_free(now);
}

/* ---- deciding ---- */

static enum hf_ending ending_of_reset(const struct hf_supervision *s)
{
    if (s->timed_out)
        return HF_ENDING_TIMEOUT;
    return s->resets.by_guest ? HF_ENDING_RESET : HF_ENDING_OPERATOR;
}

static int decide(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_boot boot = hf_supervision_boot(s, s->cold ? HF_MOMENT_COLD_RESET : HF_MOMENT_WARM_RESET);
    struct hf_host_offer_place place = hf_supervision_place(s);
    hf_auto(hf_host_offer_done) struct hf_host_offer offer = {0};
    struct hf_boot_plan plan;
    char why[256];
    int r;

    why_not_restart(s, why, sizeof why);
    boot.held = why[0] && !s->cold ? why : NULL;
    r = hf_host_offer_find(s->run.container, &place, &boot, &offer, err);
    if (r == 0)
        r = hf_lifecycle_reset(s->run.container, &boot, ending_of_reset(s), &plan, err);
    s->timed_out = false;
    if (r < 0)
        return r;
    s->plan = plan;
    if (plan.action == HF_BOOT_RESTART) {
        s->restart = true;
        s->restart_moment = boot.moment;
        return 0;
    }
    if (plan.words[0])
        hf_run_say(&s->run, "%s", plan.words);
    r = hf_mailbox_watch_reset(s, err);
    if (r < 0)
        return r;
    r = hf_reset_watch_look(s, err); /* armed again or not, as it is now: RELEASING sends what is wanted */
    follow(s, hf_resets_release(&s->resets));
    return r;
}

void hf_reset_watch_decide(struct hf_supervision *s)
{
    struct hf_error err;

    s->run.todo &= ~(unsigned)HF_TODO_DECIDE;
    if (hf_run_has_qemu(&s->run) && decide(s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

/* ---- events ---- */

bool hf_reset_watch_on_shutdown(struct hf_supervision *s, const char *reason)
{
    bool ours = s->resets.state == HF_RESETS_ENDING || s->restart;

    if (ours)
        return true; /* the echo of our own quit */
    follow(s, hf_resets_on_shutdown(&s->resets, reason));
    return s->resets.state == HF_RESETS_STOPPED;
}

void hf_reset_watch_on_reset(struct hf_supervision *s)
{
    follow(s, hf_resets_on_reset(&s->resets));
}

/* ---- one QEMU process ---- */

int hf_reset_watch_begin(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_user_actions user = {
        .no_reboot = s->arguments.on_reboot == HF_REBOOT_SHUTS_DOWN,
        .no_shutdown = s->arguments.on_shutdown == HF_SHUTDOWN_PAUSES,
        .panic_ends = s->arguments.on_panic == HF_PANIC_SHUTS_DOWN,
    };
    int r = read_shape(s, &s->shape, err);

    s->reset_asked = false;
    hf_resets_init(&s->resets, user, false);
    if (r == 0)
        r = hf_reset_watch_look(s, err);
    if (r == 0)
        r = hf_loop_timer(&s->run.loop, LOOK_AGAIN_MS, look_again, s, err);
    return r;
}

void hf_reset_watch_end(struct hf_supervision *s)
{
    int64_t until = hf_loop_now() + QUIT_MS;

    hf_loop_cancel(&s->run.loop, look_again, s);
    hf_noticed_forget(s->run.dir);
    hf_trial_timer_end(s);
    /* Disks want to be closed, not torn away. */
    if (s->restart && s->qemu > 0 && hf_monitor_is_open(s->run.monitor))
        (void)hf_monitor_send(s->run.monitor, "quit", NULL, NULL, NULL, NULL);
    while (s->restart && s->qemu > 0 && hf_loop_now() < until && hf_loop_turn(&s->run.loop, 100, NULL) == 0)
        ;
    hf_shape_free(s->shape);
    s->shape = NULL;
}
