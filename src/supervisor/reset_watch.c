/* SPDX-License-Identifier: BSD-2-Clause */
#include "reset_watch.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "noticed.h"
#include "owner_steps.h"
#include "settings.h"

#define LOOK_AGAIN_MS 200

static void answered(void *ctx, const json_t *result, const struct hf_error *err);

void hf_reset_watch_init(struct hf_reset_watch *w, struct hf_run *run, const struct hf_arguments *arguments,
                         const struct hf_reset_watch_ops *ops)
{
    *w = (struct hf_reset_watch){.run = run, .arguments = arguments, .ops = *ops};
}

static bool intercept(const struct hf_reset_watch *w)
{
    return w->wanted.intercept || w->ops.stops(w->ops.ctx);
}

bool hf_reset_watch_is_at_rest(const struct hf_reset_watch *w)
{
    return w->resets.state == HF_RESETS_LOOSE || hf_reset_watch_is_armed(w);
}

bool hf_reset_watch_is_armed(const struct hf_reset_watch *w)
{
    return w->resets.state == HF_RESETS_ARMED;
}

bool hf_reset_watch_on_trial(const struct hf_reset_watch *w)
{
    return w->wanted.life == HF_LIFE_TRIAL;
}

/* Does what resets.h wants, without waiting. */
static void follow(struct hf_reset_watch *w, struct hf_resets_step step)
{
    struct hf_error err;
    json_t *arguments = step.arguments ? json_loads(step.arguments, 0, NULL) : NULL;

    switch (step.want) {
    case HF_RESETS_SEND:
        if (hf_monitor_is_open(w->run->monitor) &&
            hf_monitor_send(w->run->monitor, step.command, hf_take_ptr(arguments), answered, w, &err) < 0)
            hf_run_fail(w->run, &err);
        break;
    case HF_RESETS_DECIDE:
        w->run->todo |= HF_TODO_DECIDE;
        break;
    case HF_RESETS_RELEASED:
        w->ops.released(w->ops.ctx);
        follow(w, hf_resets_arm(&w->resets, intercept(w)));
        break;
    case HF_RESETS_FAILED:
        if (w->resets.state == HF_RESETS_STOPPED)
            w->run->restart = true; /* it does not go on in this process: start it anew */
        break;
    default:
        break;
    }
    json_decref(arguments);
}

/* Operators' verbs wait for this. What is under way goes first: its answer says it. */
static void say_noticed(struct hf_reset_watch *w)
{
    if (!w->resets.in_flight && hf_reset_watch_is_at_rest(w))
        hf_noticed_say(w->run->dir, w->seen_commits);
}

static void answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct hf_reset_watch *w = ctx;

    if (err && err->code == HF_EREFUSED)
        hf_run_say(w->run, "QEMU refused what a reset needs: %s", err->text);
    if (hf_monitor_is_open(w->run->monitor))
        follow(w, hf_resets_on_answer(&w->resets, err == NULL));
    if (!err)
        say_noticed(w);
}

/* ---- whether resets must be stopped ---- */

/* Once for each QEMU: where the rollback must wait for the next power-on, another reset would not help. The command
 * that arms goes before it. */
static int reset_now(struct hf_reset_watch *w, struct hf_error *err)
{
    if (w->reset_asked)
        return 0;
    w->reset_asked = true;
    return hf_monitor_send(w->run->monitor, "system_reset", NULL, NULL, NULL, err);
}

/* As the run was told, or as the guest's owner set it, also since the start. */
static int look_how(struct hf_reset_watch *w, struct hf_error *err)
{
    char how[HF_SETTING_VALUE_SIZE];
    int r = w->run->options->reset ? 0 : hf_setting_get(w->run->container, "reset", how, err);

    if (r == 0)
        w->cold = strcmp(w->run->options->reset ? w->run->options->reset : how, "cold") == 0;
    return r;
}

int hf_reset_watch_look(struct hf_reset_watch *w, struct hf_error *err)
{
    int r = hf_container_commits(w->run->container, &w->seen_commits, err);

    if (r == 0)
        r = look_how(w, err);
    if (r == 0)
        r = hf_lifecycle_watch(w->run->container, w->cold, &w->wanted, err);
    if (r < 0)
        return r;
    follow(w, hf_resets_arm(&w->resets, intercept(w)));
    say_noticed(w);
    return w->wanted.reset_now && w->ops.is_ours(w->ops.ctx) ? reset_now(w, err) : 0;
}

/* The operator may have staged, confirmed or asked for a rollback meanwhile. */
static void look_again(void *ctx)
{
    struct hf_reset_watch *w = ctx;
    uint64_t commits = w->seen_commits;
    struct hf_error err;

    hf_owner_note(w->run->container); /* where the register could not be written */
    if (hf_container_commits(w->run->container, &commits, NULL) == 0 && commits != w->seen_commits &&
        hf_reset_watch_look(w, &err) < 0)
        hf_run_say(w->run, "%s", err.text);
    if (hf_loop_timer(&w->run->loop, LOOK_AGAIN_MS, look_again, w, &err) < 0)
        hf_run_fail(w->run, &err);
}

