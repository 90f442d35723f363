/* SPDX-License-Identifier: BSD-2-Clause */
/* L2: firmware changes only at power-on or reset. A guest runs; an operator does everything there is to do, from
 * another process as it happens in life; the runner's code bank, read after each, stays what it is until the next boot.
 */
#include "guest.h"

#include <sys/wait.h>
#include <unistd.h>

#include "confirm.h"
#include "revert.h"
#include "rollback.h"

static int stage(struct guest *g, struct hf_error *err)
{
    return guest_try_stage(g, &code_4m, 1, false, err);
}

static int stage_other(struct guest *g, struct hf_error *err)
{
    return guest_try_stage(g, &code_4m, 2, false, err);
}

static int unstage(struct guest *g, struct hf_error *err)
{
    return hf_unstage(g->c, g->now, false, err);
}

static int confirm(struct guest *g, struct hf_error *err)
{
    struct hf_confirm_report report;

    return hf_confirm(g->c, g->now, false, &report, err);
}

static int roll_back(struct guest *g, struct hf_error *err)
{
    struct hf_rollback_request request = {.chosen = true, .now = g->now};
    struct hf_rollback_report report;

    return hf_rollback(g->c, &request, &report, err);
}

static int revert(struct guest *g, struct hf_error *err)
{
    struct hf_revert_request request = {.now = g->now};
    struct hf_revert_report report;
    int r = hf_snapshot_now(g->c, "", g->now, false, &request.id, err);

    return r < 0 ? r : hf_revert(g->c, &request, &report, err);
}

static int (*const deeds[])(struct guest *g, struct hf_error *err) = {stage,   stage_other, unstage,
                                                                      confirm, roll_back,   revert};
enum deed { STAGE, STAGE_OTHER, UNSTAGE, CONFIRM, ROLL_BACK, REVERT };

/* Who works for the operator: a process of its own, with connections of its own, while the runner keeps its own open. A
 * connection does not survive fork(), so it is hired before there is one. */
struct staff {
    pid_t pid;
    int to, from;
};

struct order {
    enum deed deed;
    struct guest guest;
};

static _Noreturn void obey(int from, int to)
{
    struct order order;

    while (read(from, &order, sizeof order) == (ssize_t)sizeof order) {
        struct guest *g = &order.guest;
        struct hf_error err;
        int opened;

        guest_host(g);
        opened = hf_container_open(g->path, HF_OPEN_EDIT, g->now, &g->c, &err);
        if (opened == 0) {
            (void)deeds[order.deed](g, &err);
            (void)hf_container_close(g->c, NULL);
        }
        if (write(to, &opened, sizeof opened) != (ssize_t)sizeof opened)
            break;
    }
    _exit(0);
}

static struct staff hire(void)
{
    struct staff o;
    int there[2], back[2];

    assert_int_equal(pipe(there), 0);
    assert_int_equal(pipe(back), 0);
    o.pid = fork();
    assert_true(o.pid >= 0);
    if (o.pid == 0) {
        (void)close(there[1]);
        (void)close(back[0]);
        obey(there[0], back[1]);
    }
    (void)close(there[0]);
    (void)close(back[1]);
    o.to = there[1];
    o.from = back[0];
    return o;
}

