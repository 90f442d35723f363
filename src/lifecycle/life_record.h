/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the container remembers about the life of its firmware, beside slots and snapshots. Kept as the store's small
 * named values (state.h), one per field, so that any sqlite3 shows it; docs/upgrading.md lists the names.
 */
#ifndef HF_LIFE_RECORD_H
#define HF_LIFE_RECORD_H

#include "container.h"
#include "digest.h"
#include "lifecycle_table.h"
#include "trial.h"

#define HF_LIFE_WORDS_SIZE 256
#define HF_VMM_SIZE        32

/* Which variables a rollback brings. */
enum hf_rollback_variables {
    HF_VARIABLES_FALLBACK, /* those that belong to the fallback, as they were when it was replaced */
    HF_VARIABLES_CURRENT,  /* those that the guest has now */
};

struct hf_rollback_wish {
    enum hf_rollback_variables variables;
    bool old_dbx;   /* also a dbx that lacks entries of the present one */
    bool now;       /* the operator wants a running guest reset for it */
    bool automatic; /* decided by the evidence of a trial, not by an operator */
    bool by_guest;  /* asked for from inside the guest */
};

/* A state of the guest that was saved to a file: it holds both banks as they were. */
struct hf_suspended {
    bool pending;
    int64_t since;
    int64_t changes;       /* hf_life_record.changes then */
    struct hf_digest code; /* the active image then */
};

/* APPLIED: what taking the applied image back needs, beside the slots. The staged slot has the fallback that the
 * present one replaced, if there was one. */
struct hf_applied {
    bool changed; /* the variables were, to the digest `vars`: converted, or keys merged in */
    struct hf_digest vars;
    int64_t since, staged_since; /* of the slots that were active and staged */
};

struct hf_life_record {
    enum hf_life life;
    int64_t changes; /* how often code or variables were replaced as a whole: apply, rollback, revert */
    struct hf_trial trial;
    struct hf_applied applied;
    struct hf_rollback_wish back;   /* ROLLBACK only */
    char held[HF_LIFE_WORDS_SIZE];  /* STAGED, ROLLBACK: why the last boot could not change the firmware; or "" */
    bool consent;                   /* STAGED, APPLIED: the owner's word (--tpm-aware) is there, or not needed */
    bool no_secure_boot;            /* STAGED, APPLIED: the owner gives Secure Boot up for it (--no-secure-boot) */
    bool staged_by_guest;           /* STAGED, APPLIED: the guest put it there */
    bool staged_by_policy;          /* STAGED, APPLIED: a policy did, for one start */
    bool has_rejected;              /* `rejected` is set */
    struct hf_digest rejected;      /* the image that was rolled back last: no policy takes it again */
    char offer[HF_LIFE_WORDS_SIZE]; /* why the policy did not take the host's firmware at the last boot; or "" */
    struct hf_suspended suspended;
    char vmm[HF_VMM_SIZE];               /* the VMM version of the last start, "7.2"; "" before the first */
    char machine[HF_GUEST_MACHINE_SIZE]; /* what the machine type resolved to then */
    bool tpm;                            /* the guest has a TPM */
    bool unwatched;                      /* the last start was one that nobody watches: `serve` */
};

/* HF_EDAMAGED: a value is not one that hf_life_save() writes; the text names it. */
int hf_life_load(struct hf_container *c, struct hf_life_record *record, struct hf_error *err);

/* In a transaction: writes the fields in which `now` differs from `was`. */
int hf_life_save(struct hf_container *c, const struct hf_life_record *was, const struct hf_life_record *now,
                 struct hf_error *err);

/* The name of field `n` in the container; NULL after the last. For the test that holds the page to them. */
const char *hf_life_field(size_t n);

#endif
