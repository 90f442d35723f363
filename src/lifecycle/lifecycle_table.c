/* SPDX-License-Identifier: BSD-2-Clause */
#include "lifecycle_table.h"

#include <assert.h>
#include <string.h>

#include "cleanup.h"

#define TO(state, what)                                                                                                \
    {                                                                                                                  \
        .next = HF_LIFE_##state, .decision = HF_DECIDE_##what                                                          \
    }
#define NO(state, name, text)                                                                                          \
    {                                                                                                                  \
        .next = HF_LIFE_##state, .decision = HF_DECIDE_REFUSE, .rule = (name), .why = (text)                           \
    }

#define APPLIED                                                                                                        \
    "an image was applied for a boot that has not begun; start the guest, or end the server or QEMU that waits for "   \
    "it, which takes the image back to staged"

/* clang-format off */
static const struct hf_move moves[][HF_EVENT_MAX] = {
    [HF_LIFE_STEADY] = {
        [HF_EVENT_STAGE]       = TO(STAGED, STAGE),
        [HF_EVENT_OFFER]       = TO(STAGED, STAGE),
        [HF_EVENT_UNSTAGE]     = NO(STEADY, "staged", "nothing is staged"),
        [HF_EVENT_BOOT]        = TO(STEADY, NOTHING),
        [HF_EVENT_BOOT_HELD]   = TO(STEADY, NOTHING),
        [HF_EVENT_OPENED]      = TO(STEADY, NOTHING),
        [HF_EVENT_NO_BOOT]     = TO(STEADY, NOTHING),
        [HF_EVENT_FAILED]      = TO(STEADY, NOTHING),
        [HF_EVENT_FAILED_LAST] = TO(STEADY, NOTHING),
        [HF_EVENT_CUT]         = TO(STEADY, NOTHING),
        [HF_EVENT_SIGNAL]      = TO(STEADY, NOTHING),
        [HF_EVENT_CONFIRM]     = TO(STEADY, NOTHING),
        [HF_EVENT_ROLL_BACK]   = TO(ROLLBACK, PLAN_ROLLBACK),
        [HF_EVENT_SUSPEND]     = TO(STEADY, SUSPEND),
        [HF_EVENT_RESUME]      = TO(STEADY, RESUME),
        [HF_EVENT_REVERT]      = TO(STEADY, REVERT),
    },
    [HF_LIFE_STAGED] = {
        [HF_EVENT_STAGE]       = TO(STAGED, STAGE),
        [HF_EVENT_OFFER]       = TO(STAGED, NOTHING),
        [HF_EVENT_UNSTAGE]     = TO(STEADY, UNSTAGE),
        [HF_EVENT_BOOT]        = TO(APPLIED, APPLY),
        [HF_EVENT_BOOT_HELD]   = TO(STAGED, NOTHING),
        [HF_EVENT_OPENED]      = TO(STAGED, NOTHING),
        [HF_EVENT_NO_BOOT]     = TO(STAGED, NOTHING),
        [HF_EVENT_FAILED]      = TO(STAGED, NOTHING),
        [HF_EVENT_FAILED_LAST] = TO(STAGED, NOTHING),
        [HF_EVENT_CUT]         = TO(STAGED, NOTHING),
        [HF_EVENT_SIGNAL]      = TO(STAGED, NOTHING),
        [HF_EVENT_CONFIRM]     = NO(STAGED, "staged", "the staged image has not run yet; it is applied at the next boot"),
        [HF_EVENT_ROLL_BACK]   = NO(STAGED, "staged", "an image is staged; remove it first with 'holdfast unstage'"),
        [HF_EVENT_SUSPEND]     = TO(STAGED, SUSPEND),
        [HF_EVENT_RESUME]      = TO(STAGED, RESUME),
        [HF_EVENT_REVERT]      = NO(STAGED, "staged", "an image is staged; remove it first with 'holdfast unstage'"),
    },
    [HF_LIFE_APPLIED] = {
        [HF_EVENT_STAGE]       = NO(APPLIED, "applied", APPLIED),
        [HF_EVENT_OFFER]       = TO(APPLIED, NOTHING),
        [HF_EVENT_UNSTAGE]     = NO(APPLIED, "applied", APPLIED),
        [HF_EVENT_BOOT]        = TO(APPLIED, NOTHING),
        [HF_EVENT_BOOT_HELD]   = TO(APPLIED, NOTHING),
        [HF_EVENT_OPENED]      = TO(TRIAL, COUNT),
        [HF_EVENT_NO_BOOT]     = TO(STAGED, TAKE_BACK),
        [HF_EVENT_FAILED]      = TO(APPLIED, NOTHING),
        [HF_EVENT_FAILED_LAST] = TO(APPLIED, NOTHING),
        [HF_EVENT_CUT]         = TO(APPLIED, NOTHING),
        [HF_EVENT_SIGNAL]      = TO(APPLIED, NOTHING),
        [HF_EVENT_CONFIRM]     = NO(APPLIED, "applied", APPLIED),
        [HF_EVENT_ROLL_BACK]   = NO(APPLIED, "applied", APPLIED),
        [HF_EVENT_SUSPEND]     = TO(APPLIED, SUSPEND),
        [HF_EVENT_RESUME]      = TO(APPLIED, RESUME),
        [HF_EVENT_REVERT]      = NO(APPLIED, "applied", APPLIED),
    },
    [HF_LIFE_TRIAL] = {
        [HF_EVENT_STAGE]       = NO(TRIAL, "trial", "a trial is open; end it first with 'holdfast confirm' or 'holdfast rollback'"),
        [HF_EVENT_OFFER]       = TO(TRIAL, NOTHING),
        [HF_EVENT_UNSTAGE]     = NO(TRIAL, "trial", "the image was applied; return to the fallback with 'holdfast rollback'"),
        [HF_EVENT_BOOT]        = TO(TRIAL, NOTHING),
        [HF_EVENT_BOOT_HELD]   = TO(TRIAL, NOTHING),
        [HF_EVENT_OPENED]      = TO(TRIAL, COUNT),
        [HF_EVENT_NO_BOOT]     = TO(TRIAL, NOTHING),
        [HF_EVENT_FAILED]      = TO(TRIAL, NOTE_FAILED),
        [HF_EVENT_FAILED_LAST] = TO(ROLLBACK, PLAN_ROLLBACK),
        [HF_EVENT_CUT]         = TO(TRIAL, NOTE_CUT),
        [HF_EVENT_SIGNAL]      = TO(STEADY, CONFIRM),
        [HF_EVENT_CONFIRM]     = TO(STEADY, CONFIRM),
        [HF_EVENT_ROLL_BACK]   = TO(ROLLBACK, PLAN_ROLLBACK),
        [HF_EVENT_SUSPEND]     = TO(TRIAL, SUSPEND),
        [HF_EVENT_RESUME]      = TO(TRIAL, RESUME),
        [HF_EVENT_REVERT]      = NO(TRIAL, "trial", "a trial is open; end it first with 'holdfast confirm' or 'holdfast rollback'"),
    },
    [HF_LIFE_ROLLBACK] = {
        [HF_EVENT_STAGE]       = NO(ROLLBACK, "rollback", "a rollback waits for the next boot; cancel it with 'holdfast confirm'"),
        [HF_EVENT_OFFER]       = TO(ROLLBACK, NOTHING),
        [HF_EVENT_UNSTAGE]     = NO(ROLLBACK, "rollback", "a rollback waits for the next boot; cancel it with 'holdfast confirm'"),
        [HF_EVENT_BOOT]        = TO(STEADY, ROLL_BACK),
        [HF_EVENT_BOOT_HELD]   = TO(ROLLBACK, NOTHING),
        [HF_EVENT_OPENED]      = TO(ROLLBACK, NOTHING),
        [HF_EVENT_NO_BOOT]     = TO(ROLLBACK, NOTHING),
        [HF_EVENT_FAILED]      = TO(ROLLBACK, NOTHING),
        [HF_EVENT_FAILED_LAST] = TO(ROLLBACK, NOTHING),
        [HF_EVENT_CUT]         = TO(ROLLBACK, NOTHING),
        [HF_EVENT_SIGNAL]      = TO(ROLLBACK, NOTHING),
        [HF_EVENT_CONFIRM]     = TO(STEADY, KEEP),
        [HF_EVENT_ROLL_BACK]   = TO(ROLLBACK, PLAN_ROLLBACK),
        [HF_EVENT_SUSPEND]     = TO(ROLLBACK, SUSPEND),
        [HF_EVENT_RESUME]      = TO(ROLLBACK, RESUME),
        [HF_EVENT_REVERT]      = NO(ROLLBACK, "rollback", "a rollback waits for the next boot; cancel it with 'holdfast confirm'"),
    },
};
/* clang-format on */
_Static_assert(HF_ARRAY_SIZE(moves) == HF_LIFE_MAX, "one row per state");

