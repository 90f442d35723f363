/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptors.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "cleanup.h"
#include "datadirs.h"
#include "descriptor.h"
#include "descriptor_files.h"
#include "qcow2.h"

#define SEABIOS_FILE "bios-256k.bin"

/* An alias asks for the features in `wanted` and for none of those in `unwanted`. */
static const struct alias {
    const char *name, *architecture;
    unsigned wanted, unwanted;
} aliases[] = {
    {"ovmf", "x86_64", 0, HF_DESCRIPTOR_SECURE_BOOT | HF_DESCRIPTOR_REQUIRES_SMM},
    {"ovmf-secboot", "x86_64", HF_DESCRIPTOR_SECURE_BOOT | HF_DESCRIPTOR_REQUIRES_SMM, 0},
    {"aavmf", "aarch64", 0, HF_DESCRIPTOR_SECURE_BOOT | HF_DESCRIPTOR_REQUIRES_SMM},
};

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static int fill(const char *origin, const char *code, const char *vars, const char *architecture,
                struct hf_host_firmware *out, struct hf_error *err)
{
    struct hf_host_firmware f = {.origin = strdup(origin), .code = strdup(code), .vars = vars ? strdup(vars) : NULL};

    if (!f.origin || !f.code || (vars && !f.vars)) {
        hf_host_firmware_done(&f);
        return hf_error_nomem(err);
    }
    snprintf(f.architecture, sizeof f.architecture, "%s", architecture ? architecture : "");
    *out = f;
    return 0;
}

static bool is_packed(const json_t *json, const char *file)
{
    const char *format = hf_descriptor_text(json, "mapping", file, "format");

    return format && strcmp(format, "qcow2") == 0;
}

static int take(const char *path, const json_t *json, const char *architecture, struct hf_host_firmware *out,
                struct hf_error *err)
{
    unsigned features = hf_descriptor_features(json);
    int r = fill(path, hf_descriptor_text(json, "mapping", "executable", "filename"),
                 hf_descriptor_text(json, "mapping", "nvram-template", "filename"), architecture, out, err);

    if (r < 0)
        return r;
    out->described = true;
    out->code_packed = is_packed(json, "executable");
    out->vars_packed = is_packed(json, "nvram-template");
    out->requires_smm = features & HF_DESCRIPTOR_REQUIRES_SMM;
    out->secure_boot = features & HF_DESCRIPTOR_SECURE_BOOT;
    out->enrolled_keys = features & HF_DESCRIPTOR_ENROLLED_KEYS;
    return 0;
}

static bool named(const char *base, const char *name)
{
    size_t n = strlen(name);

    return !strcmp(base, name) || (!strncmp(base, name, n) && !strcmp(base + n, ".json"));
}

static int take_named(const struct hf_descriptor_file *file, const struct hf_host_firmware_query *q,
                      struct hf_host_firmware *out, struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = NULL;
    const char *arch = NULL;
    int r = hf_descriptor_load(file->path, &json, err);

    if (r < 0)
        return r;
    if (!json)
        return hf_error_set(err, HF_ENOTFOUND, "%s: empty, which hides the firmware of that name", file->path);
    r = hf_descriptor_usable(file->path, json, err);
    if (r < 0)
        return r;
    if (!hf_descriptor_has_target(json, q->architecture, NULL, &arch))
        return hf_error_refuse(err, "architecture", "%s: not for architecture '%s'", file->path,
                               q->architecture ? q->architecture : "any");
    if (!hf_descriptor_has_target(json, q->architecture, q->machine, &arch))
        return hf_error_refuse(err, "machine", "%s: not for machine type '%s'", file->path, q->machine);
    return take(file->path, json, arch, out, err);
}

static int find_by_name(const struct hf_descriptor_files *files, const struct hf_host_firmware_query *q,
                        struct hf_host_firmware *out, struct hf_error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        if (named(files->at[i].base, q->name))
            return take_named(&files->at[i], q, out, err);
    }
    return hf_error_set(err, HF_ENOTFOUND,
                        "firmware '%s': unknown; use ovmf, ovmf-secboot, aavmf, seabios, a firmware descriptor's name, "
                        "or a path with a '/'",
                        q->name);
}

static bool file_is_readable(const char *path)
{
    return path && access(path, R_OK) == 0;
}

/* Distributions ship descriptors of packages whose files are not installed or were renamed; those are passed over. */
static bool fits_alias(const json_t *json, const struct alias *alias, const char *machine)
{
    unsigned features = hf_descriptor_features(json);
    const char *arch;

    return hf_descriptor_list_has(json_object_get(json, "interface-types"), "uefi") &&
           (features & alias->wanted) == alias->wanted && !(features & alias->unwanted) &&
           hf_descriptor_has_target(json, alias->architecture, machine, &arch) &&
           file_is_readable(hf_descriptor_text(json, "mapping", "executable", "filename"));
}

