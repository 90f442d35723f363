/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot entries of a variable store as the `boot` verbs change them. */
#ifndef HF_BOOT_EDIT_H
#define HF_BOOT_EDIT_H

#include "boot_entries.h"
#include "var_source.h"
#include "var_write.h"

struct hf_boot_edit {
    struct hf_var_source source;
    struct hf_boot_entries entries; /* valid until the source is changed, but for the order, which is its own */
};

/* Operand 0, after hf_var_target_check(). End with hf_boot_edit_done(). */
int hf_boot_edit_open(const struct hf_invocation *inv, struct hf_boot_edit *ret, struct hf_error *err);
void hf_boot_edit_done(struct hf_boot_edit *edit);

/* "0003", as four hexadecimal digits. HF_EUSAGE; HF_ENOTFOUND: no entry has it. */
int hf_boot_number_parse(const struct hf_boot_edit *edit, const char *text, uint16_t *ret, struct hf_error *err);

/* Sets Boot####. Ends the validity of `entries`' list. */
int hf_boot_entry_set(struct hf_boot_edit *edit, uint16_t number, const void *data, uint32_t size,
                      struct hf_error *err);

/* Removes the entry, its place in the order, BootNext and hot keys that start it. Reads the entries anew. */
int hf_boot_entry_remove(struct hf_boot_edit *edit, uint16_t number, struct hf_error *err);

/* Sets or removes BootNext; writes the order (no variable for an empty one). */
int hf_boot_next_set(struct hf_boot_edit *edit, bool has, uint16_t number, struct hf_error *err);
int hf_boot_order_write(struct hf_boot_edit *edit, struct hf_error *err);

/* All entries, the order and BootNext go; *changes counts them. */
int hf_boot_clear(struct hf_boot_edit *edit, size_t *changes, struct hf_error *err);

/* The same for a container that was just made, at once. HF_ENOTFOUND: it has no variables. `dry_run`: only looks. */
int hf_boot_clear_container(const char *path, bool dry_run, struct hf_error *err);

/* The store is written, and reported. */
int hf_boot_edit_write(struct hf_boot_edit *edit, struct hf_invocation *inv, struct hf_error *err);

#endif