static void dismiss(struct staff *o)
{
    int status;

    (void)close(o->to);
    (void)close(o->from);
    assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void operator_does(struct staff *o, struct guest *g, enum deed deed)
{
    struct hf_digest before = guest_code(g), after;
    struct order order = {.deed = deed, .guest = *g};
    int opened;

    order.guest.c = NULL;
    assert_int_equal(write(o->to, &order, sizeof order), sizeof order);
    assert_int_equal(read(o->from, &opened, sizeof opened), sizeof opened);
    assert_int_equal(opened, 0); /* beside the runner */
    after = guest_code(g);
    assert_memory_equal(&before, &after, sizeof before);
}

static void nothing_changes_under_a_running_guest(void **state)
{
    static const enum deed first[] = {STAGE, UNSTAGE, STAGE_OTHER, REVERT, STAGE, CONFIRM, ROLL_BACK};
    struct staff o;
    struct guest g;

    if (images_missing())
        skip();
    o = hire();
    guest_new(&g, NULL, NULL);
    guest_power_on(&g);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        operator_does(&o, &g, first[i]);
    assert_int_equal(guest_reset(&g, HF_ENDING_RESET, NULL).did, HF_DECIDE_APPLY);
    operator_does(&o, &g, STAGE_OTHER);
    operator_does(&o, &g, ROLL_BACK);
    operator_does(&o, &g, CONFIRM);
    operator_does(&o, &g, ROLL_BACK);
    assert_int_equal(guest_reset(&g, HF_ENDING_RESET, NULL).did, HF_DECIDE_ROLL_BACK);
    guest_free(&g);
    dismiss(&o);
}

/* The same on the runner's own handle, signals and endings included. */
static void neither_signals_nor_endings_change_it(void **state)
{
    struct hf_digest code;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    ok(stage(&g, &why));
    guest_power_on(&g);
    code = guest_code(&g);
    for (unsigned i = 0; i < 5; i++) {
        struct hf_digest now;

        ok(hf_lifecycle_ended(g.c, HF_ENDING_PANIC, g.now, NULL, &why));
        ok(hf_lifecycle_moved(g.c, g.now, &why));
        ok(hf_lifecycle_started(g.c, "10.0", "pc-q35-10.0", false, g.now, &why));
        (void)revert(&g, NULL);
        now = guest_code(&g);
        assert_memory_equal(&code, &now, sizeof code);
        if (i < 2)
            guest_power_on(&g);
    }
    assert_int_equal(guest_record(&g).life, HF_LIFE_ROLLBACK);
    guest_free(&g);
}

static void only_whoever_runs_the_guest_boots_it(void **state)
{
    struct hf_boot boot;
    struct hf_boot_plan plan;
    struct hf_error err;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    guest_stage(&g, 1);
    ok(hf_container_close(g.c, &why));
    ok(hf_container_open(g.path, HF_OPEN_EDIT, g.now, &g.c, &why));
    boot = guest_boot(&g, HF_MOMENT_POWER_ON);
    assert_int_equal(hf_lifecycle_power_on(g.c, &boot, &plan, &err), -HF_EUSAGE);
    assert_int_equal(hf_lifecycle_reset(g.c, &boot, HF_ENDING_RESET, &plan, &err), -HF_EUSAGE);
    guest_free(&g);
}

/* A start is no boot: a server that nobody reads from, a QEMU that finds its disk locked. */
static void a_start_that_no_boot_follows_changes_nothing(void **state)
{
    struct hf_digest code;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    code = guest_code(&g);
    guest_stage(&g, 1);
    for (unsigned i = 0; i < 5; i++) {
        struct hf_digest now;

        assert_int_equal(guest_start(&g).did, HF_DECIDE_APPLY);
        ok(hf_lifecycle_ended(g.c, HF_ENDING_EXIT, g.now, NULL, &why));
        now = guest_code(&g);
        assert_memory_equal(&code, &now, sizeof code);
        assert_int_equal(guest_record(&g).life, HF_LIFE_STAGED);
        assert_int_equal(guest_record(&g).trial.failed, 0);
    }
    guest_free(&g);
}

/* Power cycles of a healthy guest are no evidence against its firmware: nobody saw what ended them. */
static void power_cycles_that_nobody_watched_bring_nothing_back(void **state)
{
    struct hf_digest staged, now;
    struct hf_boot boot;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    staged = guest_stage(&g, 1);
    boot = guest_boot(&g, HF_MOMENT_POWER_ON);
    boot.unwatched = true;
    for (unsigned i = 0; i < 10; i++) {
        struct hf_boot_plan plan;

        ok(hf_lifecycle_power_on(g.c, &boot, &plan, &why));
        ok(hf_lifecycle_opened(g.c, &boot, &why));
    }
    now = guest_code(&g);
    assert_memory_equal(&staged, &now, sizeof staged);
    assert_int_equal(guest_record(&g).trial.failed, 0);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_under_a_running_guest),
        cmocka_unit_test(neither_signals_nor_endings_change_it),
        cmocka_unit_test(a_start_that_no_boot_follows_changes_nothing),
        cmocka_unit_test(power_cycles_that_nobody_watched_bring_nothing_back),
        cmocka_unit_test(only_whoever_runs_the_guest_boots_it),
    };

    return cmocka_run_group_tests_name("law-l2", tests, images_load, images_free);
}
