/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot_entries.h"

#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "var_rule.h"

static bool is_row(const struct hf_var *var, const char *name)
{
    const struct hf_var_rule *rule = hf_var_rule_of(var);

    return rule && strcmp(rule->name, name) == 0;
}

static uint16_t u16_at(const struct hf_var *var, size_t at)
{
    return (uint16_t)(var->data[at] | var->data[at + 1] << 8);
}

void hf_boot_entries_done(struct hf_boot_entries *entries)
{
    free(entries->list);
    free(entries->order);
    *entries = (struct hf_boot_entries){0};
}

static void take_entry(struct hf_boot_entries *e, const struct hf_var *var)
{
    struct hf_boot_entry *entry = &e->list[e->count++];
    unsigned number = 0;

    for (size_t at = 8; at < 16; at += 2) /* behind "Boot" */
        number = number << 4 | (unsigned)hf_hex_digit((char)var->name[at]);
    *entry = (struct hf_boot_entry){.number = (uint16_t)number, .var = var};
    entry->readable = hf_load_option_read(var->data, var->data_size, &entry->option, NULL) == 0;
}

static void take_order(struct hf_boot_entries *e, const struct hf_var *var)
{
    e->order_count = var->data_size / 2;
    for (size_t i = 0; i < e->order_count; i++)
        e->order[i] = u16_at(var, 2 * i);
}

/* Where BootOrder has it first; behind all of it when it has not. */
static size_t rank(const struct hf_boot_entries *e, const struct hf_boot_entry *entry)
{
    size_t i = 0;

    while (i < e->order_count && e->order[i] != entry->number)
        i++;
    return i < e->order_count ? i : e->order_count + entry->number;
}

/* A few entries; a guest may have left thousands, whose order costs it a moment. */
static int by_rank(const void *a, const void *b, void *ctx)
{
    size_t left = rank((struct hf_boot_entries *)ctx, (const struct hf_boot_entry *)a),
           right = rank((struct hf_boot_entries *)ctx, (const struct hf_boot_entry *)b);

    return left < right ? -1 : left > right;
}

int hf_boot_entries_read(const struct hf_var *vars, size_t count, struct hf_boot_entries *ret, struct hf_error *err)
{
    struct hf_boot_entries e = {0};
    size_t numbers = 0;

    for (size_t i = 0; i < count; i++)
        if (is_row(&vars[i], "BootOrder"))
            numbers = vars[i].data_size / 2;
    e.list = (struct hf_boot_entry *)calloc(count + 1, sizeof *e.list);
    e.order = (uint16_t *)calloc(numbers + 1, sizeof *e.order);
    if (!e.list || !e.order) {
        hf_boot_entries_done(&e);
        return hf_error_set(err, HF_ENOMEM, "%zu boot entries: out of memory", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_row(&vars[i], "Boot####"))
            take_entry(&e, &vars[i]);
        else if (is_row(&vars[i], "BootOrder"))
            take_order(&e, &vars[i]);
        else if (is_row(&vars[i], "BootNext") && vars[i].data_size == 2) {
            e.has_next = true;
            e.next = u16_at(&vars[i], 0);
        }
    }
    for (size_t i = 0; i < e.count; i++)
        e.list[i].ordered = rank(&e, &e.list[i]) < e.order_count;
    qsort_r(e.list, e.count, sizeof *e.list, by_rank, &e);
    *ret = e;
    return 0;
}

const struct hf_boot_entry *hf_boot_entry_find(const struct hf_boot_entries *entries, unsigned number)
{
    for (size_t i = 0; i < entries->count; i++)
        if (entries->list[i].number == number)
            return &entries->list[i];
    return NULL;
}

static bool is_taken(const struct hf_boot_entries *e, unsigned number)
{
    if (hf_boot_entry_find(e, number) || (e->has_next && e->next == number))
        return true;
    for (size_t i = 0; i < e->order_count; i++)
        if (e->order[i] == number)
            return true;
    return false;
}

int hf_boot_number_free(const struct hf_boot_entries *entries, uint16_t *ret, struct hf_error *err)
{
    for (unsigned n = 0; n < HF_BOOT_NUMBERS; n++)
        if (!is_taken(entries, n)) {
            *ret = (uint16_t)n;
            return 0;
        }
    return hf_error_set(err, HF_ENOSPC, "all %d numbers of boot entries are taken", HF_BOOT_NUMBERS);
}

bool hf_boot_entry_same(const struct hf_boot_entry *a, const struct hf_boot_entry *b)
{
    return a->readable && b->readable && a->option.path_size == b->option.path_size &&
           a->option.data_size == b->option.data_size &&
           memcmp(a->option.path, b->option.path, a->option.path_size) == 0 &&
           (a->option.data_size == 0 || memcmp(a->option.data, b->option.data, a->option.data_size) == 0);
}

void hf_boot_order_drop(struct hf_boot_entries *entries, unsigned number)
{
    size_t n = 0;

    for (size_t i = 0; i < entries->order_count; i++)
        if (entries->order[i] != number)
            entries->order[n++] = entries->order[i];
    entries->order_count = n;
}

int hf_boot_order_insert(struct hf_boot_entries *entries, size_t place, uint16_t number, struct hf_error *err)
{
    size_t count = entries->order_count;
    uint16_t *longer = (uint16_t *)reallocarray(entries->order, count + 1, sizeof *longer);

    if (!longer)
        return hf_error_set(err, HF_ENOMEM, "order of %zu boot entries: out of memory", count + 1);
    if (place > count)
        place = count;
    memmove(longer + place + 1, longer + place, (count - place) * sizeof *longer);
    longer[place] = number;
    entries->order = longer;
    entries->order_count = count + 1;
    return 0;
}

bool hf_boot_key_starts(const struct hf_var *var, unsigned number)
{
    enum { BOOT_OPTION = 8 };

    return is_row(var, "Key####") && var->data_size >= BOOT_OPTION + 2 && u16_at(var, BOOT_OPTION) == number;
}
