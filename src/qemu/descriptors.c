/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "cleanup.h"
#include "datadirs.h"

#define DESCRIPTOR_MAX      (1024U * 1024U)
#define DIRECTORY_FILES_MAX 256U
#define SEABIOS_FILE        "bios-256k.bin"

enum feature { F_SECURE_BOOT = 1, F_REQUIRES_SMM = 2, F_ENROLLED_KEYS = 4 };

static const struct {
    const char *word;
    unsigned bit;
} feature_words[] = {
    {"secure-boot", F_SECURE_BOOT},
    {"requires-smm", F_REQUIRES_SMM},
    {"enrolled-keys", F_ENROLLED_KEYS},
};

/* An alias asks for the features in `wanted` and for none of those in `unwanted`. */
static const struct alias {
    const char *name, *architecture;
    unsigned wanted, unwanted;
} aliases[] = {
    {"ovmf", "x86_64", 0, F_SECURE_BOOT | F_REQUIRES_SMM},
    {"ovmf-secboot", "x86_64", F_SECURE_BOOT | F_REQUIRES_SMM, 0},
    {"aavmf", "aarch64", 0, F_SECURE_BOOT | F_REQUIRES_SMM},
};

struct file {
    char *path;
    char *base; /* points into path */
};

struct files {
    struct file *at;
    size_t count;
};

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static void files_done(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->at[i].path);
    free(files->at);
    *files = (struct files){0};
}

/* ---- directories ---- */

static char *config_home_dir(void)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n = -1;

    if (config && config[0] == '/')
        n = asprintf(&path, "%s/qemu/firmware", config);
    else if (home && home[0] == '/')
        n = asprintf(&path, "%s/.config/qemu/firmware", home);
    return n < 0 ? NULL : path;
}

char **hf_host_firmware_dirs(void)
{
    char **dirs = calloc(4, sizeof *dirs);
    size_t n = 0;

    if (!dirs)
        return NULL;
    dirs[n] = config_home_dir();
    n += dirs[n] != NULL;
    dirs[n++] = strdup("/etc/qemu/firmware");
    dirs[n++] = strdup("/usr/share/qemu/firmware");
    for (size_t i = 0; i < n; i++) {
        if (!dirs[i]) {
            for (size_t j = 0; j < n; j++)
                free(dirs[j]);
            free(dirs);
            return NULL;
        }
    }
    return dirs;
}

void hf_firmware_dirs_free(char **dirs)
{
    for (size_t i = 0; dirs && dirs[i]; i++)
        free(dirs[i]);
    free(dirs);
}

/* ---- the sorted, masked list of files ---- */

static bool is_descriptor_name(const char *name)
{
    size_t n = strlen(name);

    return n > 5 && name[0] != '.' && !strcmp(name + n - 5, ".json");
}

static bool masked(const struct files *files, const char *base)
{
    for (size_t i = 0; i < files->count; i++) {
        if (!strcmp(files->at[i].base, base))
            return true;
    }
    return false;
}

static int add_file(struct files *files, const char *dir, const char *base, struct hf_error *err)
{
    struct file *grown = reallocarray(files->at, files->count + 1, sizeof *grown);
    char *path = NULL;

    if (!grown)
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    files->at = grown;
    if (asprintf(&path, "%s/%s", dir, base) < 0)
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    files->at[files->count++] = (struct file){path, strrchr(path, '/') + 1};
    return 0;
}

static int add_directory(struct files *files, const char *dir, struct hf_error *err)
{
    hf_auto(close_dir) DIR *d = opendir(dir);
    struct files before = *files;
    struct dirent *entry;
    size_t seen = 0;

    while (d && (entry = readdir(d))) {
        /* masked only by earlier directories: names within one directory are distinct anyway */
        if (!is_descriptor_name(entry->d_name) || masked(&(struct files){files->at, before.count}, entry->d_name))
            continue;
        if (++seen > DIRECTORY_FILES_MAX)
            return hf_error_set(err, HF_EUSAGE, "%s: more than %u firmware descriptors", dir, DIRECTORY_FILES_MAX);
        int r = add_file(files, dir, entry->d_name, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int by_base(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->base, ((const struct file *)b)->base);
}

static int list_files(char *const *dirs, struct files *out, struct hf_error *err)
{
    struct files files = {0};

    for (size_t i = 0; dirs[i]; i++) {
        int r = add_directory(&files, dirs[i], err);
        if (r < 0) {
            files_done(&files);
            return r;
        }
    }
    if (files.count)
        qsort(files.at, files.count, sizeof *files.at, by_base);
    *out = files;
    return 0;
}

/* ---- one descriptor ---- */

/* *out stays NULL for an empty file, which only masks. */
static int load(const char *path, json_t **out, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    json_error_t why;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)DESCRIPTOR_MAX)
        return hf_error_set(err, HF_EDAMAGED, "%s: not a firmware descriptor: %s", path,
                            S_ISREG(st.st_mode) ? "larger than 1 MiB" : "not a regular file");
    if (st.st_size == 0)
        return 0;
    json_t *json = json_loadfd(fd, JSON_REJECT_DUPLICATES, &why);
    if (!json)
        return hf_error_set(err, HF_EDAMAGED, "%s:%d: not a firmware descriptor: %s", path, why.line, why.text);
    *out = json;
    return 0;
}

