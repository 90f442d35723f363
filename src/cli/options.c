/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

const struct hf_option hf_common_options[] = {
    {.name = "all", .help = "do it for every adopted libvirt domain of this host, in place of one container"},
    {.name = "match", .arg = "GLOB", .help = "do it for every adopted domain whose name matches, such as 'web*'"},
    {.name = "json", .help = "print the report as JSON"},
    {.name = "dry-run", .help = "check everything, say what would be done, change nothing"},
    {.name = "help", .help = "print this help"},
    {.name = NULL},
};

bool hf_common_applies(const struct hf_verb *verb, const struct hf_option *option)
{
    if (!strcmp(option->name, "json"))
        return verb->flags & HF_VERB_REPORTS;
    if (!strcmp(option->name, "dry-run"))
        return verb->flags & HF_VERB_CHANGES;
    if (!strcmp(option->name, "all") || !strcmp(option->name, "match"))
        return verb->flags & HF_VERB_EACH;
    return true;
}

/* Length of the first word of a verb's name. */
static size_t family_length(const char *name)
{
    return strcspn(name, " ");
}

static bool names_verb(const struct hf_verb *verb, int argc, char **argv, int *used)
{
    size_t first = family_length(verb->name);

    if (argc < 1 || strncmp(argv[0], verb->name, first) || argv[0][first])
        return false;
    if (!verb->name[first]) {
        *used = 1;
        return true;
    }
    *used = 2;
    return argc >= 2 && !strcmp(argv[1], verb->name + first + 1);
}

static int no_such_verb(const struct hf_verb *const *verbs, int argc, char **argv, struct hf_error *err)
{
    struct hf_nearest family, second;
    bool in_family = false;

    hf_nearest_init(&family, argv[0]);
    hf_nearest_init(&second, argc >= 2 ? argv[1] : "");
    for (; *verbs; verbs++) {
        const char *name = (*verbs)->name;
        size_t first = family_length(name);

        if ((*verbs)->flags & HF_VERB_HIDDEN)
            continue;
        hf_nearest_try(&family, name, first);
        if (name[first] && !strncmp(name, argv[0], first) && !argv[0][first]) {
            in_family = true;
            hf_nearest_try(&second, name + first + 1, strlen(name + first + 1));
        }
    }
    if (in_family && (argc < 2 || argv[1][0] == '-'))
        return hf_error_set(err, HF_EUSAGE, "verb '%s': second word missing; see 'holdfast %s --help'", argv[0],
                            argv[0]);
    if (in_family)
        return hf_error_set(err, HF_EUSAGE, "unknown verb '%s %s'%s", argv[0], argv[1], hf_nearest_hint(&second, ""));
    return hf_error_set(err, HF_EUSAGE, "unknown verb '%s'%s", argv[0], hf_nearest_hint(&family, ""));
}

int hf_find_verb(const struct hf_verb *const *verbs, int argc, char **argv, const struct hf_verb **verb, int *used,
                 struct hf_error *err)
{
    for (const struct hf_verb *const *v = verbs; *v; v++) {
        int words;

        if (names_verb(*v, argc, argv, &words)) {
            *verb = *v;
            *used = words;
            return 0;
        }
    }
    return no_such_verb(verbs, argc, argv, err);
}

static const struct hf_option *find_option(const struct hf_verb *verb, const char *name, size_t length)
{
    for (const struct hf_option *o = verb->options; o && o->name; o++)
        if (!strncmp(o->name, name, length) && !o->name[length])
            return o;
    for (const struct hf_option *o = hf_common_options; o->name; o++)
        if (hf_common_applies(verb, o) && !strncmp(o->name, name, length) && !o->name[length])
            return o;
    return NULL;
}

static int unknown_option(const struct hf_verb *verb, const char *name, size_t length, struct hf_error *err)
{
    char word[64];
    struct hf_nearest nearest;

    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), name);
    hf_nearest_init(&nearest, word);
    for (const struct hf_option *o = verb->options; o && o->name; o++)
        hf_nearest_try(&nearest, o->name, strlen(o->name));
    for (const struct hf_option *o = hf_common_options; o->name; o++)
        if (hf_common_applies(verb, o))
            hf_nearest_try(&nearest, o->name, strlen(o->name));
    return hf_error_set(err, HF_EUSAGE, "unknown option '--%s'%s", word, hf_nearest_hint(&nearest, "--"));
}

static int take_option(struct hf_invocation *inv, const struct hf_option *o, const char *value, struct hf_error *err)
{
    if (!strcmp(o->name, "json"))
        inv->json = true;
    else if (!strcmp(o->name, "dry-run"))
        inv->dry_run = true;
    else if (!strcmp(o->name, "help"))
        inv->want_help = true;
    else if (!o->repeat && hf_given(inv, o->name))
        return hf_error_set(err, HF_EUSAGE, "option '--%s': given twice", o->name);
    else if (o->max && strlen(value) > o->max)
        return hf_error_set(err, HF_EUSAGE, "--%s: too long: %zu bytes; the limit is %zu", o->name, strlen(value),
                            o->max);
    else
        inv->given[inv->given_count++] = (struct hf_given){.option = o, .value = value};
    return 0;
}

/* The option at argv[*at]; moves *at past its value when that is a word of its own. */
static int parse_option(struct hf_invocation *inv, int argc, char **argv, int *at, struct hf_error *err)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '='), *value = NULL;
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct hf_option *o = find_option(inv->verb, name, length);

    if (!o)
        return unknown_option(inv->verb, name, length, err);
    if (o->arg && equals)
        value = equals + 1;
    else if (o->arg && o->alone)
        value = o->alone;
    else if (o->arg && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0)
        value = argv[++*at];
    else if (o->arg)
        return hf_error_set(err, HF_EUSAGE, "option '--%s': value missing: %s", o->name, o->arg);
    else if (equals)
        return hf_error_set(err, HF_EUSAGE, "option '--%s': takes no value", o->name);
    return take_option(inv, o, value, err);
}

