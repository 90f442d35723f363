/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <holdfast/ucs2.h>

#include "certdb.h"
#include "cleanup.h"

static void json_done(json_t **j)
{
    json_decref(*j);
}

static json_t *hex(const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = (char *)malloc(2 * size + 1);
    json_t *j;

    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
    j = json_string(text);
    free(text);
    return j;
}

static bool any_time(const struct hf_var *var)
{
    for (size_t i = 0; i < sizeof var->time; i++)
        if (var->time[i])
            return true;
    return false;
}

static bool wants_time(const struct hf_var *var, enum hf_var_format format)
{
    if (format == HF_FORMAT_QEMU)
        return var->attributes & HF_VAR_TIME_AUTHENTICATED;
    return any_time(var);
}

/* Three bytes of UTF-8 for each 16-bit character, at most. */
static char *name_of(const struct hf_var *var, bool *whole)
{
    size_t room = (size_t)var->name_size / 2 * 3 + 1;
    char *text = (char *)malloc(room);

    if (text)
        *whole = hf_ucs2_to_utf8(var->name, var->name_size, text, room);
    return text;
}

static bool ascii_name(const struct hf_var *var)
{
    for (uint32_t i = 0; i < var->name_size; i += 2)
        if (var->name[i + 1] || var->name[i] >= 0x80)
            return false;
    return true;
}

/* Whether the form can say which variable it is. */
static bool name_holds(const struct hf_var *var, enum hf_var_format format)
{
    bool whole = false;
    char *text;

    if (format == HF_FORMAT_QEMU)
        return ascii_name(var);
    text = name_of(var, &whole);
    free(text);
    return !text || whole;
}

static json_t *variable(const struct hf_var *var, const struct hf_var *certdb, enum hf_var_format format,
                        const char *name)
{
    json_t *o = json_object();
    char guid[HF_GUID_TEXT_SIZE];
    const uint8_t *digest =
        format == HF_FORMAT_QEMU && var->attributes & HF_VAR_TIME_AUTHENTICATED ? hf_certdb_find(certdb, var) : NULL;
    int bad = 0;

    hf_guid_format(&var->guid, guid);
    bad |= json_object_set_new(o, "name", json_string(name));
    bad |= json_object_set_new(o, "guid", json_string(guid));
    bad |= json_object_set_new(o, "attr", json_integer(var->attributes));
    bad |= json_object_set_new(o, "data", hex(var->data, var->data_size));
    if (wants_time(var, format))
        bad |= json_object_set_new(o, "time", hex(var->time, sizeof var->time));
    if (digest)
        bad |= json_object_set_new(o, "digest", hex(digest, HF_CERTDB_DIGEST));
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

int hf_var_json_write(const struct hf_var *vars, size_t count, enum hf_var_format format, char **text,
                      struct hf_error *err)
{
    const struct hf_var *certdb = hf_certdb_in(vars, count);
    hf_auto(json_done) json_t *list = json_array();
    hf_auto(json_done) json_t *root = json_pack("{s:i, s:O}", "version", 2, "variables", list);
    char *out, *longer;
    size_t n;

    for (size_t i = 0; i < count; i++) {
        hf_auto(hf_cleanup_free) char *name = NULL;
        bool whole;

        if (!name_holds(&vars[i], format))
            continue;
        name = name_of(&vars[i], &whole);
        if (!name || json_array_append_new(list, variable(&vars[i], certdb, format, name)))
            return hf_error_set(err, HF_ENOMEM, "writing variable %zu as JSON: out of memory", i);
    }
    out = json_dumps(root, JSON_INDENT(4));
    if (!out)
        return hf_error_set(err, HF_ENOMEM, "writing %zu variables as JSON: out of memory", count);
    n = strlen(out);
    longer = (char *)realloc(out, n + 2);
    if (!longer) {
        free(out);
        return hf_error_set(err, HF_ENOMEM, "writing %zu variables as JSON: out of memory", count);
    }
    memcpy(longer + n, "\n", 2);
    *text = longer;
    return 0;
}

static bool name_again(const struct hf_var *vars, size_t count, size_t i)
{
    for (size_t k = 0; k < count; k++)
        if (k != i && vars[k].name_size == vars[i].name_size &&
            memcmp(vars[k].name, vars[i].name, vars[i].name_size) == 0)
            return true;
    return false;
}

/* EFI_TIME: year 0-1, nanosecond 8-11, time zone 12-13, daylight 14. */
static bool plain_utc(const struct hf_var *var)
{
    static const uint8_t zeros[8];

    return !any_time(var) ||
           ((var->time[0] || var->time[1]) && memcmp(var->time + 8, zeros, sizeof zeros) == 0 && var->time[7] == 0);
}

size_t hf_var_losses(const struct hf_var *vars, size_t count, enum hf_var_format format, hf_var_lost lost, void *opaque)
{
    const struct hf_var *certdb = hf_certdb_in(vars, count);
    size_t n = 0;

    if (format == HF_FORMAT_RAW)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const struct hf_var *v = &vars[i];
        bool qemu = format == HF_FORMAT_QEMU, virt = format == HF_FORMAT_VIRT_FIRMWARE;
        bool aws = format == HF_FORMAT_AWS;
        const struct {
            bool true_here;
            const char *what;
        } checks[] = {
            {v->count, "its monotonic count"},
            {v->key_index, "its public key index"},
            {qemu && any_time(v) && !wants_time(v, format), "its time (QEMU keeps one with authenticated variables)"},
            {qemu && !name_holds(v, format), "its name, and so all of it (QEMU keeps ASCII only)"},
            {aws && any_time(v) && !(v->attributes & HF_VAR_TIME_AUTHENTICATED),
             "its time (AWS keeps one with authenticated variables)"},
            {aws && v == certdb && hf_certdb_other(certdb, vars, count),
             "notes of who may change variables that are not there"},
            {!qemu && !name_holds(v, format), "its name, and so all of it (half a surrogate pair is no text)"},
            {virt && name_again(vars, count, i), "one of the variables with this name (virt-firmware keeps one)"},
            {virt && !plain_utc(v), "its time zone and fraction of a second"},
        };

        for (size_t k = 0; k < HF_ARRAY_SIZE(checks); k++)
            if (checks[k].true_here) {
                n++;
                if (lost)
                    lost(opaque, v, checks[k].what);
            }
    }
    return n;
}
