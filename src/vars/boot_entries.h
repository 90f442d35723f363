/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest boots: Boot####, BootOrder, BootNext, read together. Pure; points into the variables. */
#ifndef HF_BOOT_ENTRIES_H
#define HF_BOOT_ENTRIES_H

#include <holdfast/varstore.h>

#include "load_option.h"

#define HF_BOOT_NUMBERS 0x10000

struct hf_boot_entry {
    uint16_t number;
    const struct hf_var *var;
    struct hf_load_option option;
    bool readable; /* `option` is */
    bool ordered;  /* BootOrder names it */
};

struct hf_boot_entries {
    struct hf_boot_entry *list; /* in BootOrder's order, the others behind by number */
    size_t count;
    uint16_t *order; /* BootOrder as it is, with what does not exist, and twice what stands there twice */
    size_t order_count;
    bool has_next;
    uint16_t next;
};

/* HF_ENOMEM. End with hf_boot_entries_done(). */
int hf_boot_entries_read(const struct hf_var *vars, size_t count, struct hf_boot_entries *ret, struct hf_error *err);
void hf_boot_entries_done(struct hf_boot_entries *entries);

/* NULL: there is none with this number. */
const struct hf_boot_entry *hf_boot_entry_find(const struct hf_boot_entries *entries, unsigned number);

/* The lowest number that no entry has and no order names. HF_ENOSPC. */
int hf_boot_number_free(const struct hf_boot_entries *entries, uint16_t *ret, struct hf_error *err);

/* The same path and data, whatever they are called. Entries that cannot be read are like none. */
bool hf_boot_entry_same(const struct hf_boot_entry *a, const struct hf_boot_entry *b);

/* BootOrder without this number, wherever it stands. */
void hf_boot_order_drop(struct hf_boot_entries *entries, unsigned number);

/* Puts the number, which it does not have, at this place (0: first; beyond the end: last). HF_ENOMEM. */
int hf_boot_order_insert(struct hf_boot_entries *entries, size_t place, uint16_t number, struct hf_error *err);

/* Whether this variable is EFI_KEY_OPTION (Key####) that starts this entry. */
bool hf_boot_key_starts(const struct hf_var *var, unsigned number);

#endif
