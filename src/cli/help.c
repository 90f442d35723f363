/* SPDX-License-Identifier: BSD-2-Clause */
#include "help.h"

#include <stdio.h>
#include <string.h>

#include "options.h"
#include "output.h"

#define NAME_WIDTH   22
#define OPTION_WIDTH 28

static const char *const group_titles[] = {
    [HF_GROUP_GUEST] = "A guest's container",     [HF_GROUP_RUN] = "Running",
    [HF_GROUP_UPGRADE] = "Upgrades and rollback", [HF_GROUP_FIRMWARE] = "Firmware files and variables",
    [HF_GROUP_MOVE] = "Moving to another host",   [HF_GROUP_OTHER] = "Other",
};
_Static_assert(sizeof group_titles / sizeof group_titles[0] == HF_GROUP_MAX, "one title per group");

static void print_line(const struct hf_verb *verb)
{
    printf("  %-*s %s\n", NAME_WIDTH, verb->name, verb->help);
}

static void print_group(enum hf_verb_group group)
{
    bool first = true;

    for (const struct hf_verb *const *v = hf_verbs; *v; v++) {
        if ((*v)->group != group || (*v)->flags & HF_VERB_HIDDEN)
            continue;
        if (first)
            printf("\n%s\n", group_titles[group]);
        first = false;
        print_line(*v);
    }
}

void hf_help_all(void)
{
    printf(
        "usage: holdfast VERB [OPTIONS] [OPERANDS]\n"
        "\n"
        "Keeps each virtual machine's firmware, its variables and its history in one file, the container (G.hold).\n");
    for (int group = 0; group < HF_GROUP_MAX; group++)
        print_group((enum hf_verb_group)group);
    printf("\n'holdfast VERB --help' lists a verb's options; 'man holdfast-VERB' explains it, with examples.\n");
}

bool hf_help_family(const char *family)
{
    size_t n = strlen(family);
    bool found = false;

    for (const struct hf_verb *const *v = hf_verbs; *v; v++) {
        if (strncmp((*v)->name, family, n) || (*v)->name[n] != ' ' || (*v)->flags & HF_VERB_HIDDEN)
            continue;
        if (!found)
            printf("usage: holdfast %s VERB [OPTIONS] [OPERANDS]\n\n", family);
        found = true;
        print_line(*v);
    }
    return found;
}

static void print_option(const struct hf_option *o)
{
    char left[80];

    snprintf(left, sizeof left, "--%s%s%s%s", o->name,
             o->alone ? "[="
             : o->arg ? " "
                      : "",
             o->arg ? o->arg : "", o->alone ? "]" : "");
    printf("  %-*s %s\n", OPTION_WIDTH, left, o->help);
}

void hf_help_verb(const struct hf_verb *verb)
{
    printf("usage: holdfast %s%s%s\n\n%s.\n\n", verb->name, verb->synopsis[0] ? " " : "", verb->synopsis, verb->help);
    for (const struct hf_option *o = verb->options; o && o->name; o++)
        print_option(o);
    for (const struct hf_option *o = hf_common_options; o->name; o++)
        if (hf_common_applies(verb, o))
            print_option(o);
    printf("\n'man holdfast-%.*s' explains it, with examples.\n", (int)strcspn(verb->name, " "), verb->name);
}

static void put_option(json_t *options, const struct hf_option *o)
{
    json_t *row = hf_append_object(options);

    hf_put_text(row, "name", o->name);
    hf_put_text(row, "argument", o->arg);
    hf_put_text(row, "help", o->help);
    hf_put_bool(row, "repeat", o->repeat);
}

static void put_verb(json_t *verbs, const struct hf_verb *verb)
{
    json_t *row = hf_append_object(verbs), *options;

    hf_put_text(row, "name", verb->name);
    hf_put_text(row, "group", group_titles[verb->group]);
    hf_put_text(row, "help", verb->help);
    hf_put_text(row, "synopsis", verb->synopsis);
    hf_put_bool(row, "reports", verb->flags & HF_VERB_REPORTS);
    hf_put_bool(row, "changes", verb->flags & HF_VERB_CHANGES);
    hf_put_bool(row, "hidden", verb->flags & HF_VERB_HIDDEN);
    options = hf_put_array(row, "options");
    for (const struct hf_option *o = verb->options; o && o->name; o++)
        put_option(options, o);
    for (const struct hf_option *o = hf_common_options; o->name; o++)
        if (hf_common_applies(verb, o))
            put_option(options, o);
}

void hf_help_json(json_t *report)
{
    json_t *verbs = hf_put_array(report, "verbs");

    for (const struct hf_verb *const *v = hf_verbs; *v; v++)
        put_verb(verbs, *v);
}
