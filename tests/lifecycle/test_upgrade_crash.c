/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The power goes at any moment of an upgrade's life: stage, apply, boots of the trial, confirmation, another upgrade,
 * rollback. Every disk that may be left is opened: code, variables and state are together what one of the steps left
 * (L3), nothing acknowledged is gone, the guest starts, and from a trial the way back still leads to the bytes from
 * before. All moments with HOLDFAST_LONG=1, otherwise some, from a printed seed.
 */
#include "guest.h"

#include <time.h>

#include "confirm.h"
#include "disk_vfs.h"
#include "owner.h"
#include "rollback.h"
#include "slots.h"
#include "whole_file.h"

#define STEPS_MAX 40

struct view {
    struct hf_digest code, vars;
    enum hf_life life;
    uint32_t started, failed;
};

/* What each step left, and what was there before the upgrade that was the last one then. */
static struct {
    struct view view, before;
} left[STEPS_MAX];
static unsigned steps;
static uint8_t *base;
static uint64_t base_size;

static struct view view_of(struct guest *g)
{
    struct hf_life_record r = guest_record(g);

    return (struct view){guest_code(g), guest_vars(g), r.life, r.trial.started, r.trial.failed};
}

static bool equal(const struct view *a, const struct view *b)
{
    return hf_digest_equal(&a->code, &b->code) && hf_digest_equal(&a->vars, &b->vars) && a->life == b->life &&
           a->started == b->started && a->failed == b->failed;
}

static void done(struct guest *g)
{
    assert_true(steps < STEPS_MAX);
    left[steps].view = view_of(g);
    left[steps].before = steps ? left[steps - 1].before : left[0].view;
    if (steps && left[steps].view.life == HF_LIFE_APPLIED && left[steps - 1].view.life != HF_LIFE_APPLIED)
        left[steps].before = left[steps - 1].view;
    disk_note(steps++, true);
}

static void power_on(struct guest *g)
{
    struct hf_boot boot = guest_boot(g, HF_MOMENT_POWER_ON);

    guest_start(g);
    done(g);
    ok(hf_lifecycle_opened(g->c, &boot, &why));
    done(g);
    guest_write(g, 150000 + steps * 4096, "by the firmware");
    ok(hf_sync(g->c, &why));
    done(g);
}

static void upgrade(struct guest *g, unsigned n)
{
    guest_stage(g, n);
    done(g);
    power_on(g);
}

/* The trial fails and QEMU is to be started anew: two commits, and the power may go between them. */
static void last_reset(struct guest *g)
{
    struct hf_boot boot = guest_boot(g, HF_MOMENT_WARM_RESET);
    struct hf_boot_plan plan;

    ok(hf_lifecycle_reset(g->c, &boot, HF_ENDING_RESET, &plan, &why));
    assert_int_equal(plan.action, HF_BOOT_RESTART);
    done(g);
    ok(hf_lifecycle_power_on(g->c, &boot, &plan, &why));
    done(g);
}

static void live(struct guest *g)
{
    struct hf_rollback_request request = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct hf_confirm_report confirmed;

    done(g);
    upgrade(g, 1);
    guest_reset(g, HF_ENDING_RESET, NULL);
    done(g);
    ok(hf_lifecycle_ended(g->c, HF_ENDING_OPERATOR, g->now, NULL, &why));
    done(g);
    power_on(g);
    ok(hf_confirm(g->c, g->now, false, &confirmed, &why));
    done(g);
    upgrade(g, 2);
    ok(hf_rollback(g->c, &request, &report, &why));
    done(g);
    power_on(g);
    upgrade(g, 3);
    for (unsigned i = 0; i < 2; i++) {
        guest_reset(g, HF_ENDING_RESET, NULL);
        done(g);
    }
    last_reset(g);
}

/* The last step acknowledged within the first `count` events; -1: none. */
static int acknowledged(size_t count)
{
    const struct disk_event *events;
    int step = -1;

    disk_events(&events);
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind == DISK_NOTE)
            step = (int)events[i].at;
    }
    return step;
}

static int step_of(const struct view *v, int from)
{
    for (int i = from < 0 ? 0 : from; i < (int)steps; i++) {
        if (equal(v, &left[i].view))
            return i;
    }
    return -1;
}

static void go_back(struct guest *g, const struct view *before)
{
    struct hf_rollback_request request = {.chosen = true, .now = NOW};
    struct hf_rollback_report report;
    struct view now;

    ok(hf_rollback(g->c, &request, &report, &why));
    assert_int_equal(guest_power_on(g).did, HF_DECIDE_ROLL_BACK);
    now = view_of(g);
    assert_memory_equal(&before->code, &now.code, sizeof now.code);
    assert_memory_equal(&before->vars, &now.vars, sizeof now.vars);
}

static void look_after(struct guest *g, size_t count, unsigned layout, uint32_t seed)
{
    struct view v;
    uint64_t epoch;
    int step;

    ok(hf_owner_take(g->path, "test", NOW, &epoch, &why));
    ok(hf_container_open(g->path, HF_OPEN_RUN, NOW, &g->c, &why));
    v = view_of(g);
    step = step_of(&v, acknowledged(count));
    if (step < 0)
        fail_msg("power cut after event %zu, layout %u, seed %u: %s, %u boots: what no step after %d left", count,
                 layout, seed, hf_life_name(v.life), v.started, acknowledged(count));
    guest_power_on(g);
    v = view_of(g);
    if (v.life == HF_LIFE_TRIAL && (left[step].view.life == HF_LIFE_TRIAL || left[step].view.life == HF_LIFE_APPLIED))
        go_back(g, &left[step].before);
    ok(hf_container_close(g->c, &why));
    g->c = NULL;
}

static void the_power_goes(void **state)
{
    const struct disk_event *events;
    struct unit_points points;
    unsigned tried = 0;
    struct guest g, x;
    size_t count;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    ok(hf_container_close(g.c, &why));
    g.c = NULL;
    ok(hf_file_read(g.path, 64 << 20, &base, &base_size, &why));
    disk_begin(g.path);
    guest_reopen(&g);
    live(&g);
    ok(hf_container_close(g.c, &why));
    g.c = NULL;
    disk_end();
    count = disk_events(&events);
    points = unit_points((unsigned)count, 60);
    setenv("HOLDFAST_BOOT_ID", "after-the-power-cut", 1);
    x = g;
    snprintf(x.path, sizeof x.path, "%s/x.hold", g.dir);
    for (size_t i = points.first; i <= count; i += points.step, tried++) {
        unsigned layout = tried % 4;

        disk_lay_out(x.path, base, (size_t)base_size, i, (enum disk_layout)layout, points.seed + tried);
        look_after(&x, i, layout, points.seed + tried);
    }
    unsetenv("HOLDFAST_BOOT_ID");
    free(base);
    unit_points_tried(&points, tried, "power cuts");
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_power_goes)};

    return cmocka_run_group_tests_name("lifecycle-upgrade_crash", tests, images_load, images_free);
}