static int parse_words(struct hf_invocation *inv, int argc, char **argv, struct hf_error *err)
{
    bool ended = false;

    for (int i = 0; i < argc; i++) {
        int r = 0;

        if (ended || argv[i][0] != '-' || !argv[i][1])
            inv->operands[inv->operand_count++] = argv[i];
        else if (!strcmp(argv[i], "--") && inv->verb->flags & HF_VERB_TAIL) {
            inv->tail = argv + i + 1;
            inv->tail_count = argc - i - 1;
            break;
        } else if (!strcmp(argv[i], "--"))
            ended = true;
        else if (!strcmp(argv[i], "-h"))
            inv->want_help = true;
        else if (argv[i][1] != '-')
            r = hf_error_set(err, HF_EUSAGE, "unknown option '%s'; options start with two dashes%s", argv[i],
                             inv->verb->flags & HF_VERB_TAIL ? ", and QEMU's follow after '--'" : "");
        else
            r = parse_option(inv, argc, argv, &i, err);
        if (r < 0)
            return r;
    }
    return 0;
}

bool hf_is_for_each(const struct hf_invocation *inv)
{
    return inv->verb->flags & HF_VERB_EACH && (hf_given(inv, "all") || hf_given(inv, "match"));
}

static int check_operands(const struct hf_invocation *inv, struct hf_error *err)
{
    const struct hf_verb *verb = inv->verb;
    int container = hf_is_for_each(inv) ? 1 : 0; /* the operand that is not given then */

    if (inv->want_help)
        return 0;
    if (container && hf_given(inv, "all") && hf_given(inv, "match"))
        return hf_error_set(err, HF_EUSAGE, "--all and --match: give only one of them");
    if (inv->operand_count < verb->min_operands - container)
        return hf_error_set(err, HF_EUSAGE, "%s; usage: holdfast %s %s",
                            inv->operand_count ? "operand missing" : "operands missing", verb->name, verb->synopsis);
    if (verb->max_operands >= 0 && inv->operand_count > verb->max_operands - container)
        return hf_error_set(err, HF_EUSAGE, "too many operands: '%s'%s; usage: holdfast %s %s",
                            inv->operands[verb->max_operands - container],
                            container ? " (--all and --match take the container's place)" : "", verb->name,
                            verb->synopsis);
    return 0;
}

bool hf_asks_for_json(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--json"))
            return true;
    return false;
}

int hf_parse(const struct hf_verb *verb, int argc, char **argv, struct hf_invocation *inv, struct hf_error *err)
{
    static char *no_words[] = {NULL};
    size_t room = (size_t)argc + 1;
    int r;

    *inv = (struct hf_invocation){.verb = verb, .tail = no_words};
    inv->operands = calloc(room, sizeof *inv->operands);
    inv->resolved = calloc(room, sizeof *inv->resolved);
    inv->given = calloc(room, sizeof *inv->given);
    inv->report = json_object();
    if (!inv->operands || !inv->resolved || !inv->given || !inv->report)
        return hf_error_set(err, HF_ENOMEM, "reading %d arguments: out of memory", argc);
    r = parse_words(inv, argc, argv, err);
    if (r < 0 && find_option(verb, "json", 4))
        inv->json = hf_asks_for_json(argc, argv);
    return r < 0 ? r : check_operands(inv, err);
}

void hf_invocation_done(struct hf_invocation *inv)
{
    for (int i = 0; inv->resolved && i < inv->operand_count; i++)
        free(inv->resolved[i]);
    free(inv->resolved);
    free(inv->operands);
    free(inv->given);
    json_decref(inv->report);
    *inv = (struct hf_invocation){.verb = inv->verb};
}

const char *hf_value_at(const struct hf_invocation *inv, const char *name, size_t n)
{
    assert(find_option(inv->verb, name, strlen(name)));
    for (size_t i = 0; i < inv->given_count; i++)
        if (!strcmp(inv->given[i].option->name, name) && n-- == 0)
            return inv->given[i].value ? inv->given[i].value : "";
    return NULL;
}

bool hf_given(const struct hf_invocation *inv, const char *name)
{
    return hf_value_at(inv, name, 0) != NULL;
}

const char *hf_value(const struct hf_invocation *inv, const char *name)
{
    const char *value = NULL, *next;

    for (size_t n = 0; (next = hf_value_at(inv, name, n)); n++)
        value = next;
    return value;
}

int hf_number(const struct hf_invocation *inv, const char *name, uint64_t min, uint64_t max, uint64_t otherwise,
              uint64_t *value, struct hf_error *err)
{
    const char *text = hf_value(inv, name);
    unsigned long long v;
    char *end;

    if (!text) {
        *value = otherwise;
        return 0;
    }
    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || v < min || v > max)
        return hf_error_set(err, HF_EUSAGE, "--%s '%s': invalid; use a whole number from %llu to %llu", name, text,
                            (unsigned long long)min, (unsigned long long)max);
    *value = v;
    return 0;
}

int hf_choice(const struct hf_invocation *inv, const char *name, const char *const *words, int otherwise, int *value,
              struct hf_error *err)
{
    const char *text = hf_value(inv, name);
    char list[160] = "";
    size_t used = 0;

    if (!text) {
        *value = otherwise;
        return 0;
    }
    for (int i = 0; words[i]; i++) {
        if (!strcmp(words[i], text)) {
            *value = i;
            return 0;
        }
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
    }
    return hf_error_set(err, HF_EUSAGE, "--%s '%s': invalid; use one of %s", name, text, list);
}
