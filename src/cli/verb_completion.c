/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bash completion script is data from the verb tables plus one function that reads it, so it cannot fall behind the
 * program it is installed with.
 */
#include <stdio.h>
#include <string.h>

#include "domain_operands.h"
#include "options.h"
#include "verbs.h"

static const char function[] =
    "_holdfast()\n"
    "{\n"
    "    local cur prev words cword verb second\n"
    "    _init_completion -n =: || return\n"
    "    verb=${words[1]}\n"
    "    if ((cword == 1)); then\n"
    "        COMPREPLY=($(compgen -W \"${!_holdfast_words[*]} --help --version\" -- \"$cur\"))\n"
    "        return\n"
    "    fi\n"
    "    second=${_holdfast_words[$verb]}\n"
    "    if [[ $second ]]; then\n"
    "        if ((cword == 2)); then\n"
    "            COMPREPLY=($(compgen -W \"$second\" -- \"$cur\"))\n"
    "            return\n"
    "        fi\n"
    "        verb=\"$verb ${words[2]}\"\n"
    "    fi\n"
    "    if [[ $prev == --* && ${_holdfast_values[$verb $prev]} ]]; then\n"
    "        COMPREPLY=($(compgen -W \"${_holdfast_values[$verb $prev]}\" -- \"$cur\"))\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"${_holdfast_options[$verb]}\" -- \"$cur\"))\n"
    "    elif [[ $cur == libvirt:* && ${_holdfast_containers[$verb]} ]]; then\n"
    "        COMPREPLY=($(compgen -P libvirt: -W \"$(\"${words[0]}\" libvirt list --names 2>/dev/null)\" -- "
    "\"${cur#libvirt:}\"))\n"
    "        __ltrim_colon_completions \"$cur\"\n"
    "    else\n"
    "        _filedir\n"
    "    fi\n"
    "} &&\n"
    "    complete -F _holdfast holdfast\n";

static bool same_family(const char *a, const char *b)
{
    size_t n = strcspn(a, " ");

    return strcspn(b, " ") == n && !strncmp(a, b, n);
}

/* The second words of a family, once per first word; "" for a verb of one word. */
static void print_words(const struct hf_verb *const *v)
{
    const char *name = (*v)->name, *gap = "";

    for (const struct hf_verb *const *before = hf_verbs; before < v; before++)
        if (same_family((*before)->name, name))
            return;
    printf("    [%.*s]=\"", (int)strcspn(name, " "), name);
    for (; *v; v++) {
        const char *second = strchr((*v)->name, ' ');

        if (second && same_family((*v)->name, name)) {
            printf("%s%s", gap, second + 1);
            gap = " ";
        }
    }
    printf("\"\n");
}

static void print_options(const struct hf_verb *verb)
{
    printf("    [\"%s\"]=\"", verb->name);
    for (const struct hf_option *o = verb->options; o && o->name; o++)
        printf("--%s ", o->name);
    for (const struct hf_option *o = hf_common_options; o->name; o++)
        if (hf_common_applies(verb, o) && strcmp(o->name, "help"))
            printf("--%s ", o->name);
    printf("--help\"\n");
}

static void print_values(const struct hf_verb *verb)
{
    for (const struct hf_option *o = verb->options; o && o->name; o++)
        if (o->words)
            printf("    [\"%s --%s\"]=\"%s\"\n", verb->name, o->name, o->words);
}

/* Verbs that take libvirt:NAME. */
static void print_container(const struct hf_verb *verb)
{
    for (int n = 0; n < 2; n++)
        if (hf_takes_container(verb, n)) {
            printf("    [\"%s\"]=1\n", verb->name);
            return;
        }
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    (void)inv;
    (void)err;
    printf("# bash completion for holdfast; written by 'holdfast completion'\n");
    printf("declare -gA _holdfast_words=(\n");
    for (const struct hf_verb *const *v = hf_verbs; *v; v++)
        if (!((*v)->flags & HF_VERB_HIDDEN))
            print_words(v);
    printf(")\ndeclare -gA _holdfast_options=(\n");
    for (const struct hf_verb *const *v = hf_verbs; *v; v++)
        if (!((*v)->flags & HF_VERB_HIDDEN))
            print_options(*v);
    printf(")\ndeclare -gA _holdfast_values=(\n");
    for (const struct hf_verb *const *v = hf_verbs; *v; v++)
        print_values(*v);
    printf(")\ndeclare -gA _holdfast_containers=(\n");
    for (const struct hf_verb *const *v = hf_verbs; *v; v++)
        if (!((*v)->flags & HF_VERB_HIDDEN))
            print_container(*v);
    printf(")\n%s", function);
    return 0;
}

const struct hf_verb hf_verb_completion = {
    .name = "completion",
    .group = HF_GROUP_OTHER,
    .help = "Print the completion script for bash",
    .synopsis = "",
    .run = run,
};
