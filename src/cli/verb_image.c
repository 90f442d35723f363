/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include <holdfast/flash_image.h>

#include "cleanup.h"
#include "digest.h"
#include "output.h"
#include "qcow2.h"
#include "var_args.h"
#include "whole_file.h"

#define FILE_MAX (64u << 20)

/* image identify */

static int look(const char *path, struct hf_flash_image *image, struct hf_digest *digest, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    hf_auto(hf_cleanup_free) void *work = malloc(HF_FLASH_WORK_SIZE);
    uint64_t size;
    int r = hf_bank_file_read(path, FILE_MAX, &bytes, &size, NULL, err);

    if (r < 0)
        return r;
    hf_flash_identify(bytes, (size_t)size, work, work ? HF_FLASH_WORK_SIZE : 0, image);
    *digest = hf_digest_of(bytes, (size_t)size);
    return 0;
}

static void put_volumes(json_t *o, const struct hf_flash_image *image)
{
    json_t *volumes = hf_put_array(o, "volumes"), *entries = hf_put_array(o, "reset_vector_table");
    char guid[HF_GUID_TEXT_SIZE];

    for (unsigned i = 0; i < image->volume_count && i < HF_FLASH_VOLUMES_MAX; i++) {
        const struct hf_flash_volume *v = &image->volume[i];
        json_t *e = hf_append_object(volumes);

        hf_put_number(e, "offset", (int64_t)v->offset);
        hf_put_number(e, "length", (int64_t)v->length);
        hf_put_text(e, "filesystem", hf_var_vendor_text(&v->filesystem, guid));
        hf_put_text(e, "name", hf_var_vendor_text(&v->name, guid));
        hf_put_bool(e, "checksum_ok", v->checksum_ok);
    }
    for (unsigned i = 0; i < image->entry_count; i++) {
        json_t *e = hf_append_object(entries);

        hf_put_text(e, "guid", hf_var_vendor_text(&image->entry[i].guid, guid));
        hf_put_number(e, "bytes", image->entry[i].size);
    }
}

static void put_image(struct hf_invocation *inv, const char *key, const char *path, const struct hf_flash_image *image,
                      const struct hf_digest *digest)
{
    json_t *o = hf_put_object(inv->report, key);
    bool vars = image->kind == HF_FLASH_VARS;
    char text[HF_DIGEST_TEXT_SIZE], size[HF_SIZE_TEXT_MAX];

    hf_put_text(o, "file", path);
    hf_put_text(o, "sha256", hf_digest_text(digest, text));
    hf_put_text(o, "kind", hf_flash_kind_name(image->kind));
    hf_put_text(o, "arch", vars && image->arch == HF_ARCH_UNKNOWN ? NULL : hf_arch_name(image->arch));
    hf_put_text(o, "layout", hf_layout_name(image->layout));
    hf_put_text(o, "needs_smm", vars ? NULL : hf_answer_name(image->needs_smm));
    hf_put_text(o, "secure_boot", vars ? NULL : hf_answer_name(image->secure_boot));
    hf_put_text(o, "version", image->version[0] ? image->version : NULL);
    hf_put_number(o, "size", (int64_t)image->size);
    hf_put_number(o, "bank_size", (int64_t)image->bank_size);
    hf_put_number(o, "base", (int64_t)image->base);
    hf_put_text(o, "note", image->note[0] ? image->note : NULL);
    if (vars) {
        hf_put_bool(o, "blank", image->blank);
        hf_put_bool(o, "authenticated", image->authenticated);
        hf_put_bool(o, "header_ok", image->header_ok);
        hf_put_bool(o, "pending_write", image->pending_write);
    }
    put_volumes(o, image);

    hf_field(inv, "File", "%s", path);
    hf_field(inv, "Kind", "%s%s", hf_flash_kind_name(image->kind), image->blank ? ", blank" : "");
    if (image->version[0])
        hf_field(inv, "Version", "%s", image->version);
    if (!vars || image->arch != HF_ARCH_UNKNOWN)
        hf_field(inv, "Architecture", "%s", hf_arch_name(image->arch));
    hf_field(inv, "Variables", "%s%s", hf_layout_name(image->layout),
             hf_layout_info(image->layout) && !vars ? " layout" : "");
    if (!vars) {
        hf_field(inv, "Needs SMM", "%s%s", hf_answer_name(image->needs_smm),
                 image->needs_smm == HF_YES ? ": it protects Secure Boot's keys from the operating system" : "");
        hf_field(inv, "Secure Boot", "%s", hf_answer_name(image->secure_boot));
    }
    hf_field(inv, "Size", "%s", hf_size_text(image->size, size));
    if (image->bank_size)
        hf_field(inv, "Flash", "%s at 0x%llx", hf_size_text(image->bank_size, size), (unsigned long long)image->base);
    if (image->pending_write)
        hf_field(inv, "Pending", "an interrupted write waits in the spare area");
    if (image->note[0])
        hf_field(inv, "Note", "%s", image->note);
    hf_field(inv, "SHA-256", "%s", text);
}

