/* SPDX-License-Identifier: BSD-2-Clause */
#include "boots.h"

#include <stdio.h>
#include <string.h>

#include "applied.h"
#include "apply.h"
#include "banks.h"
#include "choices.h"
#include "cleanup.h"
#include "contract.h"
#include "eventlog.h"
#include "life_work.h"
#include "offer.h"
#include "secure_boot_record.h"
#include "set_aside.h"
#include "slots.h"

/* One boot being decided, inside its transaction. */
struct work {
    struct hf_life_work life;
    const struct hf_boot *boot;
    enum hf_decision did;
    bool at_power_on;                  /* what is staged waits for one, and this is none */
    char set_aside[HF_SET_ASIDE_SIZE]; /* by a rollback */
};

static int need_run(struct hf_container *c, struct hf_error *err)
{
    if (hf_container_mode(c) == HF_OPEN_RUN)
        return 0;
    return hf_error_set(err, HF_EUSAGE, "firmware cannot be changed: the container is not open to run");
}

/* Endings. */

static int plan_rollback(struct work *w)
{
    struct hf_slot_info fallback;
    int r = hf_slot_get(w->life.c, HF_SLOT_FALLBACK, &fallback, w->life.err);

    if (r < 0)
        return r;
    w->life.now.back = (struct hf_rollback_wish){.variables = HF_VARIABLES_FALLBACK, .automatic = true};
    return hf_event_append(w->life.c, w->boot->now, "trial", w->life.err,
                           "the trial failed: %u boots ended without the signal; '%s' comes back at the next boot",
                           w->life.now.trial.failed, fallback.label);
}

/* Closes the boot that is open and moves the state on. */
static int close_boot(struct work *w, enum hf_ending ending)
{
    const struct hf_move *move;
    enum hf_life_event event;
    bool open = w->life.now.trial.open;
    int r = 0;

    event = hf_trial_close_boot(&w->life.now.trial, ending);
    move = hf_lifecycle_move(w->life.now.life, event);
    if (open && move->decision == HF_DECIDE_NOTE_CUT)
        r = hf_event_append(w->life.c, w->boot->now, "trial", w->life.err,
                            "a boot of the trial ended: %s; it does not count", hf_ending_name(ending));
    else if (open && move->decision != HF_DECIDE_NOTHING)
        r = hf_event_append(w->life.c, w->boot->now, "trial", w->life.err,
                            "a boot of the trial ended without the signal: %s", hf_ending_name(ending));
    if (r == 0 && move->decision == HF_DECIDE_PLAN_ROLLBACK)
        r = plan_rollback(w);
    w->did = move->decision;
    w->life.now.life = move->next;
    return r;
}

/* Beginnings. */

static bool firmware_waits(const struct hf_life_record *record)
{
    return record->life == HF_LIFE_STAGED || record->life == HF_LIFE_ROLLBACK;
}

/* Why what waits goes on waiting at this boot; NULL: it does not. */
static const char *reason_to_wait(const struct work *w)
{
    if (w->boot->arrives)
        return "the guest came with the firmware it runs";
    if (!firmware_waits(&w->life.now))
        return w->boot->held;
    if (w->life.now.life == HF_LIFE_STAGED && w->at_power_on)
        return "it is applied at the guest's next power-on ('holdfast set G.hold upgrade-at=reboot': at its next "
               "reset, too)";
    if (w->life.now.life == HF_LIFE_STAGED && !w->life.now.consent)
        return "the guest has a TPM, and the operator has not confirmed that: 'holdfast stage G.hold --tpm-aware'";
    return w->boot->held;
}

static int note_held(struct work *w, const char *why)
{
    if (!firmware_waits(&w->life.now) || strcmp(w->life.now.held, why) == 0)
        return 0;
    snprintf(w->life.now.held, sizeof w->life.now.held, "%s", why);
    return hf_event_append(w->life.c, w->boot->now, "held", w->life.err, "the %s waits: %s",
                           w->life.now.life == HF_LIFE_STAGED ? "staged image" : "rollback", why);
}

static int do_boot(struct work *w, enum hf_decision decision)
{
    struct hf_choices choices;
    int r;

    switch (decision) {
    case HF_DECIDE_APPLY:
        r = hf_choices_get(w->life.c, &choices, w->life.err);
        if (r < 0)
            return r;
        return hf_apply_staged(w->life.c, choices.trial_limit, w->boot->now, &w->life.now, w->life.err);
    case HF_DECIDE_ROLL_BACK:
        return hf_apply_fallback(w->life.c, w->boot->now, &w->life.now, w->set_aside, w->life.err);
    default:
        return 0;
    }
}

/* The guest is about to be started or reset: applies or rolls back. */
static int begin_boot(struct work *w)
{
    const char *wait = reason_to_wait(w);
    const struct hf_move *move = hf_lifecycle_move(w->life.now.life, wait ? HF_EVENT_BOOT_HELD : HF_EVENT_BOOT);
    int r = wait ? note_held(w, wait) : 0;

    if (r == 0)
        r = do_boot(w, move->decision);
    if (r < 0)
        return r;
    w->did = move->decision;
    w->life.now.life = move->next;
    return w->boot->arrives ? 0 : hf_contract_clear(w->life.c, w->life.err);
}

