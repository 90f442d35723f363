/* SPDX-License-Identifier: BSD-2-Clause */
#include "manifest_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

#define SCHEMA     1
#define STRING_MAX 1000

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "a list",
        [JSON_STRING] = "text",
        [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a number with a fraction",
        [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",
        [JSON_NULL] = "null",
    };
    return value ? names[json_typeof(value)] : "nothing";
}

/* A member that must be text; *ret is NULL when it is missing and may be. */
static int get_text(const struct hf_manifest_file *f, const json_t *o, const char *where, const char *key, bool needed,
                    const char **ret, struct hf_error *err)
{
    const json_t *value = json_object_get(o, key);

    if (!needed && (!value || json_is_null(value))) {
        *ret = NULL;
        return 0;
    }
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > STRING_MAX)
        return hf_error_set(err, HF_EDAMAGED, "%s: %s'%s': found %s, expected text of 1 to %d bytes", f->path, where,
                            key, type_name(value), STRING_MAX);
    *ret = json_string_value(value);
    return 0;
}

/* A member that must be a list, not longer than `max`; missing counts as empty when it may be. */
static int get_list(const struct hf_manifest_file *f, const char *key, size_t min, size_t max, json_t **ret,
                    struct hf_error *err)
{
    json_t *value = json_object_get(f->json, key);

    if ((!value && min > 0) || (value && !json_is_array(value)) || json_array_size(value) < min ||
        json_array_size(value) > max)
        return hf_error_set(err, HF_EDAMAGED, "%s: '%s': found %s of %zu, expected a list of %zu to %zu", f->path, key,
                            type_name(value), json_array_size(value), min, max);
    *ret = value;
    return 0;
}

