/* SPDX-License-Identifier: BSD-2-Clause */
/* Between stores: differences, and carrying variables from one form to another. */
#include <stdlib.h>
#include <string.h>

#include <holdfast/var_decode.h>

#include "cleanup.h"
#include "output.h"
#include "var_args.h"
#include "var_aws.h"
#include "var_rule.h"
#include "whole_file.h"

/* vars diff */

static const struct hf_var *find(const struct hf_var *vars, size_t count, const struct hf_var *key)
{
    for (size_t i = 0; i < count; i++)
        if (hf_var_same_key(&vars[i], key))
            return &vars[i];
    return NULL;
}

static void say_difference(struct hf_invocation *inv, char mark, const struct hf_var *var, const char *what)
{
    hf_auto(hf_cleanup_free) char *name = hf_var_name_text(var);
    json_t *o = hf_append_object(json_object_get(inv->report, "differences"));
    char guid[HF_GUID_TEXT_SIZE];

    hf_var_put(o, var, /* data= */ false, /* reveal= */ false);
    hf_put_text(o, "change", mark == '<' ? "only in the first" : mark == '>' ? "only in the second" : what);
    hf_say(inv, "%c %s (%s)%s%s", mark, name, hf_var_vendor_text(&var->guid, guid), what ? ": " : "", what ? what : "");
}

/* What is not the same, in words; "" when all is. */
static void differences(const struct hf_var *a, const struct hf_var *b, char out[80])
{
    out[0] = '\0';
    if (a->attributes != b->attributes)
        strcat(out, "attributes ");
    if (a->data_size != b->data_size || memcmp(a->data, b->data, a->data_size) != 0)
        strcat(out, "data ");
    if (memcmp(a->time, b->time, sizeof a->time) != 0)
        strcat(out, "time ");
    if (a->count != b->count || a->key_index != b->key_index)
        strcat(out, "count ");
    if (out[0])
        out[strlen(out) - 1] = '\0';
}

static int diff(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source first = {0}, second = {0};
    size_t a_count, b_count, n = 0;
    const struct hf_var *a, *b;
    char what[80];
    int r;

    r = hf_var_source_open(inv->operands[0], NULL, NULL, &first, err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[1], NULL, NULL, &second, err);
    if (r < 0)
        return r;
    (void)hf_put_array(inv->report, "differences");
    a = hf_var_source_vars(&first, &a_count);
    b = hf_var_source_vars(&second, &b_count);
    for (size_t i = 0; i < a_count; i++) {
        const struct hf_var *other = find(b, b_count, &a[i]);

        if (other)
            differences(&a[i], other, what);
        if (!other || what[0]) {
            n++;
            say_difference(inv, other ? '!' : '<', &a[i], other ? what : NULL);
        }
    }
    for (size_t i = 0; i < b_count; i++)
        if (!find(a, a_count, &b[i])) {
            n++;
            say_difference(inv, '>', &b[i], NULL);
        }
    hf_put_bool(inv->report, "same", n == 0);
    return n ? 1 : 0;
}

const struct hf_verb hf_verb_vars_diff = {
    .name = "vars diff",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Compare the UEFI variables of two stores; exit status 1 when they differ",
    .synopsis = "G.hold|FILE G.hold|FILE",
    .min_operands = 2,
    .max_operands = 2,
    .run = diff,
};

/* vars export */

static void say_loss(void *opaque, const struct hf_var *var, const char *what)
{
    struct hf_invocation *inv = (struct hf_invocation *)opaque;
    hf_auto(hf_cleanup_free) char *name = hf_var_name_text(var);
    json_t *list = json_object_get(inv->report, "lost"), *o;
    char guid[HF_GUID_TEXT_SIZE];

    if (!list)
        list = hf_put_array(inv->report, "lost");
    o = hf_append_object(list);
    hf_guid_format(&var->guid, guid);
    hf_put_text(o, "name", name);
    hf_put_text(o, "guid", guid);
    hf_put_text(o, "what", what);
    hf_say(inv, "cannot hold, of %s (%s): %s", name, hf_var_vendor_text(&var->guid, guid), what);
}