static int count_boot(struct work *w)
{
    const struct hf_life_record *was = &w->life.was;
    int r = was->life == HF_LIFE_APPLIED ? hf_applied_open(w->life.c, &w->life.now, w->life.err) : 0;

    if (r < 0)
        return r;
    if (w->boot->arrives)
        hf_trial_resume_boot(&w->life.now.trial, w->boot->boot_id, w->boot->unwatched);
    else
        hf_trial_open_boot(&w->life.now.trial, w->boot->boot_id, w->boot->unwatched);
    return hf_event_append(w->life.c, w->boot->now, "trial", w->life.err, "a boot of the trial %s",
                           w->boot->arrives ? "continues from a saved state" : "begins");
}

/* The guest is about to execute. */
static int open_boot(struct work *w)
{
    const struct hf_move *move = hf_lifecycle_move(w->life.now.life, HF_EVENT_OPENED);
    int r = move->decision == HF_DECIDE_COUNT ? count_boot(w) : 0;

    if (r < 0)
        return r;
    if (move->decision == HF_DECIDE_COUNT)
        w->did = HF_DECIDE_COUNT;
    w->life.now.life = move->next;
    return 0;
}

/* The start is over, and the guest did not execute. */
static int no_boot(struct work *w)
{
    if (hf_lifecycle_move(w->life.now.life, HF_EVENT_NO_BOOT)->decision != HF_DECIDE_TAKE_BACK)
        return 0;
    w->did = HF_DECIDE_TAKE_BACK;
    return hf_applied_take_back(w->life.c, w->boot->now, &w->life.now, w->life.err);
}

/* What is found at a start, of the one before: a boot nobody saw end, or none. */
static int close_former(struct work *w)
{
    if (w->life.now.trial.open)
        return close_boot(w, hf_trial_presumed_ending(&w->life.now.trial));
    return no_boot(w);
}

static int open_work(struct work *w, struct hf_container *c, const struct hf_boot *boot, struct hf_error *err)
{
    w->boot = boot;
    w->did = HF_DECIDE_NOTHING;
    w->at_power_on = false;
    w->set_aside[0] = '\0';
    return hf_life_begin(&w->life, c, boot->now, err);
}

static int close_work(struct work *w, int r)
{
    return hf_life_end(&w->life, r, false);
}

/* Plans. */

#define BY_HAND "; it is not watched here: end it with 'holdfast confirm' or 'holdfast rollback'"

static int plan_words(const struct work *w, const struct hf_slot_info *active, struct hf_boot_plan *plan)
{
    const struct hf_trial *t = &w->life.now.trial;

    if (w->did == HF_DECIDE_APPLY)
        snprintf(plan->words, sizeof plan->words, "'%.60s' was applied; its trial begins when the guest runs%s",
                 active->label, w->boot->unwatched ? BY_HAND : "");
    else if (w->did == HF_DECIDE_ROLL_BACK)
        snprintf(plan->words, sizeof plan->words, "'%.60s' is back; %s", active->label, w->set_aside);
    else if (w->life.now.life == HF_LIFE_TRIAL)
        snprintf(plan->words, sizeof plan->words, "boot %u of the trial of '%.60s'%s", t->started + !t->open,
                 active->label, w->boot->unwatched ? BY_HAND : "");
    else if (firmware_waits(&w->life.now) && w->life.now.held[0])
        snprintf(plan->words, sizeof plan->words, "the %s waits: %s",
                 w->life.now.life == HF_LIFE_STAGED ? "staged image" : "rollback", w->life.now.held);
    else if (w->life.now.offer[0])
        snprintf(plan->words, sizeof plan->words, "the host's firmware was not taken: %s", w->life.now.offer);
    return 0;
}

static int bank_size_or_none(struct hf_container *c, enum hf_bank bank, uint64_t *size, struct hf_error *err)
{
    int r = hf_bank_size(c, bank, size, err);

    if (r == -HF_ENOTFOUND) {
        *size = 0;
        return 0;
    }
    return r;
}

static int fill_plan(const struct work *w, enum hf_boot_action action, struct hf_boot_plan *plan)
{
    struct hf_boot_plan p = {.action = action, .did = w->did, .life = w->life.now.life};
    struct hf_slot_info active;
    int r = hf_slot_get(w->life.c, HF_SLOT_ACTIVE, &active, w->life.err);

    if (r == 0)
        r = bank_size_or_none(w->life.c, HF_BANK_CODE, &p.code_size, w->life.err);
    if (r == 0)
        r = bank_size_or_none(w->life.c, HF_BANK_VARS, &p.vars_size, w->life.err);
    if (r == 0)
        r = plan_words(w, &active, &p);
    if (r < 0)
        return r;
    p.code = active.code;
    *plan = p;
    return 0;
}

static int power_on_once(struct hf_container *c, const struct hf_boot *boot, struct hf_boot_plan *plan,
                         struct hf_error *err)
{
    struct hf_boot_plan p;
    struct work w;
    int r = open_work(&w, c, boot, err);

