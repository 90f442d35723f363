/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <holdfast/ucs2.h>

#include "certdb.h"
#include "cleanup.h"
#include "hex.h"

const char *const hf_var_format_names[HF_FORMAT_MAX + 1] = {"raw", "qemu", "virt-firmware", "aws", NULL};

static void json_done(json_t **j)
{
    json_decref(*j);
}

/* Reads exactly `size` bytes of hex. */
static bool unhex(const char *text, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = hf_hex_digit(text[2 * i]), low = high < 0 ? -1 : hf_hex_digit(text[2 * i + 1]);

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool known_member(const char *key)
{
    static const char *const known[] = {"name", "guid", "attr", "data", "time", "digest"};

    for (size_t i = 0; i < HF_ARRAY_SIZE(known); i++)
        if (strcmp(key, known[i]) == 0)
            return true;
    return false;
}

#define BAD(err, index, ...)                                                                                           \
    (hf_error_set(err, HF_EDAMAGED, __VA_ARGS__), hf_error_prefix(err, -HF_EDAMAGED, "variables[%zu]: ", index))

/* "time" and "digest"; both may be absent. */
static int read_extras(json_t *object, size_t index, struct hf_var *var, uint8_t *digest, bool *has_digest,
                       struct hf_error *err)
{
    json_t *time = json_object_get(object, "time"), *sum = json_object_get(object, "digest");

    if (time && (!json_is_string(time) || json_string_length(time) != 2 * sizeof var->time ||
                 !unhex(json_string_value(time), var->time, sizeof var->time)))
        return BAD(err, index, "'time' is not 32 hexadecimal digits");
    *has_digest = sum;
    if (sum && (!json_is_string(sum) || json_string_length(sum) != 2 * HF_CERTDB_DIGEST ||
                !unhex(json_string_value(sum), digest, HF_CERTDB_DIGEST)))
        return BAD(err, index, "'digest' is not 64 hexadecimal digits");
    return 0;
}

/* The members every variable has. *name and *data are allocated. */
static int read_basics(json_t *object, size_t index, struct hf_var *var, uint8_t **name, uint8_t **data,
                       struct hf_error *err)
{
    json_t *j_name = json_object_get(object, "name"), *guid = json_object_get(object, "guid"),
           *attr = json_object_get(object, "attr"), *j_data = json_object_get(object, "data");
    size_t name_room, data_length;
    int n;

    if (!json_is_string(j_name) || json_string_length(j_name) == 0 ||
        strlen(json_string_value(j_name)) != json_string_length(j_name))
        return BAD(err, index, "'name' is not a text of at least one character");
    if (!json_is_string(guid) || json_string_length(guid) != HF_GUID_TEXT_SIZE - 1 ||
        hf_guid_parse(json_string_value(guid), json_string_length(guid), &var->guid) < 0)
        return BAD(err, index, "'guid' is not a GUID");
    if (!json_is_integer(attr) || json_integer_value(attr) < 0 || json_integer_value(attr) > 0xFFFFFFFF)
        return BAD(err, index, "'attr' is not a number from 0 to 4294967295");
    data_length = json_is_string(j_data) ? json_string_length(j_data) : 1;
    if (data_length % 2 || data_length == 0)
        return BAD(err, index, "'data' is not pairs of hexadecimal digits");
    name_room = 2 * (json_string_length(j_name) + 1);
    *name = (uint8_t *)malloc(name_room);
    *data = (uint8_t *)malloc(data_length / 2);
    if (!*name || !*data)
        return hf_error_set(err, HF_ENOMEM, "variables[%zu]: out of memory", index);
    n = hf_ucs2_from_utf8(json_string_value(j_name), *name, name_room);
    if (n < 0)
        return BAD(err, index, "'name' is not valid UTF-8");
    if (!unhex(json_string_value(j_data), *data, data_length / 2))
        return BAD(err, index, "'data' is not pairs of hexadecimal digits");
    var->attributes = (uint32_t)json_integer_value(attr);
    var->name = *name;
    var->name_size = (uint32_t)n;
    var->data = *data;
    var->data_size = (uint32_t)(data_length / 2);
    return 0;
}

static int read_variable(json_t *object, size_t index, struct hf_var_set *set, struct hf_var_set *signers,
                         struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *name = NULL, *data = NULL;
    uint8_t digest[HF_CERTDB_DIGEST];
    struct hf_var var = {0};
    bool has_digest;
    const char *key;
    json_t *value;
    int r;

    if (!json_is_object(object))
        return BAD(err, index, "not an object");
    json_object_foreach(object, key, value) {
        if (!known_member(key))
            return BAD(err, index, "unknown member '%s' would be lost; remove it first", key);
    }
    r = read_basics(object, index, &var, &name, &data, err);
    if (r == 0)
        r = read_extras(object, index, &var, digest, &has_digest, err);
    if (r < 0)
        return r;
    if (hf_var_set_find(set, &var))
        return BAD(err, index, "duplicate variable '%s' under the same GUID",
                   json_string_value(json_object_get(object, "name")));
    r = hf_var_set_put(set, &var, err);
    if (r == 0 && has_digest)
        r = hf_certdb_note(signers, &var, digest, err);
    return r;
}

static int read_all(json_t *root, struct hf_var_set *set, struct hf_error *err)
{
    hf_auto(hf_var_set_done) struct hf_var_set signers = {0};
    json_t *version = json_object_get(root, "version"), *list = json_object_get(root, "variables");
    size_t i;
    json_t *object;
    int r;

    if (!json_is_integer(version) || !json_is_array(list))
        return hf_error_set(err, HF_EDAMAGED, "not a variable store: 'version' or 'variables' is missing");
    if (json_integer_value(version) != 2)
        return hf_error_set(err, HF_EVERSION, "unsupported version %lld of the JSON form; this program reads 2",
                            (long long)json_integer_value(version));
    json_array_foreach(list, i, object) {
        r = read_variable(object, i, set, &signers, err);
        if (r < 0)
            return r;
    }
    if (signers.count && !hf_certdb_in(set->vars, set->count)) {
        set->digests = true;
        return hf_var_set_put(set, &signers.vars[0], err);
    }
    return 0;
}

int hf_var_json_read(const char *text, size_t size, struct hf_var_set *set, struct hf_error *err)
{
    hf_auto(hf_var_set_done) struct hf_var_set read = {0};
    hf_auto(json_done) json_t *root = NULL;
    json_error_t where;
    int r;

    if (size > HF_VAR_JSON_MAX)
        return hf_error_set(err, HF_EREFUSED, "JSON too large: %zu bytes; the limit is %u", size, HF_VAR_JSON_MAX);
    root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return hf_error_set(err, HF_EDAMAGED, "invalid JSON: line %d, column %d: %s", where.line, where.column,
                            where.text);
    r = read_all(root, &read, err);
    if (r < 0)
        return r;
    hf_var_set_done(set);
    *set = read;
    read = (struct hf_var_set){0};
    return 0;
}
