/* SPDX-License-Identifier: BSD-2-Clause */
/* vars rm, vars clean: some variables go. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "output.h"
#include "var_args.h"
#include "var_fill.h"

static unsigned edit_flags(const struct hf_invocation *inv)
{
    return hf_given(inv, "authenticated") ? HF_EDIT_AUTHENTICATED : 0;
}

/* The name lies in the bank, which the removal changes. */
static int remove_one(struct hf_invocation *inv, struct hf_var_source *source, const struct hf_var *var, unsigned flags,
                      struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *text = hf_var_name_text(var);
    hf_auto(hf_cleanup_free) uint8_t *name = (uint8_t *)malloc(var->name_size);
    struct hf_var key = {.guid = var->guid, .name = name, .name_size = var->name_size};
    int r;

    if (!text || !name)
        return hf_error_nomem(err);
    memcpy(name, var->name, var->name_size);
    r = hf_var_source_delete(source, &key, flags, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s: ", text);
    hf_append_text(json_object_get(inv->report, "removed"), text);
    return 0;
}

/* Removes the variables that `wanted` points at; *n counts them. */
static int remove_all(struct hf_invocation *inv, struct hf_var_source *source,
                      bool (*wanted)(const struct hf_var *var, const void *ctx), const void *ctx, unsigned flags,
                      size_t *n, struct hf_error *err)
{
    size_t i = 0, count;

    for (;;) {
        const struct hf_var *vars = hf_var_source_vars(source, &count);
        int r;

        while (i < count && !wanted(&vars[i], ctx))
            i++;
        if (i == count)
            return 0;
        r = remove_one(inv, source, &vars[i], flags, err);
        if (r < 0)
            return r;
        i = 0; /* removing may change the order */
        ++*n;
    }
}

/* vars rm */

struct pattern {
    const char *text;
    const struct hf_guid *vendor; /* NULL: any */
};

static bool matches(const struct hf_var *var, const void *ctx)
{
    const struct pattern *pattern = (const struct pattern *)ctx;
    hf_auto(hf_cleanup_free) char *name = hf_var_name_text(var);

    return name && (!pattern->vendor || hf_guid_equal(pattern->vendor, &var->guid)) &&
           fnmatch(pattern->text, name, 0) == 0;
}

static int remove_matching(struct hf_invocation *inv, struct hf_var_source *source, const char *text,
                           struct hf_error *err)
{
    const char *guid = hf_value(inv, "guid");
    struct pattern pattern = {.text = text};
    struct hf_guid vendor;
    size_t n = 0;
    int r;

    if (guid && hf_guid_parse(guid, strlen(guid), &vendor) < 0)
        return hf_error_set(err, HF_EUSAGE, "--guid '%s': invalid; use a GUID, or a name that `vars list` shows", guid);
    if (guid)
        pattern.vendor = &vendor;
    r = remove_all(inv, source, matches, &pattern, edit_flags(inv), &n, err);
    return r == 0 && n == 0 ? hf_error_set(err, HF_ENOTFOUND, "no variable matches '%s'", text) : r;
}

static int rm(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    const char *text;
    int r;

    if (inv->operand_count == 1 && !hf_given(inv, "match"))
        return hf_error_set(err, HF_EUSAGE, "variables to remove: give a NAME or --match PATTERN");
    (void)hf_put_array(inv->report, "removed");
    r = hf_var_target_check(inv, inv->operands[0], err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    for (int i = 1; r == 0 && i < inv->operand_count; i++) {
        hf_auto(hf_var_key_done) struct hf_var_key key = {0};
        const struct hf_var *var;

        r = hf_var_key_find(inv, &source, inv->operands[i], &key, &var, err);
        if (r == 0)
            r = remove_one(inv, &source, &key.var, edit_flags(inv), err);
    }
    for (size_t n = 0; r == 0 && (text = hf_value_at(inv, "match", n)) != NULL; n++)
        r = remove_matching(inv, &source, text, err);
    return r < 0 ? r : hf_var_source_write(&source, NULL, inv, err);
}

static int rm_again(struct hf_invocation *inv, struct hf_error *err)
{
    return hf_var_again(inv, rm, err);
}

static const struct hf_option rm_options[] = {
    {.name = "match", .arg = "PATTERN", .help = "all whose name matches: 'dump-*'", .words = "", .repeat = true},
    {.name = "guid", .arg = "GUID", .help = "the vendor, when several use the name", .words = "EfiGlobalVariable"},
    {.name = "authenticated", .help = "remove a variable that only its key's holder should remove"},
    HF_VAR_TARGET_OPTIONS,
    {0},
};

const struct hf_verb hf_verb_vars_rm = {
    .name = "vars rm",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Remove UEFI variables, leaving all others as they are",
    .synopsis = "G.hold|FILE [NAME...]",
    .min_operands = 1,
    .max_operands = -1,
    .options = rm_options,
    .run = rm_again,
};

/* vars clean */

static bool is_dump(const struct hf_var *var, const void *ctx)
{
    (void)ctx;
    return hf_var_is_dump(var);
}

static int clean(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    size_t n = 0;
    int r;

    (void)hf_put_array(inv->report, "removed");
    r = hf_var_target_check(inv, inv->operands[0], err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    if (r == 0)
        r = remove_all(inv, &source, is_dump, NULL, 0, &n, err);
    if (r < 0)
        return r;
    hf_say(inv, "%zu crash dump%s of Linux", n, n == 1 ? "" : "s");
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    return n || hf_given(inv, "out") ? hf_var_source_write(&source, NULL, inv, err) : 0;
}

static int clean_again(struct hf_invocation *inv, struct hf_error *err)
{
    return hf_var_again(inv, clean, err);
}

static const struct hf_option clean_options[] = {HF_VAR_TARGET_OPTIONS, {0}};

const struct hf_verb hf_verb_vars_clean = {
    .name = "vars clean",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Remove the crash dumps that a Linux guest left in its UEFI variables",
    .synopsis = "G.hold|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .options = clean_options,
    .run = clean_again,
};
