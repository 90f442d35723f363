/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boots of a guest, as the program that starts and watches it reports them. Each function is one durable
 * transaction, and what it writes is written before the boot that it counts: call it, then let the guest go.
 *
 *   power-on          hf_lifecycle_power_on(), then start the servers and the VMM
 *   machine is known  hf_lifecycle_started()
 *   the guest is about to execute
 *                     hf_lifecycle_opened(): before the VMM's first `cont`; where the VMM is another's, before it reads
 *                     the code bank or writes the variables
 *   stopped at reset  hf_lifecycle_reset(): plan.action says RELEASE (this process goes on), or RESTART: end VMM and
 *                     servers, then hf_lifecycle_power_on() with the same `boot` and start anew
 *   signals           hf_lifecycle_signal()
 *   end of the VMM    hf_lifecycle_ended(), also of one that did not start: then what power-on applied is taken back
 *   before migrating  hf_lifecycle_moved()
 *
 * The container is open with HF_OPEN_RUN. While a server or a VMM has the banks, power_on must not be called (L2): the
 * owner lock keeps others away, and this row cannot see the caller's own children.
 *
 * No clock, no processes: time and the host's boot id are arguments.
 */
#ifndef HF_BOOTS_H
#define HF_BOOTS_H

#include "confirm_by.h"
#include "container.h"
#include "digest.h"
#include "firmware_policy.h"
#include "lifecycle_table.h"
#include "trial.h"

/* The host's current firmware for this guest, for the policies that take it. Borrowed for the call. */
struct hf_offer {
    const void *bytes;
    size_t size;
    const char *label;  /* for people, or NULL: told from the bytes */
    const char *origin; /* where it lies */
};

struct hf_boot {
    enum hf_moment moment;
    int64_t now;
    const char *boot_id;          /* the host's (hf_boot_id()) */
    bool arrives;                 /* no start: the guest comes with a saved state or a migration, firmware and all */
    bool unwatched;               /* nobody will see this boot end: other managers' VMM */
    const char *held;             /* NULL, or why the firmware may not change at this boot: one clause for people */
    const char *vmm;              /* the VMM's major.minor, "7.2"; NULL when unknown */
    bool pinned;                  /* the owner named a versioned machine type */
    const struct hf_offer *offer; /* NULL: not looked up, or not found */
    const char *no_offer;         /* why there is no offer although hf_lifecycle_wants_offer(); or NULL */
};

enum hf_boot_action {
    HF_BOOT_RELEASE, /* at a reset: the same VMM process goes on. At a power-on: start */
    HF_BOOT_RESTART, /* at a reset: end the VMM, call hf_lifecycle_power_on(), start it again */
};

#define HF_BOOT_WORDS_SIZE 640

struct hf_boot_plan {
    enum hf_boot_action action;
    enum hf_decision did;           /* APPLY, ROLL_BACK, or NOTHING; at a reset that is released also COUNT */
    enum hf_life life;              /* after it */
    struct hf_digest code;          /* what the guest runs in the boot that begins now */
    uint64_t code_size;             /* of the code bank */
    uint64_t vars_size;             /* of the vars bank; 0: the guest has none */
    char words[HF_BOOT_WORDS_SIZE]; /* one sentence about what was done, or why something waits; "" when nothing */
};

/* Whether the policy asks for the host's firmware at this boot, so that the caller looks it up and fills `offer`.
 * Reads only. */
int hf_lifecycle_wants_offer(struct hf_container *c, const struct hf_boot *boot, bool *wants, struct hf_error *err);

/* Applies what is staged, or rolls back what is to be rolled back. Counts nothing: the guest does not execute yet. What
 * cannot be applied after all (the variables grew too many for the new layout) waits, the guest starts with what it
 * has, and the plan says so. HF_EUSAGE: not opened with HF_OPEN_RUN. */
int hf_lifecycle_power_on(struct hf_container *c, const struct hf_boot *boot, struct hf_boot_plan *plan,
                          struct hf_error *err);

/* The boot is open: counted where a trial is under way or begins with it, and durable when this returns, so call it
 * before the guest executes. Again for the same boot it does nothing. With boot->arrives the guest goes on with a boot
 * that began earlier or elsewhere: it is not counted again, and its end proves nothing. */
int hf_lifecycle_opened(struct hf_container *c, const struct hf_boot *boot, struct hf_error *err);

/* The guest is stopped at a reset, or was just reset where resets are not intercepted. `ending` is HF_ENDING_RESET,
 * HF_ENDING_TIMEOUT or HF_ENDING_OPERATOR. With RELEASE the next boot is counted already; with RESTART it is not. */
int hf_lifecycle_reset(struct hf_container *c, const struct hf_boot *boot, enum hf_ending ending,
                       struct hf_boot_plan *plan, struct hf_error *err);

/* What the VMM said of itself after it started: its version, what the machine type resolved to, whether there is a TPM.
 */
int hf_lifecycle_started(struct hf_container *c, const char *vmm, const char *machine, bool tpm, int64_t now,
                         struct hf_error *err);

/* The boot is over and no other begins; or the start is, and there was no boot: what it applied is taken back. `words`
 * (may be NULL) has what people should know about it, one sentence, or "". */
int hf_lifecycle_ended(struct hf_container *c, enum hf_ending ending, int64_t now, char words[HF_BOOT_WORDS_SIZE],
                       struct hf_error *err);

/* A signal came. It ends the trial when it is the one that the owner chose; `confirmed` (may be NULL) says so. */
int hf_lifecycle_signal(struct hf_container *c, enum hf_signal signal, int64_t now, bool *confirmed,
                        struct hf_error *err);

/* The guest is about to go on in another process than the one it booted in: this boot's end will prove nothing. */
int hf_lifecycle_moved(struct hf_container *c, int64_t now, struct hf_error *err);

/* What the watcher of the boot needs to know. Reads only; ask again after container changes of others (the operator may
 * stage or confirm meanwhile: hf_container_commits() tells). */
struct hf_watch {
    enum hf_life life;
    bool intercept;    /* resets must stop before the next boot executes */
    bool next_changes; /* other firmware waits, or comes back if this boot fails: the next reset may have to bring it */
    bool reset_now;    /* ROLLBACK: the operator wants the guest reset for it */
    struct hf_confirm_by by; /* TRIAL: the signal awaited */
    uint32_t timeout;        /* TRIAL: seconds without a sign of life until the guest is reset; 0: never */
};
int hf_lifecycle_watch(struct hf_container *c, bool cold_reset, struct hf_watch *watch, struct hf_error *err);

#endif