static const char *text_at(const json_t *json, const char *a, const char *b, const char *c)
{
    const json_t *j = json_object_get(json, a);

    if (b)
        j = json_object_get(j, b);
    if (c)
        j = json_object_get(j, c);
    return json_string_value(j);
}

static bool array_has(const json_t *array, const char *word)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *s = json_string_value(json_array_get(array, i));
        if (s && !strcmp(s, word))
            return true;
    }
    return false;
}

static unsigned features_of(const json_t *json)
{
    const json_t *list = json_object_get(json, "features");
    unsigned bits = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(feature_words); i++) {
        if (array_has(list, feature_words[i].word))
            bits |= feature_words[i].bit;
    }
    return bits;
}

/* "pc-q35-*" takes pc-q35-7.2, and the alias q35, which stands for some pc-q35-N. Only a trailing '*' is documented. */
static bool machine_matches(const char *pattern, const char *machine)
{
    size_t n = strlen(pattern), m = strlen(machine);

    if (n == 0 || pattern[n - 1] != '*')
        return !strcmp(pattern, machine);
    if (!strncmp(pattern, machine, n - 1))
        return true;
    if (!strcmp(machine, "pc"))
        machine = "pc-i440fx", m = strlen(machine);
    else if (!strcmp(machine, "q35"))
        machine = "pc-q35", m = strlen(machine);
    return n == m + 2 && !strncmp(pattern, machine, m) && pattern[m] == '-';
}

static bool any_machine(const json_t *machines, const char *machine)
{
    for (size_t i = 0; i < json_array_size(machines); i++) {
        const char *pattern = json_string_value(json_array_get(machines, i));
        if (pattern && machine_matches(pattern, machine))
            return true;
    }
    return false;
}

/* Whether a target has that architecture and machine; a NULL of either asks nothing. *found: the first architecture. */
static bool has_target(const json_t *json, const char *architecture, const char *machine, const char **found)
{
    const json_t *targets = json_object_get(json, "targets");

    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *target = json_array_get(targets, i);
        const char *arch = text_at(target, "architecture", NULL, NULL);
        if (!arch || (architecture && strcmp(arch, architecture) != 0))
            continue;
        if (machine && !any_machine(json_object_get(target, "machines"), machine))
            continue;
        *found = arch;
        return true;
    }
    return false;
}

/* Why a container cannot hold this firmware, as a refusal; 0 when it can. */
static int usable(const char *path, const json_t *json, struct hf_error *err)
{
    const char *device = text_at(json, "mapping", "device", NULL), *mode = text_at(json, "mapping", "mode", NULL);
    const char *file = text_at(json, "mapping", "executable", "filename");

    if (!device)
        return hf_error_set(err, HF_EDAMAGED, "%s: mapping.device is missing", path);
    if (strcmp(device, "flash") != 0)
        return hf_error_refuse(err, "not-flash", "%s: firmware for '%s', not for flash; a container holds flash images",
                               path, device);
    if (mode && !strcmp(mode, "stateless"))
        return hf_error_refuse(err, "stateless", "%s: stateless firmware keeps no variables; choose a split image",
                               path);
    if (mode && strcmp(mode, "split") != 0)
        return hf_error_refuse(err, "combined", "%s: flash mode '%s'; code and variables must be two files ('split')",
                               path, mode);
    if (!file)
        return hf_error_set(err, HF_EDAMAGED, "%s: mapping.executable.filename is missing", path);
    return 0;
}

static int fill(const char *origin, const char *code, const char *vars, const char *architecture,
                struct hf_host_firmware *out, struct hf_error *err)
{
    struct hf_host_firmware f = {.origin = strdup(origin), .code = strdup(code), .vars = vars ? strdup(vars) : NULL};

    if (!f.origin || !f.code || (vars && !f.vars)) {
        hf_host_firmware_done(&f);
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    snprintf(f.architecture, sizeof f.architecture, "%s", architecture ? architecture : "");
    *out = f;
    return 0;
}

static int take(const char *path, const json_t *json, const char *architecture, struct hf_host_firmware *out,
                struct hf_error *err)
{
    unsigned features = features_of(json);
    int r = fill(path, text_at(json, "mapping", "executable", "filename"),
                 text_at(json, "mapping", "nvram-template", "filename"), architecture, out, err);

