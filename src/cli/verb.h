/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verb of the command line, and one call of it.
 *
 * To add a verb: write `verb_NAME.c` with a `const struct hf_verb hf_verb_NAME`, add NAME to HF_VERBS and the file to
 * meson.build, and describe it in man/holdfast-NAME.1.scd (a family such as `vars list`, `vars get` shares
 * man/holdfast-vars.1.scd). Help, completion, --json, --dry-run, --help, error printing and exit statuses come from the
 * framework; tests hold man pages and completion to the tables.
 */
#ifndef HF_VERB_H
#define HF_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <holdfast/error.h>

enum hf_verb_group {
    HF_GROUP_GUEST,    /* a container's life: create, set, show, ... */
    HF_GROUP_RUN,      /* run, serve, qemu-args, libvirt */
    HF_GROUP_UPGRADE,  /* stage, confirm, rollback, snapshot, ... */
    HF_GROUP_FIRMWARE, /* vars, image, acpi: files, without a guest */
    HF_GROUP_MOVE,     /* preflight, migrate, claim, ... */
    HF_GROUP_OTHER,
    HF_GROUP_MAX,
};

enum hf_verb_flags {
    HF_VERB_REPORTS = 1 << 0, /* takes --json; fills inv->report */
    HF_VERB_CHANGES = 1 << 1, /* takes --dry-run; must look at inv->dry_run */
    HF_VERB_TAIL = 1 << 2,    /* what follows `--` is somebody else's and stays untouched in inv->tail */
    HF_VERB_EACH = 1 << 4,    /* takes --all and --match in place of its first operand, a container (each_domain.h) */
    HF_VERB_HIDDEN = 1 << 3,  /* for other programs (the libvirt hook): not in help's list, not completed */
};

struct hf_option {
    const char *name;  /* without dashes */
    const char *arg;   /* what the help calls its value; NULL when it takes none */
    const char *help;  /* one line, lower case, no full stop */
    const char *words; /* the values it takes, for completion: "warm cold"; NULL for file names */
    bool repeat;       /* may be given more than once */
    size_t max;        /* bytes of its value that can be kept; 0: no bound of its own */
    const char *alone; /* the value when it is given without one; then a value follows '=' only; NULL: it wants one */
};

struct hf_invocation;

struct hf_verb {
    const char *name; /* "show", or two words: "vars list" */
    enum hf_verb_group group;
    unsigned flags;
    const char *help;                /* one line, imperative, no full stop */
    const char *synopsis;            /* what follows the name: "G.hold KEY=VALUE..." */
    int min_operands, max_operands;  /* max -1: any number */
    const struct hf_option *options; /* ends with a NULL name; NULL: none of its own */

    /* Returns 0, or minus an hf_code with *err filled. A positive return is used as the exit status without any
     * message (for verbs such as `check` whose report says it all). */
    int (*run)(struct hf_invocation *inv, struct hf_error *err);
};

struct hf_given {
    const struct hf_option *option;
    const char *value;
};

#define HF_SAID_SIZE 512

/* One call. Strings belong to argv. */
struct hf_invocation {
    const struct hf_verb *verb;
    char **operands; /* NULL terminated */
    int operand_count;
    char **resolved; /* operands that are not argv's (domain_operands.h); NULL for the others */
    char **tail;     /* NULL terminated; only with HF_VERB_TAIL */
    int tail_count;
    bool json, dry_run, want_help;
    char *said;     /* HF_SAID_SIZE bytes: what is said last to people goes here instead of to standard output; NULL */
    json_t *report; /* an empty object; the verb fills it and the framework prints it when --json was given */
    struct hf_given *given;
    size_t given_count;
};

/* Options. A name that is not in the verb's table is a programmer's error and asserts. */
bool hf_given(const struct hf_invocation *inv, const char *name);
const char *hf_value(const struct hf_invocation *inv, const char *name); /* the last one; NULL when not given */

/* Whether --all or --match was given: the verb is for many domains. */
bool hf_is_for_each(const struct hf_invocation *inv);

/* The nth value (from 0) of a repeatable option; NULL after the last. */
const char *hf_value_at(const struct hf_invocation *inv, const char *name, size_t n);

/* A decimal number with `min` <= *value <= `max`; *value is `otherwise` when the option was not given.
 * HF_EUSAGE names the option and the limits. */
int hf_number(const struct hf_invocation *inv, const char *name, uint64_t min, uint64_t max, uint64_t otherwise,
              uint64_t *value, struct hf_error *err);

/* The index in `words` (NULL terminated) of the option's value; `otherwise` when not given. HF_EUSAGE lists the words.
 */
int hf_choice(const struct hf_invocation *inv, const char *name, const char *const *words, int otherwise, int *value,
              struct hf_error *err);

/* Every verb, in the order in which help lists them; ends with NULL. */
extern const struct hf_verb *const hf_verbs[];

#endif
