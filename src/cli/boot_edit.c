/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot_edit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/ucs2.h>

#include "cleanup.h"
#include "output.h"
#include "var_rule.h"

void hf_boot_edit_done(struct hf_boot_edit *edit)
{
    hf_boot_entries_done(&edit->entries);
    hf_var_source_done(&edit->source);
}

static int read_again(struct hf_boot_edit *edit, struct hf_error *err)
{
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(&edit->source, &count);

    hf_boot_entries_done(&edit->entries);
    return hf_boot_entries_read(vars, count, &edit->entries, err);
}

int hf_boot_edit_open(const struct hf_invocation *inv, struct hf_boot_edit *ret, struct hf_error *err)
{
    struct hf_boot_edit edit = {0};
    int r = hf_var_target_check(inv, inv->operands[0], err);

    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &edit.source, err);
    if (r == 0)
        r = read_again(&edit, err);
    if (r < 0)
        hf_boot_edit_done(&edit);
    else
        *ret = edit;
    return r;
}

int hf_boot_number_parse(const struct hf_boot_edit *edit, const char *text, uint16_t *ret, struct hf_error *err)
{
    char *end;
    unsigned long number = strtoul(text, &end, 16);

    if (strlen(text) != 4 || *end || !isxdigit((unsigned char)*text))
        return hf_error_set(err, HF_EUSAGE, "boot entry '%s': invalid; use its four hexadecimal digits, as in 0003",
                            text);
    if (!hf_boot_entry_find(&edit->entries, (unsigned)number))
        return hf_error_set(err, HF_ENOTFOUND, "Boot%04lX: not found; `boot list` shows the entries", number);
    *ret = (uint16_t)number;
    return 0;
}

struct key {
    struct hf_var var;
    uint8_t name[32];
};

static void make_key(struct key *key, const char *name)
{
    const struct hf_var_rule *rule = hf_var_rule_named(name);

    key->var = (struct hf_var){.guid = rule->vendor,
                               .attributes = rule->attributes,
                               .name = key->name,
                               .name_size = (uint32_t)hf_ucs2_from_utf8(name, key->name, sizeof key->name)};
}

static int set(struct hf_boot_edit *edit, const char *name, const void *data, uint32_t size, struct hf_error *err)
{
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(&edit->source, &count);
    struct key key;
    int r;

    make_key(&key, name);
    key.var.data = (const uint8_t *)data;
    key.var.data_size = size;
    r = hf_var_check(&key.var, vars, count, err);
    if (r == 0)
        r = hf_var_source_set(&edit->source, &key.var, 0, err);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", name) : 0;
}

/* One that is not there is no error. */
static int unset(struct hf_boot_edit *edit, const char *name, struct hf_error *err)
{
    struct hf_error why;
    struct key key;
    int r;

    make_key(&key, name);
    r = hf_var_source_delete(&edit->source, &key.var, 0, &why);
    if (r == 0 || r == -HF_ENOTFOUND)
        return 0;
    *err = why;
    return r;
}

int hf_boot_entry_set(struct hf_boot_edit *edit, uint16_t number, const void *data, uint32_t size, struct hf_error *err)
{
    char name[16];

    (void)snprintf(name, sizeof name, "Boot%04X", number);
    return set(edit, name, data, size, err);
}

int hf_boot_next_set(struct hf_boot_edit *edit, bool has, uint16_t number, struct hf_error *err)
{
    const uint8_t data[2] = {(uint8_t)number, (uint8_t)(number >> 8)};

    return has ? set(edit, "BootNext", data, sizeof data, err) : unset(edit, "BootNext", err);
}