    if (r < 0)
        return r;
    out->described = true;
    out->requires_smm = features & F_REQUIRES_SMM;
    out->secure_boot = features & F_SECURE_BOOT;
    out->enrolled_keys = features & F_ENROLLED_KEYS;
    return 0;
}

/* ---- the three ways to ask ---- */

static bool named(const char *base, const char *name)
{
    size_t n = strlen(name);

    return !strcmp(base, name) || (!strncmp(base, name, n) && !strcmp(base + n, ".json"));
}

static int take_named(const struct file *file, const struct hf_host_firmware_query *q, struct hf_host_firmware *out,
                      struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = NULL;
    const char *arch = NULL;
    int r = load(file->path, &json, err);

    if (r < 0)
        return r;
    if (!json)
        return hf_error_set(err, HF_ENOTFOUND, "%s: empty, which hides the firmware of that name", file->path);
    r = usable(file->path, json, err);
    if (r < 0)
        return r;
    if (!has_target(json, q->architecture, NULL, &arch))
        return hf_error_refuse(err, "architecture", "%s: not for architecture '%s'", file->path,
                               q->architecture ? q->architecture : "any");
    if (!has_target(json, q->architecture, q->machine, &arch))
        return hf_error_refuse(err, "machine", "%s: not for machine type '%s'", file->path, q->machine);
    return take(file->path, json, arch, out, err);
}

static int find_by_name(const struct files *files, const struct hf_host_firmware_query *q, struct hf_host_firmware *out,
                        struct hf_error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        if (named(files->at[i].base, q->name))
            return take_named(&files->at[i], q, out, err);
    }
    return hf_error_set(err, HF_ENOTFOUND,
                        "firmware '%s': neither ovmf, ovmf-secboot, aavmf, seabios, nor a firmware descriptor's name; "
                        "for a file, write a path with a '/'",
                        q->name);
}

static bool file_is_readable(const char *path)
{
    return path && access(path, R_OK) == 0;
}

/* Distributions ship descriptors of packages whose files are not installed or were renamed; those are passed over. */
static bool fits_alias(const json_t *json, const struct alias *alias, const char *machine)
{
    unsigned features = features_of(json);
    const char *arch;

    return array_has(json_object_get(json, "interface-types"), "uefi") && (features & alias->wanted) == alias->wanted &&
           !(features & alias->unwanted) && has_target(json, alias->architecture, machine, &arch) &&
           file_is_readable(text_at(json, "mapping", "executable", "filename"));
}

static int find_by_alias(const struct files *files, const struct hf_host_firmware_query *q, const struct alias *alias,
                         struct hf_host_firmware *out, struct hf_error *err)
{
    if (q->architecture && strcmp(q->architecture, alias->architecture) != 0)
        return hf_error_refuse(err, "architecture", "firmware '%s' is for %s; this guest is %s", q->name,
                               alias->architecture, q->architecture);
    for (size_t i = 0; i < files->count; i++) {
        hf_auto(json_drop) json_t *json = NULL;
        const char *path = files->at[i].path;
        if (load(path, &json, NULL) < 0 || !json || usable(path, json, NULL) < 0)
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
    hf_auto(files_done) struct files files = {0};
    int r = list_files(dirs, &files, err);

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
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    r = find_in(query, dirs ? dirs : own, out, err);
    hf_firmware_dirs_free(own);
    return r;
}

static int template_in(const char *code, char *const *dirs, char **vars, struct hf_error *err)
{
    hf_auto(files_done) struct files files = {0};
    int r = list_files(dirs, &files, err);

    for (size_t i = 0; r == 0 && i < files.count; i++) {
        hf_auto(json_drop) json_t *json = NULL;
        const char *named, *found;

        if (load(files.at[i].path, &json, NULL) < 0 || !json || usable(files.at[i].path, json, NULL) < 0)
            continue;
        named = text_at(json, "mapping", "executable", "filename");
        found = text_at(json, "mapping", "nvram-template", "filename");
        if (!named || !found || strcmp(named, code) != 0)
            continue;
        *vars = strdup(found);
        return *vars ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    return r < 0 ? r : hf_error_set(err, HF_ENOTFOUND, "no firmware descriptor names variables for '%s'", code);
}

int hf_host_firmware_template(const char *code, char *const *dirs, char **vars, struct hf_error *err)
{
    char **own = NULL;
    int r;

    if (!dirs && !(own = hf_host_firmware_dirs()))
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    r = template_in(code, dirs ? dirs : own, vars, err);
    hf_firmware_dirs_free(own);
    return r;
}

void hf_host_firmware_done(struct hf_host_firmware *firmware)
{
    free(firmware->origin);
    free(firmware->code);
    free(firmware->vars);
    *firmware = (struct hf_host_firmware){0};
}
