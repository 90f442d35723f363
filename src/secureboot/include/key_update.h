/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bringing a guest's keys up to date: what is added to which variable, and the rules that keep a guest bootable. Pure:
 * variables and files in, new contents out. Planning the same change again changes nothing.
 */
#ifndef HF_KEY_UPDATE_H
#define HF_KEY_UPDATE_H

#include "key_file.h"
#include "key_state.h"

struct hf_key_set;

/* Rules that an operator can allow one by one. */
enum hf_key_rule {
    HF_RULE_MANAGED,       /* a set, or another guest's keys, for keys that their owner manages without Microsoft's */
    HF_RULE_DB_BEFORE_DBX, /* a dbx that revokes a certificate of 2011 whose successor is not in db */
    HF_RULE_ROOM, /* fewer than 32 KiB, or half of a smaller store, would be left: shim needs them for its mirrors */
    HF_RULE_VARIABLE_LIMIT, /* the firmware of this layout could never write so long a variable again */
    HF_RULE_SIGNATURE,      /* firmware would refuse the signed update */
    HF_RULE_OLD_UPDATE,     /* the same: it replaces the variable and is not newer */
    HF_KEY_RULES,
};
/* "managed", ...: what a refusal names and `--allow` takes. */
extern const char *const hf_key_rule_names[HF_KEY_RULES + 1];
#define HF_KEY_RULE_WORDS "managed db-before-dbx room variable-limit signature old-update"

#define HF_KEY_ROOM_LEFT (32u << 10)

struct hf_key_addition {
    enum hf_key_variable variable;
    const char *origin; /* for messages: a path, a set's name */
    const struct hf_key_file *file;
    bool wholesale;      /* not chosen for this guest one by one: a set, another guest's keys */
    const uint8_t *time; /* EFI_TIME of a signed update whose lists these are; NULL */
};

struct hf_key_request {
    const struct hf_key_addition *additions;
    size_t count;
    bool allow[HF_KEY_RULES];
    const struct hf_varstore *store; /* for room and limits; NULL: a form that has none */
};

struct hf_key_change {
    bool changed;
    struct hf_sig_chain data;
    size_t added;
    size_t in_size;      /* data bytes before */
    uint32_t attributes; /* what firmware and shim insist on */
    uint8_t time[16];    /* as it was; that of a signed update when it is newer, as firmware does it */
    bool replaced;       /* PK: another certificate took the old one's place */
    char signers[2 * HF_AUTH2_SIGNER_SIZE]; /* whose signed updates were taken; "" */
};

struct hf_key_plan {
    struct hf_key_change changes[HF_KEY_VARIABLES];
    size_t changed; /* variables */
};

/* HF_EREFUSED with the rule: those above, and "setup-mode": no PK and none is added, so nothing would be enforced.
 * HF_EDAMAGED: a variable cannot be read. HF_EUSAGE: not exactly one certificate for PK; a signed update for shim's
 * lists. HF_ENOMEM. End with hf_key_plan_done(). */
int hf_key_plan_make(const struct hf_var *vars, size_t count, const struct hf_key_request *request,
                     struct hf_key_plan *ret, struct hf_error *err);
void hf_key_plan_done(struct hf_key_plan *plan);

/* The nth certificate of a set as an addition, which points to `file`; end that with hf_key_file_done(). HF_ENOTFOUND:
 * it is not built in. */
int hf_key_set_addition(const struct hf_key_set *set, size_t n, struct hf_key_file *file, struct hf_key_addition *ret,
                        struct hf_error *err);

/* "KEK +1, db +3, PK replaced". */
#define HF_KEY_PLAN_TEXT 160
const char *hf_key_plan_text(const struct hf_key_plan *plan, char text[HF_KEY_PLAN_TEXT]);

/* The variable as it is to be written (with HF_EDIT_AUTHENTICATED | HF_EDIT_RAW); points into the plan. `old` is the
 * one that is there, or NULL. */
struct hf_var hf_key_change_var(const struct hf_key_change *change, enum hf_key_variable v, const struct hf_var *old);

#endif
