/* SPDX-License-Identifier: BSD-2-Clause */
#include "outlook.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "staged_keys.h"

static void say(char words[HF_OUTLOOK_WORDS_SIZE], const char *fmt, ...) HF_PRINTF(2, 3);

/* Adds to what was said. */
static void say(char words[HF_OUTLOOK_WORDS_SIZE], const char *fmt, ...)
{
    size_t at = strlen(words);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words + at, HF_OUTLOOK_WORDS_SIZE - at, fmt, ap);
    va_end(ap);
}

static void say_slot(char words[HF_OUTLOOK_WORDS_SIZE], const struct hf_slot_info *slot)
{
    char text[HF_DIGEST_TEXT_SIZE];

    say(words, "'%s' (%.12s)", slot->label, hf_digest_text(&slot->code, text));
}

static void say_staged(char words[HF_OUTLOOK_WORDS_SIZE], const struct hf_outlook *o)
{
    if (hf_slot_is_keys_alone(&o->staged, &o->active)) {
        say(words, "new Secure Boot keys");
        return;
    }
    say_slot(words, &o->staged);
    if (hf_slot_has_keys(&o->staged))
        say(words, " with new Secure Boot keys");
}

static const char *variables_words(const struct hf_rollback_wish *wish)
{
    if (wish->variables == HF_VARIABLES_CURRENT)
        return "with the present variables";
    return wish->old_dbx ? "with the variables it had, dbx included" : "with the variables it had";
}

static void say_waits(struct hf_outlook *o)
{
    const struct hf_life_record *r = &o->record;

    if (r->life == HF_LIFE_STAGED) {
        say_staged(o->waits, o);
        say(o->waits, "%s",
            hf_slot_is_keys_alone(&o->staged, &o->active) ? " wait for the next boot" : " waits for the next boot");
        if (!r->consent)
            say(o->waits, " and for the operator's consent about the TPM: 'holdfast stage G.hold --tpm-aware'");
        else if (r->held[0])
            say(o->waits, "; at the last one: %s", r->held);
    } else if (r->life == HF_LIFE_APPLIED) {
        say_slot(o->waits, &o->active);
        say(o->waits, " was applied and waits for the guest to run; if the start ends before, it is staged again");
    } else if (r->life == HF_LIFE_ROLLBACK) {
        say_slot(o->waits, &o->fallback);
        say(o->waits, " comes back at the next boot, %s%s", variables_words(&r->back),
            r->back.automatic ? "; the trial of what runs failed" : "");
        if (r->held[0])
            say(o->waits, "; at the last boot: %s", r->held);
    } else if (r->offer[0]) {
        say(o->waits, "the host's firmware was not taken at the last boot: %s", r->offer);
    }
}

static void say_signal(char words[HF_OUTLOOK_WORDS_SIZE], const struct hf_confirm_by *by)
{
    switch (by->signal) {
    case HF_SIGNAL_UPTIME:
        say(words, "%u seconds of running after a sign of life", by->seconds);
        break;
    case HF_SIGNAL_AGENT:
        say(words, "the guest's agent");
        break;
    case HF_SIGNAL_MAILBOX:
        say(words, "the firmware's report that the operating system took over");
        break;
    default:
        say(words, "'holdfast confirm'");
    }
}

static void say_trial(struct hf_outlook *o)
{
    const struct hf_trial *t = &o->record.trial;

    if (o->record.life != HF_LIFE_TRIAL)
        return;
    say(o->trial, "%u boot%s begun, %u failed, %u not counted; ", t->started, t->started == 1 ? "" : "s", t->failed,
        t->cut);
    if (o->record.unwatched) {
        say(o->trial,
            "its boots are not watched under 'serve': 'holdfast confirm' confirms it, only 'holdfast rollback' "
            "brings '%s' back",
            o->fallback.label);
        return;
    }
    say_signal(o->trial, &o->choices.by);
    say(o->trial, " confirms it");
    if (t->limit != 0)
        say(o->trial, ", %u failed boots bring '%s' back", t->limit, o->fallback.label);
    else
        say(o->trial, "; only 'holdfast rollback' brings '%s' back", o->fallback.label);
}

