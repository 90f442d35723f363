/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of one guest's firmware as a labelled table: what each event does in each state.
 *
 *                  stage (replaces)
 *                     .-.
 *    stage, offer     v |   boot: APPLY                opened: COUNT
 *   +--------+ --> +--------+ ----------> +---------+ --------> +-------+ --. opened: COUNT
 *   | STEADY |     | STAGED |             | APPLIED |           | TRIAL | <-' boot failed, cut
 *   +--------+ <-- +--------+ <---------- +---------+           +-------+
 *    ^  |  ^ unstage          no boot: TAKE BACK                 |     |
 *    |  |  '-----------------------------------------------------'     | the last failed boot; roll back
 *    |  |                    signal, confirm                           v
 *    |  |  roll back                                              +----------+
 *    |  '-------------------------------------------------------> | ROLLBACK |
 *    '----------------------------------------------------------- +----------+
 *                boot: ROLL BACK;  confirm: what runs is kept after all
 *
 * A start (BOOT) and the guest's boot (OPENED) are two things. A start has the banks as the boot is to find them,
 * before a server or a VMM reads them; the boot is open when the VMM reads the code bank or lets its processors run,
 * and is written down before that. A start that fails in between, or that nobody follows up (NO_BOOT), counts nothing,
 * and what it applied is taken back.
 *
 * A start at which the firmware may not change (BOOT_HELD: a restart would not give the guest the same machine, or an
 * owner's word is missing) leaves STAGED and ROLLBACK as they are. Applying, taking back and rolling back are one
 * transaction each.
 *
 * "Suspended" stands beside the states, not among them: a state of the guest saved to a file holds both banks. Every
 * state keeps it; APPLY and ROLL_BACK make it void, so that RESUME is then refused (lifecycle/suspended.h).
 *
 * Who makes the moves: stage, unstage, confirm, rollback are the operator's verbs; OFFER is the policy's at a boot;
 * BOOT, BOOT_HELD, OPENED and NO_BOOT come from the program that starts or releases the guest; the endings and the
 * signal from the watcher.
 *
 * Pure. Any thread.
 */
#ifndef HF_LIFECYCLE_TABLE_H
#define HF_LIFECYCLE_TABLE_H

#include <stdbool.h>

#include <holdfast/error.h>

enum hf_life {
    HF_LIFE_STEADY,   /* the active image runs, nothing waits; a fallback of an earlier upgrade may be kept */
    HF_LIFE_STAGED,   /* an image waits for the next boot */
    HF_LIFE_APPLIED,  /* the staged image was made active for a boot that has not begun */
    HF_LIFE_TRIAL,    /* the active image is new; the fallback is the one known good */
    HF_LIFE_ROLLBACK, /* the fallback waits for the next boot */
    HF_LIFE_MAX,
};

enum hf_life_event {
    HF_EVENT_STAGE,       /* the operator stages an image that was identified, paired and checked */
    HF_EVENT_OFFER,       /* the policy provisions the host's firmware at a boot */
    HF_EVENT_UNSTAGE,     /* the operator takes the staged image back */
    HF_EVENT_BOOT,        /* the guest is about to be started or reset, and the firmware may change */
    HF_EVENT_BOOT_HELD,   /* the same, and it may not */
    HF_EVENT_OPENED,      /* the guest is about to execute */
    HF_EVENT_NO_BOOT,     /* the start failed, or ended before the guest executed */
    HF_EVENT_FAILED,      /* a boot ended in a reset, a panic or QEMU's death without the signal; there may be more */
    HF_EVENT_FAILED_LAST, /* the same, and it was the last that the trial allows */
    HF_EVENT_CUT,         /* a boot was cut short by the host: no evidence */
    HF_EVENT_SIGNAL,      /* the chosen signal came */
    HF_EVENT_CONFIRM,     /* the operator confirms */
    HF_EVENT_ROLL_BACK,   /* the operator wants the fallback back */
    HF_EVENT_SUSPEND,     /* the guest's state was saved to a file and its VMM ended */
    HF_EVENT_RESUME,      /* a saved state is loaded */
    HF_EVENT_REVERT,      /* the operator goes back to a snapshot; the guest is off */
    HF_EVENT_MAX,
};

enum hf_decision {
    HF_DECIDE_REFUSE,        /* hf_move.rule names the rule, hf_move.why says what to do */
    HF_DECIDE_NOTHING,       /* the state stays and nothing is written but the log */
    HF_DECIDE_STAGE,         /* put the image in the staged slot; room for snapshot and rollback is allocated */
    HF_DECIDE_UNSTAGE,       /* empty the staged slot */
    HF_DECIDE_APPLY,         /* snapshot, convert, switch slots; all of it can be taken back */
    HF_DECIDE_TAKE_BACK,     /* everything is as it was before APPLY */
    HF_DECIDE_COUNT,         /* count this boot of the trial before the guest executes */
    HF_DECIDE_NOTE_FAILED,   /* one more boot failed */
    HF_DECIDE_NOTE_CUT,      /* the boot does not count */
    HF_DECIDE_CONFIRM,       /* the active image is known good; close the trial */
    HF_DECIDE_PLAN_ROLLBACK, /* the fallback waits for the next boot */
    HF_DECIDE_ROLL_BACK,     /* snapshot what is replaced, bring back the fallback's code and variables */
    HF_DECIDE_KEEP,          /* drop the pending rollback: what runs is kept */
    HF_DECIDE_SUSPEND,       /* remember what the saved state holds */
    HF_DECIDE_RESUME,        /* snapshot the present variables, then take the bank that the VMM writes */
    HF_DECIDE_REVERT,        /* snapshot what is replaced, bring back the snapshot's */
    HF_DECIDE_MAX,
};

struct hf_move {
    enum hf_life next;
    enum hf_decision decision;
    const char *rule; /* REFUSE only: the rule's name */
    const char *why;  /* REFUSE only: what stands in the way and what to do; no full stop */
};

/* The one place that knows. Both arguments must be inside their enums (asserted). */
const struct hf_move *hf_lifecycle_move(enum hf_life state, enum hf_life_event event);

/* The move, or HF_EREFUSED with its rule and words. `*ret` stays valid for ever. */
int hf_lifecycle_try(enum hf_life state, enum hf_life_event event, const struct hf_move **ret, struct hf_error *err);

/* "steady", "staged", "applied", "trial", "rollback"; NULL outside the enum. These words stand in containers: do not
 * change them.
 */
const char *hf_life_name(enum hf_life state);
int hf_life_parse(const char *name, enum hf_life *ret, struct hf_error *err);

/* For logs and tests: "boot", "failed-last", ... */
const char *hf_life_event_name(enum hf_life_event event);
const char *hf_decision_name(enum hf_decision decision);

/* Whether the decision changes which firmware the guest runs: only ever at a start, or while the guest is off. */
static inline bool hf_decision_changes_firmware(enum hf_decision d)
{
    return d == HF_DECIDE_APPLY || d == HF_DECIDE_TAKE_BACK || d == HF_DECIDE_ROLL_BACK || d == HF_DECIDE_REVERT;
}

#endif
