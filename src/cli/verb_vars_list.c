/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include <holdfast/siglist.h>
#include <holdfast/var_decode.h>

#include "cleanup.h"
#include "fill_report.h"
#include "key_report.h"
#include "output.h"
#include "var_args.h"
#include "whole_file.h"

/* vars list */

static void report_lost(void *opaque, size_t at, size_t length, const char *why)
{
    struct hf_invocation *inv = (struct hf_invocation *)opaque;
    json_t *list = json_object_get(inv->report, "lost"), *entry;

    if (!list)
        list = hf_put_array(inv->report, "lost");
    entry = hf_append_object(list);
    hf_put_number(entry, "offset", (int64_t)at);
    hf_put_number(entry, "bytes", (int64_t)length);
    hf_put_text(entry, "why", why);
    hf_say(inv, "not usable: 0x%zx, %zu bytes: %s", at, length, why);
}

static void say_state(const struct hf_invocation *inv, const struct hf_varstore *s)
{
    if (s->blank)
        hf_say(inv, "The store is blank: firmware formats it at its first start.");
    if (s->pending)
        hf_say(inv, "An interrupted rewrite is pending: this is what firmware will make of it.");
    if (s->torn)
        hf_say(inv, "A variable was being written when the power went; it does not count.");
}

/* A loose file does not tell which firmware will read it. */
static const char *secure_boot_words(const struct hf_secure_boot *sb, const struct hf_var_source *source)
{
    if (source->secure_boot == HF_NO)
        return "off: the guest's firmware has none";
    if (sb->setup_mode)
        return "setup mode";
    if (sb->enforced != HF_YES)
        return "off";
    return source->secure_boot == HF_YES ? "on" : "enforced by firmware that has it";
}

static void put_secure_boot(struct hf_invocation *inv, const struct hf_var_source *source)
{
    json_t *o = hf_put_object(inv->report, "secure_boot");
    struct hf_secure_boot sb;

    hf_secure_boot_read(&source->store, &sb);
    hf_put_bool(o, "setup_mode", sb.setup_mode);
    hf_put_bool(o, "enforced", sb.enforced == HF_YES && source->secure_boot != HF_NO);
    hf_put_text(o, "firmware", hf_answer_name(source->secure_boot));
    hf_put_number(o, "pk", sb.pk);
    hf_put_number(o, "kek", sb.kek);
    hf_put_number(o, "db", sb.db);
    hf_put_number(o, "dbx", sb.dbx);
    hf_field(inv, "Secure Boot", "%s; PK %u, KEK %u, db %u, dbx %u", secure_boot_words(&sb, source), sb.pk, sb.kek,
             sb.db, sb.dbx);
}

static void put_store(struct hf_invocation *inv, const struct hf_var_source *source)
{
    const struct hf_varstore *s = &source->store;
    struct hf_flash_image image;
    bool known;

    hf_flash_identify(source->bytes, (size_t)source->size, NULL, 0, &image);
    known = image.arch != HF_ARCH_UNKNOWN;
    hf_put_text(inv->report, "layout", hf_layout_name(s->layout));
    hf_put_text(inv->report, "arch", known ? hf_arch_name(image.arch) : NULL);
    hf_put_bool(inv->report, "authenticated", s->authenticated);
    hf_put_bool(inv->report, "blank", s->blank);
    hf_put_bool(inv->report, "pending", s->pending);
    hf_put_bool(inv->report, "torn", s->torn);
    hf_put_number(inv->report, "room", (int64_t)s->room);
    hf_put_number(inv->report, "used", (int64_t)s->used);
    hf_put_number(inv->report, "live", (int64_t)s->live);
    hf_field(inv, "Layout", "%s%s%s%s", hf_layout_name(s->layout), known ? " of " : "",
             known ? hf_arch_name(image.arch) : "", s->authenticated ? "" : ", plain");
    hf_field(inv, "Room", "%zu bytes, %zu needed by %zu variables, %zu with the dead ones", s->room, s->live, s->count,
             s->used);
    hf_fill_line(inv, inv->report, s);
    put_secure_boot(inv, source);
    say_state(inv, s);
}

static int list(struct hf_invocation *inv, struct hf_error *err)
{
    static const char *const headings[] = {"NAME", "VENDOR", "ATTRIBUTES", "SIZE", "MEANING", NULL};
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    hf_auto(hf_table_cleanup) struct hf_table *table = hf_table_new(headings);
    bool reveal = hf_given(inv, "reveal");
    const struct hf_var *vars;
    json_t *array;
    size_t count;
    int r;

    r = hf_var_source_open(inv->operands[0], hf_given(inv, "salvage") ? report_lost : NULL, inv, &source, err);
    if (r < 0)
        return r;
    if (source.bytes)
        put_store(inv, &source);
    r = hf_key_line_of_source(inv, &source, err);
    if (r < 0)
        return r;
    array = hf_put_array(inv->report, "variables");
    vars = hf_var_source_vars(&source, &count);
    for (size_t i = 0; i < count; i++) {
        hf_auto(hf_cleanup_free) char *name = hf_var_name_text(&vars[i]);
        char guid[HF_GUID_TEXT_SIZE], attributes[32], meaning[256];

        if (inv->json) {
            hf_var_put(hf_append_object(array), &vars[i], hf_given(inv, "data"), reveal);
            continue;
        }
        hf_var_attributes_text(vars[i].attributes, attributes);
        (void)hf_var_describe(&vars[i], meaning, sizeof meaning);
        hf_table_cell(table, "%s", name);
        hf_table_cell(table, "%s", hf_var_vendor_text(&vars[i].guid, guid));
        hf_table_cell(table, "%s", attributes);
        hf_table_cell(table, "%u", vars[i].data_size);
        hf_table_cell(table, "%s", meaning);
    }
    if (count)
        hf_table_print(inv, table);
    return 0;
}