    if (r == 0)
        r = close_former(&w);
    if (r == 0)
        r = hf_offer_follow(&w.life, boot);
    if (r == 0)
        r = begin_boot(&w);
    w.life.now.unwatched = boot->unwatched;
    if (r == 0)
        r = hf_secure_boot_note(c, boot->now, err);
    if (r == 0)
        r = fill_plan(&w, HF_BOOT_RELEASE, &p);
    r = close_work(&w, r);
    if (r == 0)
        *plan = p;
    return r;
}

/* What cannot be applied must not keep the guest from starting with what it has. */
static bool may_wait(int r)
{
    return r == -HF_EREFUSED || r == -HF_ENOSPC;
}

static bool lost_the_container(const struct hf_error *err)
{
    return hf_error_is_rule(err, "epoch") || hf_error_is_rule(err, "departed");
}

int hf_lifecycle_power_on(struct hf_container *c, const struct hf_boot *boot, struct hf_boot_plan *plan,
                          struct hf_error *err)
{
    struct hf_boot again = *boot;
    struct hf_error why = {0};
    int r = need_run(c, err);

    if (r < 0)
        return r;
    r = power_on_once(c, boot, plan, &why);
    if (may_wait(r) && boot->held == NULL && !lost_the_container(&why)) {
        again.held = why.text;
        return power_on_once(c, &again, plan, err);
    }
    if (r < 0 && err != NULL)
        *err = why;
    return r;
}

int hf_lifecycle_reset(struct hf_container *c, const struct hf_boot *boot, enum hf_ending ending,
                       struct hf_boot_plan *plan, struct hf_error *err)
{
    bool restart = boot->moment == HF_MOMENT_COLD_RESET;
    struct hf_choices choices;
    struct hf_boot_plan p;
    struct work w;
    int r = need_run(c, err);

    if (r == 0)
        r = open_work(&w, c, boot, err);
    if (r < 0)
        return r;
    r = hf_choices_get(c, &choices, err);
    if (r == 0)
        r = close_boot(&w, ending);
    w.at_power_on = r == 0 && choices.at_power_on && !restart;
    if (r == 0)
        r = hf_offer_follow(&w.life, boot);
    restart = restart || (firmware_waits(&w.life.now) && reason_to_wait(&w) == NULL);
    w.did = HF_DECIDE_NOTHING;
    if (r == 0 && !restart)
        r = begin_boot(&w);
    if (r == 0 && !restart)
        r = open_boot(&w);
    if (r == 0)
        r = fill_plan(&w, restart ? HF_BOOT_RESTART : HF_BOOT_RELEASE, &p);
    r = close_work(&w, r);
    if (r == 0)
        *plan = p;
    return r;
}

/* Most starts find nothing to write, and a server asks for every one of its starts. */
static int needs_opening(struct hf_container *c, bool *needs, struct hf_error *err)
{
    struct hf_life_record record;
    int r = hf_life_load(c, &record, err);

    if (r == 0)
        *needs = !record.trial.open && hf_lifecycle_move(record.life, HF_EVENT_OPENED)->decision != HF_DECIDE_NOTHING;
    return r;
}

int hf_lifecycle_opened(struct hf_container *c, const struct hf_boot *boot, struct hf_error *err)
{
    struct work w;
    bool needs = false;
    int r = need_run(c, err);

    if (r == 0)
        r = needs_opening(c, &needs, err);
    if (r < 0 || !needs)
        return r;
    r = open_work(&w, c, boot, err);
    if (r == 0 && !w.life.now.trial.open)
        r = open_boot(&w);
    return close_work(&w, r);
}

static void say_ended(const struct work *w, const char *active, const char *fallback, char words[HF_BOOT_WORDS_SIZE])
{
    words[0] = '\0';
    if (w->did == HF_DECIDE_TAKE_BACK)
        snprintf(words, HF_BOOT_WORDS_SIZE, "the guest did not run: '%.60s' is staged again, and no boot was counted",
                 active);
    else if (w->did == HF_DECIDE_PLAN_ROLLBACK)
        snprintf(
            words, HF_BOOT_WORDS_SIZE,
            "the trial of '%.60s' failed; '%.60s' comes back at the next start. 'holdfast confirm' keeps what runs",
            active, fallback);
}

int hf_lifecycle_ended(struct hf_container *c, enum hf_ending ending, int64_t now, char words[HF_BOOT_WORDS_SIZE],
                       struct hf_error *err)
{
    const struct hf_boot boot = {.now = now};
    struct hf_slot_info active = {.label = ""}, fallback = {.label = ""};
    struct work w;
    int r = open_work(&w, c, &boot, err);

    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);
    if (r == 0)
        (void)hf_slot_get(c, HF_SLOT_FALLBACK, &fallback, NULL);
    if (r == 0)
        r = w.life.now.trial.open ? close_boot(&w, ending) : no_boot(&w);
    if (r == 0)
        r = hf_secure_boot_note(c, now, err);
    r = close_work(&w, r);
    if (r == 0 && words)
        say_ended(&w, active.label, fallback.label, words);
    return r;
}
