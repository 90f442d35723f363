/* SPDX-License-Identifier: BSD-2-Clause */
/* boot move, next, rm, prune, dedup, clear: boot entries that are there. */
#include <stdlib.h>
#include <string.h>

#include "boot_edit.h"
#include "cleanup.h"
#include "output.h"

/* What one of these verbs does; the rest is common to them. */
typedef int (*edit_function)(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes,
                             struct hf_error *err);

static void say_changed(struct hf_invocation *inv, const char *what, unsigned number)
{
    json_t *list = json_object_get(inv->report, "changes"), *o = hf_append_object(list);
    char text[8];

    (void)snprintf(text, sizeof text, "%04X", number);
    hf_put_text(o, "entry", text);
    hf_put_text(o, "change", what);
    hf_say(inv, "Boot%s: %s", text, what);
}

static int edit_with(struct hf_invocation *inv, edit_function change, struct hf_error *err)
{
    hf_auto(hf_boot_edit_done) struct hf_boot_edit edit = {0};
    size_t changes = 0;
    int r = hf_boot_edit_open(inv, &edit, err);

    (void)hf_put_array(inv->report, "changes");
    if (r == 0)
        r = change(inv, &edit, &changes, err);
    if (r < 0)
        return r;
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    if (changes || hf_given(inv, "out"))
        return hf_boot_edit_write(&edit, inv, err);
    hf_say(inv, "nothing to change");
    return 0;
}

static int remove_entry(struct hf_invocation *inv, struct hf_boot_edit *edit, uint16_t number, const char *why,
                        size_t *changes, struct hf_error *err)
{
    int r = hf_boot_entry_remove(edit, number, err);

    if (r < 0)
        return r;
    say_changed(inv, why, number);
    ++*changes;
    return 0;
}

/* boot move */

static int move(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes, struct hf_error *err)
{
    bool first = hf_given(inv, "first"), last = hf_given(inv, "last");
    const char *before = hf_value(inv, "before");
    size_t place = first ? 0 : SIZE_MAX;
    uint16_t number, other = 0;
    int r;

    if (first + last + !!before != 1)
        return hf_error_set(err, HF_EUSAGE, "new place: give one of --first, --last, --before ENTRY");
    r = hf_boot_number_parse(edit, inv->operands[1], &number, err);
    if (r == 0 && before)
        r = hf_boot_number_parse(edit, before, &other, err);
    if (r < 0)
        return r;
    hf_boot_order_drop(&edit->entries, number);
    if (before) {
        place = 0;
        while (place < edit->entries.order_count && edit->entries.order[place] != other)
            place++;
        if (place == edit->entries.order_count)
            return hf_error_set(err, HF_ENOTFOUND, "--before %s: BootOrder has no other entry of that number", before);
    }
    r = hf_boot_order_insert(&edit->entries, place, number, err);
    if (r == 0)
        r = hf_boot_order_write(edit, err);
    if (r < 0)
        return r;
    say_changed(inv, "moved", number);
    ++*changes;
    return 0;
}

/* boot next */

static int next(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes, struct hf_error *err)
{
    bool none = strcmp(inv->operands[1], "none") == 0;
    uint16_t number = 0;
    int r = none ? 0 : hf_boot_number_parse(edit, inv->operands[1], &number, err);

    if (r == 0)
        r = hf_boot_next_set(edit, !none, number, err);
    if (r < 0)
        return r;
    if (none)
        hf_say(inv, "no BootNext");
    else
        say_changed(inv, "next", number);
    ++*changes;
    return 0;
}

/* boot rm */

static int rm(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes, struct hf_error *err)
{
    int r = 0;

    for (int i = 1; r == 0 && i < inv->operand_count; i++) {
        uint16_t number;

        r = hf_boot_number_parse(edit, inv->operands[i], &number, err);
        if (r == 0)
            r = remove_entry(inv, edit, number, "removed", changes, err);
    }
    return r;
}

/* boot prune */

/* Numbers that lead nowhere or stand twice; the first stays. */
static bool prune_order(struct hf_invocation *inv, struct hf_boot_entries *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->order_count; i++) {
        bool twice = false;

        for (size_t k = 0; k < n; k++)
            twice |= e->order[k] == e->order[i];
        if (!twice && hf_boot_entry_find(e, e->order[i]))
            e->order[n++] = e->order[i];
        else
            say_changed(inv, twice ? "named once in BootOrder" : "removed from BootOrder: it does not exist",
                        e->order[i]);
    }
    if (n == e->order_count)
        return false;
    e->order_count = n;
    return true;
}

