/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "cleanup.h"
#include "output.h"
#include "var_args.h"
#include "var_rule.h"

static unsigned edit_flags(const struct hf_invocation *inv)
{
    return hf_given(inv, "authenticated") ? HF_EDIT_AUTHENTICATED : 0;
}

/* vars set */

/* Those of its row in the table; without one, or with --raw, as they were. */
static uint32_t default_attributes(const struct hf_invocation *inv, const struct hf_var *var, const struct hf_var *old)
{
    const struct hf_var_rule *rule = hf_var_rule_of(var);

    if (rule && rule->attributes && !(old && hf_given(inv, "raw")))
        return rule->attributes;
    return old ? old->attributes : HF_VAR_NON_VOLATILE | HF_VAR_BOOT | HF_VAR_RUNTIME;
}

static int check(const struct hf_invocation *inv, const struct hf_var_source *source, const struct hf_var *var,
                 struct hf_error *err)
{
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(source, &count);
    int r = hf_var_check(var, vars, count, err);

    return r < 0 ? hf_error_prefix(err, r, "%s: ", inv->operands[1]) : 0;
}

static int set(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    hf_auto(hf_var_key_done) struct hf_var_key key = {0};
    hf_auto(hf_cleanup_free) uint8_t *data = NULL;
    const char *attributes = hf_value(inv, "attributes");
    const struct hf_var *old = NULL;
    int r;

    r = hf_var_target_check(inv, inv->operands[0], err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    if (r < 0)
        return r;
    r = hf_var_key_find(inv, &source, inv->operands[1], &key, &old, err);
    if (r < 0 && (r != -HF_ENOTFOUND || !key.bytes))
        return r;
    key.var.attributes = default_attributes(inv, &key.var, old);
    r = attributes ? hf_var_attributes_parse(attributes, &key.var.attributes, err) : 0;
    if (r == 0)
        r = hf_var_data_parse(inv, &data, &key.var.data_size, err);
    if (r < 0)
        return r;
    key.var.data = data;
    r = hf_given(inv, "raw") ? 0 : check(inv, &source, &key.var, err);
    if (r < 0)
        return r;
    r = hf_var_source_set(&source, &key.var, edit_flags(inv), err);
    return r < 0 ? r : hf_var_source_write(&source, NULL, inv, err);
}

static int set_again(struct hf_invocation *inv, struct hf_error *err)
{
    return hf_var_again(inv, set, err);
}

static const struct hf_option set_options[] = {
    {.name = "guid",
     .arg = "GUID",
     .help = "the vendor: a GUID or a name that vars list shows",
     .words = "EfiGlobalVariable"},
    {.name = "data", .arg = "HEX", .help = "the data as hexadecimal digits", .words = ""},
    {.name = "text", .arg = "TEXT", .help = "the data as a text of 8-bit characters, without a NUL", .words = ""},
    {.name = "ucs2", .arg = "TEXT", .help = "the data as a text of 16-bit characters, with a NUL", .words = ""},
    {.name = "order", .arg = "LIST", .help = "the data as numbers of boot options: 0001,0000", .words = ""},
    {.name = "file", .arg = "FILE", .help = "the data from a file"},
    {.name = "attributes",
     .arg = "LIST",
     .help = "NV+BS+RT or a number; otherwise those that the specification wants",
     .words = "NV+BS NV+BS+RT"},
    {.name = "raw", .help = "store data and attributes that are not what the specification wants, too"},
    {.name = "authenticated", .help = "change a variable that only its key's holder should change"},
    HF_VAR_TARGET_OPTIONS,
    {0},
};

const struct hf_verb hf_verb_vars_set = {
    .name = "vars set",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Set one UEFI variable, leaving all others as they are",
    .synopsis = "G.hold|FILE NAME",
    .min_operands = 2,
    .max_operands = 2,
    .options = set_options,
    .run = set_again,
};