static const char *const state_names[] = {
    [HF_LIFE_STEADY] = "steady", [HF_LIFE_STAGED] = "staged",     [HF_LIFE_APPLIED] = "applied",
    [HF_LIFE_TRIAL] = "trial",   [HF_LIFE_ROLLBACK] = "rollback",
};
_Static_assert(HF_ARRAY_SIZE(state_names) == HF_LIFE_MAX, "one name per state");

static const char *const event_names[] = {
    [HF_EVENT_STAGE] = "stage",
    [HF_EVENT_OFFER] = "offer",
    [HF_EVENT_UNSTAGE] = "unstage",
    [HF_EVENT_BOOT] = "boot",
    [HF_EVENT_BOOT_HELD] = "boot-held",
    [HF_EVENT_OPENED] = "opened",
    [HF_EVENT_NO_BOOT] = "no-boot",
    [HF_EVENT_FAILED] = "failed",
    [HF_EVENT_FAILED_LAST] = "failed-last",
    [HF_EVENT_CUT] = "cut",
    [HF_EVENT_SIGNAL] = "signal",
    [HF_EVENT_CONFIRM] = "confirm",
    [HF_EVENT_ROLL_BACK] = "roll-back",
    [HF_EVENT_SUSPEND] = "suspend",
    [HF_EVENT_RESUME] = "resume",
    [HF_EVENT_REVERT] = "revert",
};
_Static_assert(HF_ARRAY_SIZE(event_names) == HF_EVENT_MAX, "one name per event");