/* A fresh bank with all of the source's variables. *bytes is allocated. */
static int build_bank(const struct hf_var_source *source, enum hf_layout layout, uint8_t **bytes, uint64_t *size,
                      struct hf_error *err)
{
    struct hf_varstore from = source->store, to;
    size_t bank = (size_t)hf_layout_info(layout)->bank_size, most = hf_varstore_max(bank) + 1;
    hf_auto(hf_cleanup_free) struct hf_var *vars = (struct hf_var *)calloc(most, sizeof *vars);
    hf_auto(hf_cleanup_free) uint8_t *out = (uint8_t *)malloc(bank);
    int r;

    if (!vars || !out)
        return hf_error_set(err, HF_ENOMEM, "bank of %zu bytes: out of memory", bank);
    if (!source->bytes) {
        memset(&from, 0, sizeof from);
        from.vars = source->set.vars;
        from.count = source->set.count;
    }
    if (source->bytes) {
        r = hf_varstore_convert(&from, layout, out, bank, vars, most, &to, err);
    } else {
        r = hf_varstore_format(out, bank, layout, err);
        if (r == 0)
            r = hf_varstore_open(out, bank, HF_VARSTORE_STRICT, vars, most, NULL, NULL, &to, err);
        for (size_t i = 0; r == 0 && i < from.count; i++)
            r = hf_varstore_set(out, &to, &from.vars[i], HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, err);
    }
    if (r < 0)
        return r;
    *bytes = hf_take_ptr(out);
    *size = bank;
    return 0;
}

static int make_export(struct hf_invocation *inv, const struct hf_var_source *source, enum hf_var_format format,
                       uint8_t **bytes, uint64_t *size, struct hf_error *err)
{
    const char *name = hf_value(inv, "layout");
    enum hf_layout layout = name ? hf_layout_named(name) : source->bytes ? source->store.layout : HF_LAYOUT_4M;
    const struct hf_var *vars;
    char *text;
    size_t count, lost;
    int r;

    if (format == HF_FORMAT_RAW && !hf_layout_info(layout))
        return hf_error_set(err, HF_EUSAGE, "--layout '%s': invalid; use 2m, 4m or aavmf", name);
    if (format == HF_FORMAT_RAW)
        return build_bank(source, layout, bytes, size, err);
    vars = hf_var_source_vars(source, &count);
    lost = hf_var_losses(vars, count, format, say_loss, inv);
    if (lost && !hf_given(inv, "accept-loss"))
        return hf_error_refuse(err, "lossless", "%s cannot hold %zu thing%s that %s has; --accept-loss leaves them out",
                               hf_var_format_names[format], lost, lost == 1 ? "" : "s", inv->operands[0]);
    r = format == HF_FORMAT_AWS ? hf_var_aws_write(vars, count, &text, err)
                                : hf_var_json_write(vars, count, format, &text, err);
    if (r < 0)
        return r;
    *bytes = (uint8_t *)text;
    *size = strlen(text);
    return 0;
}

