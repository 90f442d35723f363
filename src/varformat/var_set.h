/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variables that own their bytes: what a file of any format is read into, changed as, and written from. In the order in
 * which they were added. Not for several threads at once.
 */
#ifndef HF_VAR_SET_H
#define HF_VAR_SET_H

#include <holdfast/varstore.h>

struct hf_var_set {
    struct hf_var *vars;
    size_t count, capacity;
    bool digests; /* some variables came with a signer's digest, now in certdb */
};

void hf_var_set_done(struct hf_var_set *set);

/* Adds a copy, or replaces the variable with the same key. HF_ENOMEM. */
int hf_var_set_put(struct hf_var_set *set, const struct hf_var *var, struct hf_error *err);

/* False when there was none. */
bool hf_var_set_remove(struct hf_var_set *set, const struct hf_var *key);

/* NULL when there is none. */
const struct hf_var *hf_var_set_find(const struct hf_var_set *set, const struct hf_var *key);

/* Copies of all of a store's. On failure *set is as before. */
int hf_var_set_copy(struct hf_var_set *set, const struct hf_varstore *store, struct hf_error *err);

#endif
