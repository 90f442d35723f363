/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's UEFI variables as an upgrade or a rollback handles them: read from bank or snapshot, converted, compared,
 * and the one that must not go backwards carried over. */
#ifndef HF_VARIABLES_H
#define HF_VARIABLES_H

#include <holdfast/varstore.h>

#include "container.h"
#include "trust_carry.h"

struct hf_variables {
    uint8_t *bytes; /* a whole bank; NULL: the guest has none */
    size_t size;
    struct hf_var *vars;
    struct hf_varstore store;
    bool readable; /* `store` is open; false: the bytes are no store (why says so) */
    struct hf_error why;
};

/* Both load the bytes and open them as a store, strictly, or by salvage where that fails. Only reading the container
 * can fail; bytes that are no store are kept with readable false. End with hf_variables_done(). */
int hf_variables_of_bank(struct hf_container *c, struct hf_variables *v, struct hf_error *err);
int hf_variables_of_snapshot(struct hf_container *c, int64_t snapshot, struct hf_variables *v, struct hf_error *err);
/* Takes `bytes` (malloc'ed), also on failure. */
int hf_variables_of_bytes(uint8_t *bytes, size_t size, struct hf_variables *v, struct hf_error *err);
void hf_variables_done(struct hf_variables *v);

/* `out` gets the same variables in another layout. HF_EREFUSED "layout": they are no store, or the other layout has no
 * room; the text has the numbers. */
int hf_variables_convert(const struct hf_variables *from, enum hf_layout layout, struct hf_variables *out,
                         struct hf_error *err);

/* In a transaction: the bank becomes `v`. */
int hf_variables_store(struct hf_container *c, const struct hf_variables *v, struct hf_error *err);

/* `then` gets what `now` knows more of db, KEK, dbx, MokListX and SbatLevel: hf_trust_carry(). HF_EREFUSED "carry". */
int hf_variables_carry(const struct hf_variables *now, struct hf_variables *then, bool old_dbx,
                       char carried[HF_CARRIED_SIZE], struct hf_error *err);

/* In a transaction: the bank becomes a snapshot's variables, with hf_variables_carry() of the present ones. On
 * HF_EREFUSED "carry" nothing was changed. */
int hf_variables_bring(struct hf_container *c, int64_t snapshot, bool old_dbx, char carried[HF_CARRIED_SIZE],
                       struct hf_error *err);

/* The same, and changes nothing. */
int hf_variables_rehearse(struct hf_container *c, int64_t snapshot, bool old_dbx, char carried[HF_CARRIED_SIZE],
                          struct hf_error *err);

enum hf_var_change { HF_VAR_CHANGED, HF_VAR_ONLY_NOW, HF_VAR_ONLY_THEN };

struct hf_var_difference {
    enum hf_var_change change;
    const struct hf_var *now, *then; /* NULL where it does not exist */
    bool secure_boot;                /* decides what may boot: PK, KEK, db, dbx, ... */
    char name[128];                  /* for people, ASCII; other characters are '?' */
};

/* Calls `each` for every variable that differs. Stores that cannot be read differ in nothing. */
void hf_variables_compare(const struct hf_variables *now, const struct hf_variables *then,
                          void (*each)(void *ctx, const struct hf_var_difference *difference), void *ctx);

#endif