/* ---- the same machine ---- */

static int read_shape(struct hf_reset_watch *w, struct hf_shape **out, struct hf_error *err)
{
    struct hf_shape *shape = hf_shape_new();
    int r = shape ? 0 : hf_error_nomem(err);

    for (size_t n = 0; r == 0 && hf_shape_queries[n].command; n++) {
        const char *text = hf_shape_queries[n].arguments;
        json_t *result = NULL;

        r = hf_monitor_execute(w->run->monitor, hf_shape_queries[n].command, text ? json_loads(text, 0, NULL) : NULL,
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
static void why_not_restart(struct hf_reset_watch *w, char *why, size_t size)
{
    struct hf_shape *now = NULL;
    struct hf_error err;

    why[0] = '\0';
    if (w->run->options->force_restart)
        return;
    if (w->arguments->snapshot) {
        (void)snprintf(why, size, "QEMU was started with -snapshot, and a restart would lose what the disks hold");
        return;
    }
    if (read_shape(w, &now, &err) < 0) {
        (void)snprintf(why, size, "QEMU's devices could not be compared: %.150s", err.text);
        return;
    }
    if (hf_shape_same(w->shape, now, why, size))
        (void)hf_shape_stateful(now, why, size);
    hf_shape_free(now);
}

/* ---- deciding ---- */

static int decide(struct hf_reset_watch *w, struct hf_error *err)
{
    struct hf_boot boot = w->ops.boot(w->ops.ctx, w->cold ? HF_MOMENT_COLD_RESET : HF_MOMENT_WARM_RESET);
    struct hf_host_offer_place place = w->ops.place(w->ops.ctx);
    hf_auto(hf_host_offer_done) struct hf_host_offer offer = {0};
    struct hf_boot_plan plan;
    char why[256];
    int r;

    why_not_restart(w, why, sizeof why);
    boot.held = why[0] && !w->cold ? why : NULL;
    r = hf_host_offer_find(w->run->container, &place, &boot, &offer, err);
    if (r == 0)
        r = hf_lifecycle_reset(w->run->container, &boot, w->ops.ending(w->ops.ctx, w->resets.by_guest), &plan, err);
    if (r < 0)
        return r;
    w->ops.planned(w->ops.ctx, &plan);
    if (plan.action == HF_BOOT_RESTART) {
        w->run->restart = true;
        w->run->restart_moment = boot.moment;
        return 0;
    }
    if (plan.words[0])
        hf_run_say(w->run, "%s", plan.words);
    r = w->ops.next_boot(w->ops.ctx, err);
    if (r < 0)
        return r;
    r = hf_reset_watch_look(w, err); /* armed again or not, as it is now: RELEASING sends what is wanted */
    follow(w, hf_resets_release(&w->resets));
    return r;
}

void hf_reset_watch_decide(struct hf_reset_watch *w)
{
    struct hf_error err;

    w->run->todo &= ~(unsigned)HF_TODO_DECIDE;
    if (hf_run_has_qemu(w->run) && decide(w, &err) < 0)
        hf_run_fail(w->run, &err);
}

/* ---- events ---- */

bool hf_reset_watch_on_shutdown(struct hf_reset_watch *w, const char *reason)
{
    bool ours = w->resets.state == HF_RESETS_ENDING || w->run->restart;

    if (ours)
        return true; /* the echo of our own quit */
    follow(w, hf_resets_on_shutdown(&w->resets, reason));
    return w->resets.state == HF_RESETS_STOPPED;
}

void hf_reset_watch_on_reset(struct hf_reset_watch *w)
{
    follow(w, hf_resets_on_reset(&w->resets));
}

/* ---- one QEMU process ---- */

int hf_reset_watch_begin(struct hf_reset_watch *w, struct hf_error *err)
{
    struct hf_user_actions user = {
        .no_reboot = w->arguments->on_reboot == HF_REBOOT_SHUTS_DOWN,
        .no_shutdown = w->arguments->on_shutdown == HF_SHUTDOWN_PAUSES,
        .panic_ends = w->arguments->on_panic == HF_PANIC_SHUTS_DOWN,
    };
    int r = read_shape(w, &w->shape, err);

    w->reset_asked = false;
    hf_resets_init(&w->resets, user, false);
    if (r == 0)
        r = hf_reset_watch_look(w, err);
    if (r == 0)
        r = hf_loop_timer(&w->run->loop, LOOK_AGAIN_MS, look_again, w, err);
    return r;
}

void hf_reset_watch_end(struct hf_reset_watch *w)
{
    hf_loop_cancel(&w->run->loop, look_again, w);
    hf_noticed_forget(w->run->dir);
    hf_shape_free(w->shape);
    w->shape = NULL;
}