static const char *const decision_names[] = {
    [HF_DECIDE_REFUSE] = "refuse",
    [HF_DECIDE_NOTHING] = "nothing",
    [HF_DECIDE_STAGE] = "stage",
    [HF_DECIDE_UNSTAGE] = "unstage",
    [HF_DECIDE_APPLY] = "apply",
    [HF_DECIDE_TAKE_BACK] = "take-back",
    [HF_DECIDE_COUNT] = "count",
    [HF_DECIDE_NOTE_FAILED] = "note-failed",
    [HF_DECIDE_NOTE_CUT] = "note-cut",
    [HF_DECIDE_CONFIRM] = "confirm",
    [HF_DECIDE_PLAN_ROLLBACK] = "plan-rollback",
    [HF_DECIDE_ROLL_BACK] = "roll-back",
    [HF_DECIDE_KEEP] = "keep",
    [HF_DECIDE_SUSPEND] = "suspend",
    [HF_DECIDE_RESUME] = "resume",
    [HF_DECIDE_REVERT] = "revert",
};
_Static_assert(HF_ARRAY_SIZE(decision_names) == HF_DECIDE_MAX, "one name per decision");

const struct hf_move *hf_lifecycle_move(enum hf_life state, enum hf_life_event event)
{
    assert((unsigned)state < HF_LIFE_MAX);
    assert((unsigned)event < HF_EVENT_MAX);
    return &moves[state][event];
}

int hf_lifecycle_try(enum hf_life state, enum hf_life_event event, const struct hf_move **ret, struct hf_error *err)
{
    const struct hf_move *move = hf_lifecycle_move(state, event);

    if (move->decision == HF_DECIDE_REFUSE)
        return hf_error_refuse(err, move->rule, "%s", move->why);
    *ret = move;
    return 0;
}

const char *hf_life_name(enum hf_life state)
{
    return (unsigned)state < HF_LIFE_MAX ? state_names[state] : NULL;
}

int hf_life_parse(const char *name, enum hf_life *ret, struct hf_error *err)
{
    for (unsigned i = 0; i < HF_LIFE_MAX; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *ret = (enum hf_life)i;
            return 0;
        }
    }
    return hf_error_set(err, HF_EDAMAGED,
                        "invalid firmware state '%s'; expected steady, staged, applied, trial or rollback", name);
}

const char *hf_life_event_name(enum hf_life_event event)
{
    return (unsigned)event < HF_EVENT_MAX ? event_names[event] : NULL;
}

const char *hf_decision_name(enum hf_decision decision)
{
    return (unsigned)decision < HF_DECIDE_MAX ? decision_names[decision] : NULL;
}