static bool is_digest(const char *text)
{
    return text && strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static int check_images(struct hf_manifest_file *f, struct hf_error *err)
{
    json_t *image;
    size_t i;
    int r = get_list(f, "images", 1, 64, &f->images, err);

    if (r < 0)
        return r;
    json_array_foreach(f->images, i, image) {
        if (!is_digest(json_string_value(json_object_get(image, "sha256"))))
            return hf_error_set(err, HF_EDAMAGED,
                                "%s: 'images', entry %zu: 'sha256' is not 64 lower-case hexadecimal "
                                "digits",
                                f->path, i);
    }
    return 0;
}

static int read_bits(const struct hf_manifest_file *f, const char *name, const json_t *bits,
                     struct hf_manifest_domain *d, struct hf_error *err)
{
    json_t *bit;
    size_t i;

    json_array_foreach(bits, i, bit) {
        json_int_t n = json_is_integer(bit) ? json_integer_value(bit) : -1;

        if (n < 0 || n >= HF_MANIFEST_BITS_MAX)
            return hf_error_set(err, HF_EDAMAGED,
                                "%s: 'understands', '%s', 'bits', entry %zu: expected a number from 0 to %d", f->path,
                                name, i, HF_MANIFEST_BITS_MAX - 1);
        d->bits[n / 8] |= (uint8_t)(1 << n % 8);
    }
    return 0;
}

static int read_domain(const struct hf_manifest_file *f, const char *name, const json_t *o,
                       struct hf_manifest_domain *ret, struct hf_error *err)
{
    struct hf_manifest_domain d = {.name = name};
    const json_t *version = json_object_get(o, "version"), *bits = json_object_get(o, "bits");
    int r;

    if (!json_is_integer(version) || json_integer_value(version) < 1 || json_integer_value(version) > INT32_MAX ||
        !json_is_array(bits) || strlen(name) == 0 || strlen(name) > 31)
        return hf_error_set(err, HF_EDAMAGED,
                            "%s: 'understands', '%s': expected a name of 1 to 31 bytes with {\"version\": NUMBER, "
                            "\"bits\": [NUMBER, ...]}",
                            f->path, name);
    d.version = (uint32_t)json_integer_value(version);
    r = read_bits(f, name, bits, &d, err);
    if (r == 0)
        *ret = d;
    return r;
}

static int read_domains(struct hf_manifest_file *f, struct hf_error *err)
{
    json_t *understands = json_object_get(f->json, "understands"), *value;
    struct hf_manifest_domain *domains;
    const char *name;
    int r = 0;

    if (!understands)
        return 0;
    if (!json_is_object(understands) || json_object_size(understands) > 64)
        return hf_error_set(err, HF_EDAMAGED, "%s: 'understands': found %s of %zu, expected an object of up to 64",
                            f->path, type_name(understands), json_object_size(understands));
    domains = calloc(json_object_size(understands) + 1, sizeof *domains);
    if (!domains)
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", f->path);
    f->manifest.domains = domains;
    json_object_foreach(understands, name, value) {
        if (r == 0)
            r = read_domain(f, name, value, &domains[f->manifest.domain_count], err);
        f->manifest.domain_count += r == 0;
    }
    return r;
}

/* "10.0" */
static int read_version(const struct hf_manifest_file *f, const json_t *o, const char *key, bool needed,
                        unsigned *major, unsigned *minor, struct hf_error *err)
{
    const json_t *value = json_object_get(o, key);
    const char *text = json_string_value(value);
    unsigned long a, b;
    char *end;

    if (!needed && (!value || json_is_null(value)))
        return 0;
    if (text && *text >= '0' && *text <= '9') {
        a = strtoul(text, &end, 10);
        if (a < 10000 && *end == '.' && end[1] >= '0' && end[1] <= '9') {
            b = strtoul(end + 1, &end, 10);
            if (b < 10000 && *end == 0) {
                *major = (unsigned)a;
                *minor = (unsigned)b;
                return 0;
            }
        }
    }
    return hf_error_set(err, HF_EDAMAGED, "%s: 'breaks', '%s': found %s, expected a QEMU version such as \"10.0\"",
                        f->path, key, text ? text : type_name(value));
}

static int read_break(const struct hf_manifest_file *f, const json_t *o, struct hf_manifest_break *b,
                      struct hf_error *err)
{
    const json_t *at_reset = json_object_get(o, "at_reset");
    int r = get_text(f, o, "'breaks', ", "name", true, &b->name, err);

    if (r == 0)
        r = get_text(f, o, "'breaks', ", "device", false, &b->device, err);
    if (r == 0)
        r = get_text(f, o, "'breaks', ", "what", true, &b->what, err);
    if (r == 0)
        r = get_text(f, o, "'breaks', ", "remedy", true, &b->remedy, err);
    if (r == 0)
        r = get_text(f, o, "'breaks', ", "evidence", true, &b->evidence, err);
    if (r == 0)
        r = read_version(f, o, "from", true, &b->from_major, &b->from_minor, err);
    if (r == 0)
        r = read_version(f, o, "until", false, &b->until_major, &b->until_minor, err);
    if (r == 0 && !json_is_boolean(at_reset))
        r = hf_error_set(err, HF_EDAMAGED, "%s: 'breaks', 'at_reset': found %s, expected true or false", f->path,
                         type_name(at_reset));
    b->at_reset = json_is_true(at_reset);
    return r;
}

static int read_breaks(struct hf_manifest_file *f, struct hf_error *err)
{
    struct hf_manifest_break *breaks;
    json_t *list = NULL, *value;
    size_t i;
    int r = get_list(f, "breaks", 0, 64, &list, err);

    if (r < 0 || json_array_size(list) == 0)
        return r;
    breaks = calloc(json_array_size(list), sizeof *breaks);
    if (!breaks)
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", f->path);
    f->manifest.breaks = breaks;
    f->manifest.break_count = json_array_size(list);
    json_array_foreach(list, i, value) {
        if (r == 0)
            r = read_break(f, value, &breaks[i], err);
    }
    return r;
}

static int read_members(struct hf_manifest_file *f, struct hf_error *err)
{
    const json_t *schema = json_object_get(f->json, "schema");
    struct hf_manifest *m = &f->manifest;
    int r;

    if (!json_is_integer(schema) || json_integer_value(schema) < 1)
        return hf_error_set(err, HF_EDAMAGED, "%s: not a manifest: 'schema': found %s, expected a number", f->path,
                            type_name(schema));
    if (json_integer_value(schema) > SCHEMA)
        return hf_error_set(err, HF_EVERSION,
                            "%s: unsupported schema %lld; this program reads up to %d: update holdfast", f->path,
                            (long long)json_integer_value(schema), SCHEMA);
    r = get_text(f, f->json, "", "name", true, &m->name, err);
    if (r == 0)
        r = get_text(f, f->json, "", "firmware", true, &m->firmware, err);
    if (r == 0)
        r = get_text(f, f->json, "", "version", true, &m->version, err);
    if (r == 0)
        r = check_images(f, err);
    if (r == 0)
        r = read_domains(f, err);
    return r < 0 ? r : read_breaks(f, err);
}

static int load(const char *path, json_t **ret, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    json_error_t why;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size > HF_MANIFEST_FILE_MAX)
        return hf_error_refuse(err, "limits", "%s: not a regular file of at most %d bytes", path, HF_MANIFEST_FILE_MAX);
    *ret = json_loadfd(fd, JSON_REJECT_DUPLICATES, &why);
    return *ret ? 0 : hf_error_set(err, HF_EDAMAGED, "%s: line %d: %s", path, why.line, why.text);
}

int hf_manifest_file_read(const char *path, struct hf_manifest_file *ret, struct hf_error *err)
{
    struct hf_manifest_file f = {.path = strdup(path)};
    int r = f.path ? load(path, &f.json, err) : hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);

    f.manifest.file = f.path;
    if (r == 0)
        r = read_members(&f, err);
    if (r < 0)
        hf_manifest_file_done(&f);
    else
        *ret = f;
    return r;
}

void hf_manifest_file_done(struct hf_manifest_file *f)
{
    free((void *)(uintptr_t)f->manifest.domains);
    free((void *)(uintptr_t)f->manifest.breaks);
    free(f->path);
    json_decref(f->json);
    *f = (struct hf_manifest_file){0};
}
