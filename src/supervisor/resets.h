/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stopping a guest at its reset, before the next boot executes, without ending QEMU.
 *
 *              arm                 SHUTDOWN by a reset             restart
 *   +-------+ ----> +-------+ -----------------------> +---------+ -------> (the caller ends QEMU)   
 *   | LOOSE |       | ARMED |                          | STOPPED |
 *   +-------+ <---- +-------+ <----.                   +---------+
 *            disarm    |           | cont answered          | release
 *                      |           |                        v
 *                      |     +----------------------------------------------------------+
 *                      |     | RELEASING: set-action reset, system_reset, wait for RESET, |
 *                      |     | set-action (armed again, or as the user had it), cont      |
 *                      |     +----------------------------------------------------------+
 *                      | SHUTDOWN by anything else
 *                      v
 *                  +--------+
 *                  | ENDING |  quit, unless the user asked for -no-shutdown: then QEMU stays,
 *                  +--------+
 *
 * While armed QEMU has `reboot=shutdown,shutdown=pause`, so what the user asked for with -action, -no-reboot and
 * -no-shutdown is done here instead: a reset under -no-reboot is a shutdown, a shutdown ends QEMU unless -no-shutdown.
 * With shutdown=pause QEMU lets a guest that panicked run on, so a panic that would have ended it gets its own action.
 *
 * Bytes neither come nor go here: the caller reports events and answers, sends the one command that is asked for, and
 * reports its answer. One command is under way at a time. Not thread-safe; one per QEMU process.
 */
#ifndef HF_RESETS_H
#define HF_RESETS_H

#include <stdbool.h>
#include <stddef.h>

/* What the user's own arguments say. */
struct hf_user_actions {
    bool no_reboot;   /* -no-reboot, -action reboot=shutdown */
    bool no_shutdown; /* -no-shutdown, -action shutdown=pause */
    bool panic_ends;  /* a panic ends QEMU: its default, but under no_shutdown QEMU lets the guest run on */
};

enum hf_resets_state {
    HF_RESETS_LOOSE,     /* QEMU does what the user asked for; nothing is stopped */
    HF_RESETS_ARMING,    /* a set-action towards ARMED or LOOSE is under way */
    HF_RESETS_ARMED,     /* the next reset stops the guest */
    HF_RESETS_STOPPED,   /* stopped at a reset; somebody must decide */
    HF_RESETS_RELEASING, /* on its way into the next boot */
    HF_RESETS_ENDING,    /* shut down; QEMU ends */
    HF_RESETS_STATE_MAX,
};

enum hf_resets_want {
    HF_RESETS_NOTHING,  /* nothing to do now */
    HF_RESETS_SEND,     /* send `command`, then report its answer */
    HF_RESETS_DECIDE,   /* the guest is stopped at a reset: call hf_resets_release(), or end QEMU and start anew */
    HF_RESETS_RELEASED, /* the next boot runs, in the same process */
    HF_RESETS_LEFT,     /* shut down and left paused, as the user asked for with -no-shutdown */
    HF_RESETS_FAILED,   /* QEMU refused a command (an answer in error): the guest is stopped; end QEMU and start anew */
    HF_RESETS_WANT_MAX,
};

struct hf_resets_step {
    enum hf_resets_want want;
    const char *command;   /* SEND: "set-action"; a literal */
    const char *arguments; /* SEND: a JSON object, or NULL for none; a literal */
    bool by_guest;         /* DECIDE: the guest asked for the reset; false: the operator did */
};

struct hf_resets {
    struct hf_user_actions user;
    enum hf_resets_state state;
    unsigned at;    /* RELEASING: which step */
    bool armed;     /* what is wanted */
    bool set;       /* what the last set-action asked QEMU for */
    bool in_flight; /* a command's answer is awaited */
    bool released;  /* STOPPED: release as soon as the answer under way has come */
    bool saw_reset; /* RELEASING: the RESET event came */
    bool by_guest;  /* of the reset that stopped the guest */
};

/* `armed`: QEMU was started with `-action reboot=shutdown,shutdown=pause`. */
void hf_resets_init(struct hf_resets *r, struct hf_user_actions user, bool armed);

/* Asks for resets to be stopped from now on, or not. Takes effect at once or after what is under way; call it again
 * (it costs nothing) after RELEASED. */
struct hf_resets_step hf_resets_arm(struct hf_resets *r, bool armed);

/* A new monitor connection to the same QEMU: what was set is unknown, so it is set again. */
struct hf_resets_step hf_resets_reconnected(struct hf_resets *r);

/* QMP's SHUTDOWN with its `reason` ("guest-reset", "guest-shutdown", ...), and RESET. */
struct hf_resets_step hf_resets_on_shutdown(struct hf_resets *r, const char *reason);
struct hf_resets_step hf_resets_on_reset(struct hf_resets *r);

/* The answer to the command that was asked for: true for a return, false for an error. */
struct hf_resets_step hf_resets_on_answer(struct hf_resets *r, bool good);

/* STOPPED only (else nothing): into the next boot, in the same process, armed or not as then wanted. */
struct hf_resets_step hf_resets_release(struct hf_resets *r);

/* Whether QMP's SHUTDOWN reason is a reset, and whether the guest asked for it. */
bool hf_reset_reason(const char *reason, bool *by_guest);

/* "loose", "armed", ...; NULL outside the enum. */
const char *hf_resets_state_name(enum hf_resets_state state);

#endif