static int export(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint64_t size = 0;
    size_t count;
    int format, r;

    r = hf_choice(inv, "format", hf_var_format_names, HF_FORMAT_RAW, &format, err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    if (r == 0)
        r = make_export(inv, &source, (enum hf_var_format)format, &bytes, &size, err);
    if (r == 0 && !inv->dry_run)
        r = hf_file_write_new(inv->operands[1], bytes, size, 0600, err);
    if (r < 0)
        return r;
    (void)hf_var_source_vars(&source, &count);
    hf_put_text(inv->report, "written", inv->operands[1]);
    hf_put_text(inv->report, "format", hf_var_format_names[format]);
    hf_put_number(inv->report, "variables", (int64_t)count);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_say(inv, "%s %s: %zu variables, %s", inv->dry_run ? "would write" : "wrote", inv->operands[1], count,
           hf_var_format_names[format]);
    return 0;
}

static const struct hf_option export_options[] = {
    {.name = "format",
     .arg = "FORMAT",
     .help = "raw (a flash bank), qemu or virt-firmware (their JSON), aws (uefi-data)",
     .words = "raw qemu virt-firmware aws"},
    {.name = "layout", .arg = "LAYOUT", .help = "of a raw bank; as the source's, otherwise 4m", .words = "2m 4m aavmf"},
    {.name = "accept-loss", .help = "leave out what the format cannot hold"},
    {0},
};

const struct hf_verb hf_verb_vars_export = {
    .name = "vars export",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Write all UEFI variables to a new file, in another form if wanted",
    .synopsis = "G.hold|FILE NEW",
    .min_operands = 2,
    .max_operands = 2,
    .options = export_options,
    .run = export,
};

/* vars import */

/* With --replace: what the other does not have goes. */
static int remove_others(struct hf_var_source *source, const struct hf_var_source *other, unsigned flags,
                         struct hf_error *err)
{
    size_t count, others;
    const struct hf_var *keep = hf_var_source_vars(other, &others);

    for (;;) {
        const struct hf_var *vars = hf_var_source_vars(source, &count);
        size_t i = 0;

        while (i < count && find(keep, others, &vars[i]))
            i++;
        if (i == count)
            return 0;
        hf_auto(hf_cleanup_free) uint8_t *name = (uint8_t *)malloc(vars[i].name_size);
        struct hf_var key = vars[i];
        int r;

        if (!name)
            return hf_error_nomem(err);
        memcpy(name, vars[i].name, vars[i].name_size);
        key.name = name;
        r = hf_var_source_delete(source, &key, flags, err);
        if (r < 0)
            return r;
    }
}

static int put_all(struct hf_var_source *source, const struct hf_var_source *other, unsigned flags, size_t *changed,
                   struct hf_error *err)
{
    size_t others, count;
    const struct hf_var *in = hf_var_source_vars(other, &others);

    for (size_t i = 0; i < others; i++) {
        const struct hf_var *vars = hf_var_source_vars(source, &count), *old = find(vars, count, &in[i]);
        int r;

        if (old && hf_var_equal(old, &in[i]))
            continue;
        r = hf_var_source_set(source, &in[i], flags | HF_EDIT_RAW, err);
        if (r < 0) {
            hf_auto(hf_cleanup_free) char *name = hf_var_name_text(&in[i]);

            return hf_error_prefix(err, r, "%s: ", name ? name : "?");
        }
        (*changed)++;
    }
    return 0;
}

/* When all of them are there: an order may come before what it names. */
static int check_all(const struct hf_var_source *source, const struct hf_var_source *other, struct hf_error *err)
{
    size_t others, count;
    const struct hf_var *in = hf_var_source_vars(other, &others), *vars = hf_var_source_vars(source, &count);

    for (size_t i = 0; i < others; i++) {
        int r = hf_var_check(&in[i], vars, count, err);

        if (r < 0) {
            hf_auto(hf_cleanup_free) char *name = hf_var_name_text(&in[i]);

            return hf_error_prefix(err, r, "%s: ", name ? name : "?");
        }
    }
    return 0;
}

static int import(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0}, other = {0};
    unsigned flags = hf_given(inv, "authenticated") ? HF_EDIT_AUTHENTICATED : 0;
    size_t changed = 0;
    int r;

    r = hf_var_target_check(inv, inv->operands[0], err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[1], NULL, NULL, &other, err);
    if (r == 0 && hf_given(inv, "replace"))
        r = remove_others(&source, &other, flags, err);
    if (r == 0)
        r = put_all(&source, &other, flags, &changed, err);
    if (r == 0 && !hf_given(inv, "raw"))
        r = check_all(&source, &other, err);
    if (r < 0)
        return r;
    hf_put_number(inv->report, "changed", (int64_t)changed);
    return hf_var_source_write(&source, NULL, inv, err);
}

static int import_again(struct hf_invocation *inv, struct hf_error *err)
{
    return hf_var_again(inv, import, err);
}

static const struct hf_option import_options[] = {
    {.name = "replace", .help = "remove the variables that the other file does not have"},
    {.name = "authenticated", .help = "change variables that only their key's holder should change, too"},
    {.name = "raw", .help = "take variables that are not what the specification wants, too"},
    HF_VAR_TARGET_OPTIONS,
    {0},
};

const struct hf_verb hf_verb_vars_import = {
    .name = "vars import",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Take over the UEFI variables of another file, whatever its form",
    .synopsis = "G.hold|FILE FROM",
    .min_operands = 2,
    .max_operands = 2,
    .options = import_options,
    .run = import_again,
};