int hf_boot_order_write(struct hf_boot_edit *edit, struct hf_error *err)
{
    const struct hf_boot_entries *e = &edit->entries;
    hf_auto(hf_cleanup_free) uint8_t *data = (uint8_t *)malloc(2 * e->order_count + 1);
    struct key key;

    if (!data)
        return hf_error_set(err, HF_ENOMEM, "order of %zu boot entries: out of memory", e->order_count);
    if (e->order_count == 0)
        return unset(edit, "BootOrder", err);
    for (size_t i = 0; i < e->order_count; i++) {
        data[2 * i] = (uint8_t)e->order[i];
        data[2 * i + 1] = (uint8_t)(e->order[i] >> 8);
    }
    make_key(&key, "BootOrder");
    key.var.data = data;
    key.var.data_size = (uint32_t)(2 * e->order_count);
    /* What was wrong in it before is `boot prune`'s to mend. */
    return hf_var_source_set(&edit->source, &key.var, 0, err);
}

/* The entry's own name has the digits that it was written with. */
static int delete_copy(struct hf_boot_edit *edit, const struct hf_var *var, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *name = (uint8_t *)malloc(var->name_size);
    struct hf_var key = {.guid = var->guid, .name = name, .name_size = var->name_size};

    if (!name)
        return hf_error_nomem(err);
    memcpy(name, var->name, var->name_size);
    return hf_var_source_delete(&edit->source, &key, 0, err);
}

static int remove_keys(struct hf_boot_edit *edit, uint16_t number, struct hf_error *err)
{
    for (;;) {
        size_t count, i = 0;
        const struct hf_var *vars = hf_var_source_vars(&edit->source, &count);
        int r;

        while (i < count && !hf_boot_key_starts(&vars[i], number))
            i++;
        if (i == count)
            return 0;
        r = delete_copy(edit, &vars[i], err);
        if (r < 0)
            return r;
    }
}

int hf_boot_entry_remove(struct hf_boot_edit *edit, uint16_t number, struct hf_error *err)
{
    const struct hf_boot_entry *entry = hf_boot_entry_find(&edit->entries, number);
    bool next = edit->entries.has_next && edit->entries.next == number;
    size_t ordered = edit->entries.order_count;
    int r = delete_copy(edit, entry->var, err);

    hf_boot_order_drop(&edit->entries, number);
    if (r == 0 && edit->entries.order_count != ordered)
        r = hf_boot_order_write(edit, err);
    if (r == 0 && next)
        r = hf_boot_next_set(edit, false, 0, err);
    if (r == 0)
        r = remove_keys(edit, number, err);
    return r < 0 ? r : read_again(edit, err);
}

int hf_boot_clear(struct hf_boot_edit *edit, size_t *changes, struct hf_error *err)
{
    int r = 0;

    while (r == 0 && edit->entries.count) {
        r = hf_boot_entry_remove(edit, edit->entries.list[0].number, err);
        ++*changes;
    }
    if (r == 0 && (edit->entries.order_count || edit->entries.has_next)) {
        edit->entries.order_count = 0;
        ++*changes;
        r = hf_boot_order_write(edit, err);
    }
    return r < 0 ? r : hf_boot_next_set(edit, false, 0, err);
}

int hf_boot_clear_container(const char *path, bool dry_run, struct hf_error *err)
{
    static const struct hf_var_note note = {.kind = "vars", .text = "boot entries removed from a clone"};
    hf_auto(hf_boot_edit_done) struct hf_boot_edit edit = {0};
    size_t changes = 0;
    int r = hf_var_source_open(path, NULL, NULL, &edit.source, err);

    if (r == 0)
        r = read_again(&edit, err);
    if (r == 0 && !dry_run)
        r = hf_boot_clear(&edit, &changes, err);
    if (r < 0 || changes == 0)
        return r;
    return hf_var_container_write(path, &edit.source.was, edit.source.bytes, edit.source.size, &note, err);
}

int hf_boot_edit_write(struct hf_boot_edit *edit, struct hf_invocation *inv, struct hf_error *err)
{
    static const struct hf_var_note note = {.kind = "vars", .text = "boot entries changed by the operator"};

    return hf_var_source_write(&edit->source, &note, inv, err);
}