static int remove_unreadable(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes,
                             struct hf_error *err)
{
    size_t i = 0;

    while (i < edit->entries.count) {
        int r;

        if (edit->entries.list[i].readable) {
            i++;
            continue;
        }
        r = remove_entry(inv, edit, edit->entries.list[i].number, "removed: it cannot be read", changes, err);
        if (r < 0)
            return r;
        i = 0; /* they were read anew */
    }
    return 0;
}

static int prune(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes, struct hf_error *err)
{
    int r = remove_unreadable(inv, edit, changes, err);

    if (r == 0 && prune_order(inv, &edit->entries)) {
        ++*changes;
        r = hf_boot_order_write(edit, err);
    }
    if (r == 0 && edit->entries.has_next && !hf_boot_entry_find(&edit->entries, edit->entries.next)) {
        say_changed(inv, "removed as BootNext: it does not exist", edit->entries.next);
        ++*changes;
        r = hf_boot_next_set(edit, false, 0, err);
    }
    return r;
}

/* boot dedup */

static bool find_duplicate(const struct hf_boot_entries *e, uint16_t *ret)
{
    for (size_t i = 0; i < e->count; i++)
        for (size_t k = 0; k < i; k++)
            if (hf_boot_entry_same(&e->list[k], &e->list[i])) {
                *ret = e->list[i].number;
                return true;
            }
    return false;
}

static int dedup(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes, struct hf_error *err)
{
    uint16_t number;
    int r = 0;

    while (r == 0 && find_duplicate(&edit->entries, &number))
        r = remove_entry(inv, edit, number, "removed: an entry before it is the same", changes, err);
    return r;
}

/* boot clear */

static int clear(struct hf_invocation *inv, struct hf_boot_edit *edit, size_t *changes, struct hf_error *err)
{
    for (size_t i = 0; i < edit->entries.count; i++)
        say_changed(inv, "removed", edit->entries.list[i].number);
    return hf_boot_clear(edit, changes, err);
}

/* ---- the verbs ---- */

static const struct hf_option target_options[] = {HF_VAR_TARGET_OPTIONS, {0}};

static const struct hf_option move_options[] = {
    {.name = "first", .help = "before all others"},
    {.name = "last", .help = "behind all others"},
    {.name = "before", .arg = "ENTRY", .help = "before this one", .words = ""},
    HF_VAR_TARGET_OPTIONS,
    {0},
};

#define EDIT_VERB(word, what, operands, least, most, its_options)                                                      \
    static int word##_once(struct hf_invocation *inv, struct hf_error *err)                                            \
    {                                                                                                                  \
        return edit_with(inv, word, err);                                                                              \
    }                                                                                                                  \
    static int word##_again(struct hf_invocation *inv, struct hf_error *err)                                           \
    {                                                                                                                  \
        return hf_var_again(inv, word##_once, err);                                                                    \
    }                                                                                                                  \
    const struct hf_verb hf_verb_boot_##word = {.name = "boot " #word,                                                 \
                                                .group = HF_GROUP_FIRMWARE,                                            \
                                                .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,                            \
                                                .help = (what),                                                        \
                                                .synopsis = "G.hold|FILE" operands,                                    \
                                                .min_operands = (least),                                               \
                                                .max_operands = (most),                                                \
                                                .options = (its_options),                                              \
                                                .run = word##_again}

EDIT_VERB(move, "Move a boot entry in the boot order", " ENTRY", 2, 2, move_options);
EDIT_VERB(next, "Choose the entry of the next boot alone", " ENTRY|none", 2, 2, target_options);
EDIT_VERB(rm, "Remove boot entries, and what names them", " ENTRY...", 2, -1, target_options);
EDIT_VERB(prune, "Remove boot entries that cannot be read, and numbers without an entry", "", 1, 1, target_options);
EDIT_VERB(dedup, "Remove boot entries that are the same as one before them", "", 1, 1, target_options);
EDIT_VERB(clear, "Remove all boot entries; firmware finds what it can boot", "", 1, 1, target_options);