static const struct hf_option list_options[] = {
    {.name = "salvage", .help = "read a damaged store as far as possible, and say what could not be used"},
    {.name = "data", .help = "with --json: the variables' data in hex, too"},
    {.name = "reveal", .help = "show passwords and the like"},
    {0},
};

const struct hf_verb hf_verb_vars_list = {
    .name = "vars list",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "List UEFI variables and what they mean",
    .synopsis = "G.hold|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .options = list_options,
    .run = list,
};

/* vars get */

static void say_signatures(struct hf_invocation *inv, const struct hf_var *var)
{
    struct hf_siglist signatures = hf_siglist_of(var->data, var->data_size);
    json_t *array = hf_put_array(inv->report, "signatures");
    struct hf_signature s;

    while (hf_siglist_next(&signatures, &s)) {
        char owner[HF_GUID_TEXT_SIZE], type[HF_GUID_TEXT_SIZE], name[128] = "";
        json_t *o = hf_append_object(array);

        (void)hf_certificate_name(s.data, s.size, name, sizeof name);
        hf_put_text(o, "type", hf_var_vendor_text(&s.type, type));
        hf_put_text(o, "owner", hf_var_vendor_text(&s.owner, owner));
        hf_put_number(o, "size", s.size);
        hf_put_text(o, "name", name[0] ? name : NULL);
        hf_say(inv, "  %s, %u bytes, owner %s%s%s", hf_var_vendor_text(&s.type, type), s.size,
               hf_var_vendor_text(&s.owner, owner), name[0] ? ": " : "", name);
    }
}

static void say_hex(const struct hf_invocation *inv, const struct hf_var *var)
{
    for (uint32_t i = 0; i < var->data_size; i += 16) {
        char line[80];
        int n = 0;

        for (uint32_t k = i; k < i + 16 && k < var->data_size; k++)
            n += snprintf(line + n, sizeof line - (size_t)n, " %02x", var->data[k]);
        hf_say(inv, "  %04x %s", i, line);
    }
}

static void say_variable(struct hf_invocation *inv, const struct hf_var *var, bool reveal)
{
    hf_auto(hf_cleanup_free) char *name = hf_var_name_text(var);
    char text[HF_GUID_TEXT_SIZE], meaning[2048];

    hf_field(inv, "Name", "%s", name);
    hf_guid_format(&var->guid, text);
    hf_field(inv, "GUID", "%s%s%s", text, hf_guid_name(&var->guid) ? ", " : "",
             hf_guid_name(&var->guid) ? hf_guid_name(&var->guid) : "");
    hf_var_attributes_text(var->attributes, text);
    hf_field(inv, "Attributes", "%s (0x%x)", text, var->attributes);
    hf_var_time_text(var->time, text);
    if (text[0])
        hf_field(inv, "Signed at", "%s", text);
    hf_field(inv, "Size", "%u", var->data_size);
    if (hf_var_describe(var, meaning, sizeof meaning))
        hf_field(inv, "Meaning", "%s", meaning);
    if (hf_var_holds_signatures(var))
        say_signatures(inv, var);
    else if (reveal || !hf_var_secret(var))
        say_hex(inv, var);
}

static int get(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    hf_auto(hf_var_key_done) struct hf_var_key key = {0};
    const char *out = hf_value(inv, "out");
    bool reveal = hf_given(inv, "reveal");
    const struct hf_var *var;
    int r;

    r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    if (r == 0)
        r = hf_var_key_find(inv, &source, inv->operands[1], &key, &var, err);
    if (r < 0)
        return r;
    if (out) {
        if (hf_var_secret(var) && !reveal)
            return hf_error_refuse(err, "secret", "'%s' holds a secret; add --reveal to write it out",
                                   inv->operands[1]);
        return hf_file_write_new(out, var->data, var->data_size, 0600, err);
    }
    hf_var_put(inv->report, var, /* data= */ true, reveal);
    say_variable(inv, var, reveal);
    return 0;
}

static const struct hf_option get_options[] = {
    {.name = "guid", .arg = "GUID", .help = "the vendor, when several use the name", .words = "EfiGlobalVariable"},
    {.name = "out", .arg = "NEW", .help = "write the data, as they are, to a new file"},
    {.name = "reveal", .help = "show passwords and the like"},
    {0},
};

const struct hf_verb hf_verb_vars_get = {
    .name = "vars get",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Show one UEFI variable in full",
    .synopsis = "G.hold|FILE NAME",
    .min_operands = 2,
    .max_operands = 2,
    .options = get_options,
    .run = get,
};