static int find_by_alias(const struct hf_descriptor_files *files, const struct hf_host_firmware_query *q,
                         const struct alias *alias, struct hf_host_firmware *out, struct hf_error *err)
{
    if (q->architecture && strcmp(q->architecture, alias->architecture) != 0)
        return hf_error_refuse(err, "architecture", "firmware '%s' is for %s; this guest is %s", q->name,
                               alias->architecture, q->architecture);
    for (size_t i = 0; i < files->count; i++) {
        hf_auto(json_drop) json_t *json = NULL;
        const char *path = files->at[i].path;
        if (hf_descriptor_load(path, &json, NULL) < 0 || !json || hf_descriptor_usable(path, json, NULL) < 0)
            continue;
        if (fits_alias(json, alias, q->machine))
            return take(path, json, alias->architecture, out, err);
    }
    return hf_error_set(
        err, HF_ENOTFOUND,
        "firmware '%s': no descriptor of %s firmware with these features%s%s; install %s, or name a file", q->name,
        alias->architecture, q->machine ? " for machine " : "", q->machine ? q->machine : "",
        !strcmp(alias->architecture, "x86_64") ? "ovmf" : "qemu-efi-aarch64");
}

static int find_seabios(const struct hf_host_firmware_query *q, struct hf_host_firmware *out, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *path = NULL;
    const char *arch = q->architecture ? q->architecture : "x86_64";
    int r;

    if (strcmp(arch, "x86_64") != 0 && strcmp(arch, "i386") != 0)
        return hf_error_refuse(err, "architecture", "firmware 'seabios' is for x86; this guest is %s", arch);
    r = hf_datadirs_find(q->qemu ? q->qemu : "qemu-system-x86_64", SEABIOS_FILE, &path, err);
    if (r < 0)
        return hf_error_prefix(err, r, "firmware 'seabios': ");
    return fill("seabios", path, NULL, arch, out, err);
}

static int find_in(const struct hf_host_firmware_query *q, char *const *dirs, struct hf_host_firmware *out,
                   struct hf_error *err)
{
    hf_auto(hf_descriptor_files_done) struct hf_descriptor_files files = {0};
    int r = hf_descriptor_files_list(dirs, &files, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < HF_ARRAY_SIZE(aliases); i++) {
        if (!strcmp(q->name, aliases[i].name))
            return find_by_alias(&files, q, &aliases[i], out, err);
    }
    return find_by_name(&files, q, out, err);
}

int hf_host_firmware_find(const struct hf_host_firmware_query *query, char *const *dirs, struct hf_host_firmware *out,
                          struct hf_error *err)
{
    char **own = NULL;
    int r;

    if (strchr(query->name, '/')) {
        if (!file_is_readable(query->name))
            return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "firmware %s: %s", query->name,
                                strerror(errno));
        return fill(query->name, query->name, NULL, query->architecture, out, err);
    }
    if (!strcmp(query->name, "seabios"))
        return find_seabios(query, out, err);
    if (!dirs && !(own = hf_host_firmware_dirs()))
        return hf_error_nomem(err);
    r = find_in(query, dirs ? dirs : own, out, err);
    hf_firmware_dirs_free(own);
    return r;
}

static int template_in(const char *code, char *const *dirs, char **vars, struct hf_error *err)
{
    hf_auto(hf_descriptor_files_done) struct hf_descriptor_files files = {0};
    int r = hf_descriptor_files_list(dirs, &files, err);

    for (size_t i = 0; r == 0 && i < files.count; i++) {
        hf_auto(json_drop) json_t *json = NULL;
        const char *named, *found;

        if (hf_descriptor_load(files.at[i].path, &json, NULL) < 0 || !json ||
            hf_descriptor_usable(files.at[i].path, json, NULL) < 0)
            continue;
        named = hf_descriptor_text(json, "mapping", "executable", "filename");
        found = hf_descriptor_text(json, "mapping", "nvram-template", "filename");
        if (!named || !found || strcmp(named, code) != 0)
            continue;
        *vars = strdup(found);
        return *vars ? 0 : hf_error_nomem(err);
    }
    return r < 0 ? r : hf_error_set(err, HF_ENOTFOUND, "no firmware descriptor names variables for '%s'", code);
}

int hf_host_firmware_template(const char *code, char *const *dirs, char **vars, struct hf_error *err)
{
    char **own = NULL;
    int r;

    if (!dirs && !(own = hf_host_firmware_dirs()))
        return hf_error_nomem(err);
    r = template_in(code, dirs ? dirs : own, vars, err);
    hf_firmware_dirs_free(own);
    return r;
}

int hf_host_firmware_read(const struct hf_host_firmware *firmware, bool vars, uint64_t max, uint8_t **bytes,
                          uint64_t *size, struct hf_error *err)
{
    const char *path = vars ? firmware->vars : firmware->code;
    bool wanted = vars ? firmware->vars_packed : firmware->code_packed, packed;
    hf_auto(hf_cleanup_free) uint8_t *read = NULL;
    int r = hf_bank_file_read(path, max, &read, size, &packed, err);

    if (r < 0)
        return r;
    if (firmware->described && packed != wanted)
        return hf_error_refuse(err, "format", "%s: format '%s' of '%s': the file is %s", firmware->origin,
                               wanted ? "qcow2" : "raw", path, packed ? "a qcow2 image" : "no qcow2 image");
    *bytes = hf_take_ptr(read);
    return 0;
}

void hf_host_firmware_done(struct hf_host_firmware *firmware)
{
    free(firmware->origin);
    free(firmware->code);
    free(firmware->vars);
    *firmware = (struct hf_host_firmware){0};
}
