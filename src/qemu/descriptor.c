/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptor.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

#define DESCRIPTOR_MAX (1024U * 1024U)

static const struct {
    const char *word;
    unsigned bit;
} feature_words[] = {
    {"secure-boot", HF_DESCRIPTOR_SECURE_BOOT},
    {"requires-smm", HF_DESCRIPTOR_REQUIRES_SMM},
    {"enrolled-keys", HF_DESCRIPTOR_ENROLLED_KEYS},
};

int hf_descriptor_load(const char *path, json_t **out, struct hf_error *err)
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

const char *hf_descriptor_text(const json_t *json, const char *a, const char *b, const char *c)
{
    const json_t *j = json_object_get(json, a);

    if (b)
        j = json_object_get(j, b);
    if (c)
        j = json_object_get(j, c);
    return json_string_value(j);
}

bool hf_descriptor_list_has(const json_t *array, const char *word)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *s = json_string_value(json_array_get(array, i));
        if (s && !strcmp(s, word))
            return true;
    }
    return false;
}

unsigned hf_descriptor_features(const json_t *json)
{
    const json_t *list = json_object_get(json, "features");
    unsigned bits = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(feature_words); i++) {
        if (hf_descriptor_list_has(list, feature_words[i].word))
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

bool hf_descriptor_has_target(const json_t *json, const char *architecture, const char *machine, const char **found)
{
    const json_t *targets = json_object_get(json, "targets");

    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *target = json_array_get(targets, i);
        const char *arch = hf_descriptor_text(target, "architecture", NULL, NULL);
        if (!arch || (architecture && strcmp(arch, architecture) != 0))
            continue;
        if (machine && !any_machine(json_object_get(target, "machines"), machine))
            continue;
        *found = arch;
        return true;
    }
    return false;
}

/* QEMU's firmware.json allows any block driver's name; absent, it is raw. */
static int check_formats(const char *path, const json_t *json, struct hf_error *err)
{
    static const char *const files[] = {"executable", "nvram-template"};

    for (size_t i = 0; i < HF_ARRAY_SIZE(files); i++) {
        const char *format = hf_descriptor_text(json, "mapping", files[i], "format");

        if (format && strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0)
            return hf_error_refuse(err, "format", "%s: mapping.%s.format '%s': unsupported; raw and qcow2 are read",
                                   path, files[i], format);
    }
    return 0;
}

int hf_descriptor_usable(const char *path, const json_t *json, struct hf_error *err)
{
    const char *device = hf_descriptor_text(json, "mapping", "device", NULL),
               *mode = hf_descriptor_text(json, "mapping", "mode", NULL);
    const char *file = hf_descriptor_text(json, "mapping", "executable", "filename");

    if (!device)
        return hf_error_set(err, HF_EDAMAGED, "%s: mapping.device is missing", path);
    if (strcmp(device, "flash") != 0)
        return hf_error_refuse(err, "not-flash", "%s: unsupported firmware for '%s'; a container holds flash images",
                               path, device);
    if (mode && !strcmp(mode, "stateless"))
        return hf_error_refuse(err, "stateless",
                               "%s: unsupported: stateless firmware keeps no variables; choose a split image", path);
    if (mode && strcmp(mode, "split") != 0)
        return hf_error_refuse(err, "combined",
                               "%s: unsupported flash mode '%s'; code and variables must be two files ('split')", path,
                               mode);
    if (!file)
        return hf_error_set(err, HF_EDAMAGED, "%s: mapping.executable.filename is missing", path);
    return check_formats(path, json, err);
}