static int identify(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_flash_image code, vars;
    struct hf_pairing pairing;
    struct hf_digest digest;
    json_t *o;
    int r;

    r = look(inv->operands[0], &code, &digest, err);
    if (r < 0)
        return r;
    put_image(inv, "image", inv->operands[0], &code, &digest);
    if (inv->operand_count < 2)
        return 0;
    r = look(inv->operands[1], &vars, &digest, err);
    if (r < 0)
        return r;
    hf_say(inv, "%s", "");
    put_image(inv, "vars", inv->operands[1], &vars, &digest);
    hf_flash_pair(&code, &vars, &pairing);
    o = hf_put_object(inv->report, "pair");
    hf_put_text(o, "fits", hf_answer_name(pairing.fits));
    hf_put_text(o, "why", pairing.why[0] ? pairing.why : NULL);
    hf_say(inv, "%s", "");
    hf_field(inv, "Pair", "%s%s%s", hf_answer_name(pairing.fits), pairing.why[0] ? ": " : "", pairing.why);
    return 0;
}

const struct hf_verb hf_verb_image_identify = {
    .name = "image identify",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Identify a firmware image, and whether code and variables fit together",
    .synopsis = "CODE [VARS]",
    .min_operands = 1,
    .max_operands = 2,
    .run = identify,
};

/* image convert */

/* They are carried over, and firmware reads them; it can only not write them again. */
static void say_limits(const struct hf_invocation *inv, const struct hf_layout_info *info, const struct hf_varstore *to)
{
    json_t *list = hf_put_array(inv->report, "beyond_limit");

    for (size_t i = 0; i < to->count; i++) {
        const struct hf_var *var = &to->vars[i];
        uint32_t limit = hf_layout_variable_max(info, hf_var_authenticated(var));
        size_t size = hf_var_footprint(var, to->authenticated);
        hf_auto(hf_cleanup_free) char *name = hf_var_name_text(var);
        json_t *o;

        if (size <= limit)
            continue;
        o = hf_append_object(list);
        hf_put_text(o, "name", name);
        hf_put_number(o, "bytes", (int64_t)size);
        hf_put_number(o, "limit", limit);
        hf_say(inv,
               "%s takes %zu bytes: firmware with the %s layout reads it and cannot write it again, its limit is %u; a "
               "guest "
               "cannot update it",
               name, size, info->name, limit);
    }
}

static int convert(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    hf_auto(hf_cleanup_free) struct hf_var *vars = NULL;
    hf_auto(hf_cleanup_free) uint8_t *out = NULL;
    const char *name = hf_value(inv, "layout");
    const struct hf_layout_info *info = name ? hf_layout_info(hf_layout_named(name)) : NULL;
    struct hf_varstore to;
    size_t most;
    int r;

    if (!info)
        return hf_error_set(err, HF_EUSAGE, "--layout: invalid or missing; use 2m, 4m or aavmf");
    r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    if (r < 0)
        return r;
    if (!source.bytes)
        return hf_error_set(err, HF_EUSAGE,
                            "%s: JSON, not a bank; convert it with `vars export --format raw --layout %s`",
                            inv->operands[0], info->name);
    most = hf_varstore_max((size_t)info->bank_size) + 1;
    vars = (struct hf_var *)calloc(most, sizeof *vars);
    out = (uint8_t *)malloc(info->bank_size);
    if (!vars || !out)
        return hf_error_set(err, HF_ENOMEM, "bank of %llu bytes: out of memory", (unsigned long long)info->bank_size);
    r = hf_varstore_convert(&source.store, hf_layout_named(name), out, (size_t)info->bank_size, vars, most, &to, err);
    if (r == 0 && !inv->dry_run)
        r = hf_file_write_new(inv->operands[1], out, info->bank_size, source.file.st_mode & 0777, err);
    if (r < 0)
        return r;
    hf_put_text(inv->report, "written", inv->operands[1]);
    hf_put_text(inv->report, "from", hf_layout_name(source.store.layout));
    hf_put_text(inv->report, "to", info->name);
    hf_put_number(inv->report, "variables", (int64_t)to.count);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    say_limits(inv, info, &to);
    hf_say(inv, "%s %s: %zu variables from %s to %s, all compared", inv->dry_run ? "would write" : "wrote",
           inv->operands[1], to.count, hf_layout_name(source.store.layout), info->name);
    return 0;
}

static const struct hf_option convert_options[] = {
    {.name = "layout", .arg = "LAYOUT", .help = "the layout of the new store", .words = "2m 4m aavmf"},
    {0},
};

const struct hf_verb hf_verb_image_convert = {
    .name = "image convert",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Convert a variable store to another layout; the original is unchanged",
    .synopsis = "IN OUT --layout 2m|4m|aavmf",
    .min_operands = 2,
    .max_operands = 2,
    .options = convert_options,
    .run = convert,
};