static void say_policy(char words[HF_OUTLOOK_WORDS_SIZE], const struct hf_outlook *o, bool start)
{
    if (o->choices.policy == HF_POLICY_HOST)
        say(words, "the host's current firmware, if it fits");
    else if (o->choices.policy == HF_POLICY_VERSIONED && start)
        say(words, "the same firmware; the host's current one under another QEMU than %s with no pinned machine type",
            o->record.vmm[0] ? o->record.vmm : "that of the first start");
    else
        say(words, "the same firmware");
}

static void say_applied(char words[HF_OUTLOOK_WORDS_SIZE], const struct hf_outlook *o)
{
    if (hf_slot_is_keys_alone(&o->staged, &o->active))
        say(words, "new Secure Boot keys are added and their trial begins");
    else
        say(words, "'%s' is applied and its trial begins", o->staged.label);
}

static void say_boot(char words[HF_OUTLOOK_WORDS_SIZE], const struct hf_outlook *o, bool start)
{
    switch (o->record.life) {
    case HF_LIFE_STAGED:
        if (!o->record.consent)
            say(words, "the same firmware");
        else
            say_applied(words, o);
        break;
    case HF_LIFE_APPLIED:
        say(words, "the trial of '%s' begins", o->active.label);
        break;
    case HF_LIFE_TRIAL:
        say(words, "one more boot of the trial");
        break;
    case HF_LIFE_ROLLBACK:
        say(words, "'%s' comes back", o->fallback.label);
        break;
    default:
        say_policy(words, o, start);
    }
}

static void say_next(struct hf_outlook *o)
{
    bool changes = o->record.life == HF_LIFE_ROLLBACK || (o->record.life == HF_LIFE_STAGED && o->record.consent);

    say_boot(o->power_on, o, true);
    if (o->record.life == HF_LIFE_STAGED && o->choices.at_power_on) {
        say(o->reset, "the same firmware: upgrade-at is power-on");
        changes = false;
    } else {
        say_boot(o->reset, o, false);
    }
    if (changes && o->record.unwatched)
        say(o->reset, " at the next power-on: a reset changes nothing under 'serve'");
    else if (changes)
        say(o->reset, " where a restart gives the guest the same machine; else at power-on");
    say(o->migration, "the firmware that runs goes along%s",
        changes                               ? "; what waits stays pending there"
        : o->record.life == HF_LIFE_TRIAL     ? "; the trial continues, and this boot does not count"
        : o->choices.policy == HF_POLICY_HOST ? "; the first reset there takes that host's"
                                              : "");
}

static void say_suspended(struct hf_outlook *o)
{
    const struct hf_suspended *s = &o->record.suspended;

    if (!s->pending)
        return;
    if (s->changes != o->record.changes)
        say(o->suspended, "a state saved earlier can no longer be loaded: firmware or variables were replaced since");
    else
        say(o->suspended,
            "a saved state is pending; loading it brings its own variables, and the present ones become a "
            "snapshot");
}

static int optional_slot(struct hf_container *c, enum hf_slot slot, struct hf_slot_info *info, bool *has,
                         struct hf_error *err)
{
    int r = hf_slot_get(c, slot, info, err);

    *has = r == 0;
    return r == -HF_ENOTFOUND ? 0 : r;
}

int hf_outlook_get(struct hf_container *c, struct hf_outlook *outlook, struct hf_error *err)
{
    struct hf_outlook o;
    int r;

    memset(&o, 0, sizeof o);
    r = hf_life_load(c, &o.record, err);
    if (r == 0)
        r = hf_choices_get(c, &o.choices, err);
    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &o.active, err);
    if (r == 0)
        r = optional_slot(c, HF_SLOT_STAGED, &o.staged, &o.has_staged, err);
    o.has_staged = o.has_staged && o.record.life != HF_LIFE_APPLIED; /* it has the former fallback then */
    if (r == 0)
        r = optional_slot(c, HF_SLOT_FALLBACK, &o.fallback, &o.has_fallback, err);
    if (r < 0)
        return r;
    say_slot(o.runs, &o.active);
    say_waits(&o);
    say_trial(&o);
    say_suspended(&o);
    say_next(&o);
    *outlook = o;
    return 0;
}
