/* SPDX-License-Identifier: BSD-2-Clause */
/* Random lives of one guest, held to what the laws say of every step:
 *   L2  the code bank changes at boots and, while the guest is off, at a revert; nowhere else
 *   L3  a rollback brings the code and the variables that were replaced together
 *   a boot of a trial is counted, and the count durable, before it begins
 *   nothing goes back by itself without the evidence that the trial wants
 * The seed is printed; HOLDFAST_SEED=N repeats a run. */
#include "guest.h"

#include <time.h>

#include "confirm.h"
#include "rollback.h"
#include "suspended.h"

static uint64_t rng;

static unsigned roll(unsigned n)
{
    rng = rng * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(rng >> 33) % n;
}

/* What the test knows by watching from outside. */
struct witness {
    struct guest g;
    struct hf_digest code, vars;         /* now */
    struct hf_digest old_code, old_vars; /* what the last upgrade replaced */
    bool current;                        /* a rollback was asked for that keeps the present variables */
    bool asked;                          /* the operator asked for it */
    unsigned evidence;                   /* boots of this trial that ended badly, as we saw */
    bool boot_open, spoiled;             /* a boot is going on; it was moved */
    unsigned applied, rolled_back;
};

static void look(struct witness *w, const char *step)
{
    struct hf_digest code = guest_code(&w->g);

    if (!hf_digest_equal(&code, &w->code))
        fail_msg("the code changed at '%s' (L2)", step);
    w->vars = guest_vars(&w->g);
}

static void expect_vars(struct witness *w, const struct hf_digest *wanted, const char *why)
{
    struct hf_digest vars = guest_vars(&w->g);

    if (!hf_digest_equal(&vars, wanted))
        fail_msg("variables after %s are not those that belong to the code (L3)", why);
    w->vars = vars;
}

static void after_boot(struct witness *w, const struct hf_life_record *was, const struct hf_boot_plan *plan)
{
    struct hf_life_record now = guest_record(&w->g);
    struct hf_digest code = guest_code(&w->g);

    assert_memory_equal(&code, &plan->code, sizeof code);
    switch (plan->did) {
    case HF_DECIDE_APPLY:
        w->old_code = w->code;
        w->old_vars = w->vars;
        w->evidence = 0;
        w->applied++;
        assert_int_equal(now.trial.started, 1);
        expect_vars(w, &w->old_vars, "an apply");
        break;
    case HF_DECIDE_ROLL_BACK:
        if (!w->asked && w->evidence < 3)
            fail_msg("rolled back by itself after %u failed boots", w->evidence);
        assert_memory_equal(&code, &w->old_code, sizeof code);
        expect_vars(w, w->current ? &w->vars : &w->old_vars, "a rollback");
        w->rolled_back++;
        w->asked = w->current = false;
        break;
    default:
        if (!hf_digest_equal(&code, &w->code))
            fail_msg("the code changed at a boot that did nothing");
        if (now.life == HF_LIFE_TRIAL)
            assert_int_equal(now.trial.started, was->trial.started + 1);
    }
    assert_int_equal(now.trial.open, now.life == HF_LIFE_TRIAL);
    w->code = code;
    w->boot_open = true;
    w->spoiled = false;
}

static void do_power_on(struct witness *w)
{
    struct hf_life_record was = guest_record(&w->g);
    struct hf_boot_plan plan = guest_power_on(&w->g);

    after_boot(w, &was, &plan);
}

static void note_ending(struct witness *w, enum hf_ending ending)
{
    if (w->boot_open && !w->spoiled && hf_ending_is_evidence(ending))
        w->evidence++;
    w->boot_open = false;
}

static void do_reset(struct witness *w)
{
    enum hf_ending ending = roll(3) ? HF_ENDING_RESET : HF_ENDING_OPERATOR;
    const char *held = roll(4) ? NULL : "a disk came after the start";
    struct hf_life_record was = guest_record(&w->g);
    struct hf_boot_plan plan;

    note_ending(w, ending);
    plan = guest_reset(&w->g, ending, held);
    after_boot(w, &was, &plan);
}

static void do_end(struct witness *w)
{
    enum hf_ending ending = (enum hf_ending)roll(HF_ENDING_MAX);

    note_ending(w, ending);
    ok(hf_lifecycle_ended(w->g.c, ending, w->g.now, NULL, &why));
    look(w, "end");
    do_power_on(w);
}

static void do_crash(struct witness *w)
{
    w->boot_open = false;
    if (roll(2))
        snprintf(w->g.boot_id, sizeof w->g.boot_id, "host-boot-%u", roll(1000));
    guest_reopen(&w->g);
    look(w, "crash");
    do_power_on(w);
}

/* It may roll back, which was decided before; what it applies it takes back. */
static void do_failed_start(struct witness *w)
{
    struct hf_life_record was = guest_record(&w->g);
    struct hf_boot boot = guest_boot(&w->g, HF_MOMENT_POWER_ON);
    struct hf_boot_plan plan = guest_start(&w->g);

    w->boot_open = false;
    if (plan.did == HF_DECIDE_ROLL_BACK) {
        ok(hf_lifecycle_opened(w->g.c, &boot, &why));
        after_boot(w, &was, &plan);
        return;
    }
    if (roll(2))
        ok(hf_lifecycle_ended(w->g.c, (enum hf_ending)roll(HF_ENDING_MAX), w->g.now, NULL, &why));
    else
        guest_reopen(&w->g); /* killed; the next start finds it */
    if (guest_record(&w->g).life != HF_LIFE_APPLIED)
        look(w, "failed start");
    do_power_on(w);
}

static void do_stage(struct witness *w)
{
    unsigned n = roll(5);
    struct hf_error err;
    int r = guest_try_stage(&w->g, &code_4m, n, false, &err);

    if (r < 0)
        assert_int_equal(r, -HF_EREFUSED);
    look(w, "stage");
}

static void do_unstage(struct witness *w)
{
    (void)hf_unstage(w->g.c, w->g.now, roll(4) == 0, NULL);
    look(w, "unstage");
}

static void do_confirm(struct witness *w)
{
    struct hf_confirm_report report;

    if (hf_confirm(w->g.c, w->g.now, false, &report, NULL) == 0 && report.was == HF_LIFE_ROLLBACK)
        w->asked = w->current = false;
    look(w, "confirm");
}

static void do_signal(struct witness *w)
{
    ok(hf_lifecycle_signal(w->g.c, (enum hf_signal)roll(HF_SIGNAL_MAX), w->g.now, NULL, &why));
    look(w, "signal");
}

static void do_rollback(struct witness *w)
{
    struct hf_rollback_request request = {.chosen = roll(3) != 0, .now = w->g.now};
    struct hf_rollback_report report;

    request.wish.variables = roll(2) ? HF_VARIABLES_CURRENT : HF_VARIABLES_FALLBACK;
    if (hf_rollback(w->g.c, &request, &report, NULL) == 0) {
        w->asked = true;
        w->current = request.wish.variables == HF_VARIABLES_CURRENT;
    }
    look(w, "rollback");
}

static void do_write(struct witness *w)
{
    char text[32];

    snprintf(text, sizeof text, "value %u", roll(1000000));
    guest_write(&w->g, 150000 + roll(64) * 4096, text);
    look(w, "write");
}

static void do_move(struct witness *w)
{
    ok(hf_lifecycle_moved(w->g.c, w->g.now, &why));
    w->spoiled = w->boot_open;
    look(w, "move");
}

static void (*const steps[])(struct witness *w) = {
    do_power_on, do_reset,   do_reset,  do_reset,  do_end,      do_crash, do_stage, do_stage, do_failed_start,
    do_unstage,  do_confirm, do_signal, do_signal, do_rollback, do_write, do_write, do_move,
};

static void a_life_keeps_the_laws(void **state)
{
    unsigned count = getenv("HOLDFAST_LONG") ? 20000 : unit_samples(150);
    uint64_t bytes, unused;
    struct witness w = {0};
    const char *seed = getenv("HOLDFAST_SEED");

    rng = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    print_message("# HOLDFAST_SEED=%llu\n", (unsigned long long)rng);
    if (images_missing())
        skip();
    guest_new(&w.g, NULL, NULL);
    w.code = guest_code(&w.g);
    w.vars = guest_vars(&w.g);
    do_power_on(&w);
    for (unsigned i = 0; i < count; i++) {
        w.g.now++;
        steps[roll(sizeof steps / sizeof steps[0])](&w);
    }
    ok(hf_container_usage(w.g.c, &bytes, &unused, &why));
    print_message("# %u steps, %u applied, %u rolled back, %llu KiB\n", count, w.applied, w.rolled_back,
                  (unsigned long long)bytes >> 10);
    assert_true(bytes < 24 << 20);
    guest_free(&w.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_life_keeps_the_laws)};
    return cmocka_run_group_tests_name("lifecycle-life_random", tests, images_load, images_free);
}
