/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_args.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/ucs2.h>
#include <holdfast/var_decode.h>

#include "cleanup.h"
#include "output.h"
#include "var_rule.h"
#include "whole_file.h"

#define DATA_MAX (256u << 10) /* more fits into no store */

char *hf_var_name_text(const struct hf_var *var)
{
    size_t room = (size_t)var->name_size / 2 * 3 + 1;
    char *text = (char *)malloc(room);

    if (text)
        (void)hf_ucs2_to_utf8(var->name, var->name_size, text, room);
    return text;
}

const char *hf_var_vendor_text(const struct hf_guid *guid, char text[HF_GUID_TEXT_SIZE])
{
    hf_guid_format(guid, text);
    return hf_guid_name(guid) ? hf_guid_name(guid) : text;
}

static bool is_hex(char c)
{
    return isxdigit((unsigned char)c);
}

/* How many variables have this name; *one is the last, *list their GUIDs. */
static unsigned with_name(const struct hf_var_source *source, const struct hf_var *key, const struct hf_var **one,
                          char *list, size_t list_size)
{
    size_t count, at = 0;
    const struct hf_var *vars = hf_var_source_vars(source, &count);
    unsigned n = 0;

    list[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char guid[HF_GUID_TEXT_SIZE];

        if (vars[i].name_size != key->name_size || memcmp(vars[i].name, key->name, key->name_size) != 0)
            continue;
        n++;
        *one = &vars[i];
        hf_guid_format(&vars[i].guid, guid);
        if (at + sizeof guid + 1 < list_size)
            at += (size_t)snprintf(list + at, list_size - at, " %s", guid);
    }
    return n;
}

int hf_var_key_find(const struct hf_invocation *inv, const struct hf_var_source *source, const char *name,
                    struct hf_var_key *key, const struct hf_var **var, struct hf_error *err)
{
    const struct hf_var_rule *rule = hf_var_rule_named(name);
    const char *guid = hf_value(inv, "guid");
    size_t room = 2 * (strlen(name) + 1), count;
    const struct hf_var *vars = hf_var_source_vars(source, &count), *one = NULL;
    char list[256];
    unsigned n;
    int size;

    *key = (struct hf_var_key){.bytes = (uint8_t *)malloc(room)};
    if (!key->bytes)
        return hf_error_nomem(err);
    size = name[0] ? hf_ucs2_from_utf8(name, key->bytes, room) : -HF_EUSAGE;
    if (size < 0)
        return hf_error_set(err, HF_EUSAGE, "'%s' cannot be a variable's name: it is empty or no UTF-8", name);
    key->var = (struct hf_var){.name = key->bytes, .name_size = (uint32_t)size};
    if (rule)
        key->var.guid = rule->vendor;
    if (guid) {
        if (hf_guid_parse(guid, strlen(guid), &key->var.guid) < 0)
            return hf_error_set(err, HF_EUSAGE, "--guid '%s': invalid; use a GUID, or a name that `vars list` shows",
                                guid);
        for (size_t i = 0; i < count; i++)
            if (hf_var_same_key(&vars[i], &key->var)) {
                *var = &vars[i];
                return 0;
            }
        return hf_error_set(err, HF_ENOTFOUND, "variable '%s' not found under %s", name, guid);
    }
    n = with_name(source, &key->var, &one, list, sizeof list);
    if (n > 1)
        return hf_error_set(err, HF_EUSAGE, "'%s' exists %u times; say which with --guid:%s", name, n, list);
    if (n == 1) {
        key->var.guid = one->guid;
        *var = one;
        return 0;
    }
    if (!rule)
        hf_var_key_done(key);
    if (strcmp(inv->verb->name, "vars set") != 0)
        return hf_error_set(err, HF_ENOTFOUND, "variable '%s' not found; 'holdfast vars list' shows all", name);
    return hf_error_set(err, HF_ENOTFOUND, "variable '%s' not found%s", name,
                        key->bytes ? "" : "; to make one, say whose it is with --guid");
}

int hf_var_attributes_parse(const char *text, uint32_t *attributes, struct hf_error *err)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } names[] = {{"NV", 1}, {"BS", 2}, {"RT", 4}, {"HR", 8}, {"AW", 0x10}, {"TA", 0x20}, {"EA", 0x80}};
    uint32_t bits = 0;
    const char *p = text;
    char *end;

    errno = 0;
    if (isdigit((unsigned char)*text)) {
        unsigned long n = strtoul(text, &end, 0);

        if (*end || errno || n > 0xFF)
            return hf_error_set(err, HF_EUSAGE, "--attributes '%s': invalid; use a number up to 0xff", text);
        *attributes = (uint32_t)n;
        return 0;
    }
    while (*p) {
        size_t n = strcspn(p, "+"), i = 0;

        while (i < HF_ARRAY_SIZE(names) && (n != 2 || strncasecmp(p, names[i].name, 2) != 0))
            i++;
        if (i == HF_ARRAY_SIZE(names))
            return hf_error_set(err, HF_EUSAGE,
                                "--attributes '%s': invalid; use NV, BS, RT, HR, AW, TA, EA with a plus "
                                "between them, or a number",
                                text);
        bits |= names[i].bit;
        p += n + (p[n] == '+');
    }
    *attributes = bits;
    return 0;
}

static int parse_hex(const char *text, uint8_t **data, uint32_t *size, struct hf_error *err)
{
    size_t n = strlen(text);
    uint8_t *out = (uint8_t *)malloc(n / 2 + 1);

    if (!out)
        return hf_error_nomem(err);
    for (size_t i = 0; i < n; i += 2) {
        char pair[3] = {text[i], i + 1 < n ? text[i + 1] : 'x', 0};

        if (!is_hex(pair[0]) || !is_hex(pair[1])) {
            free(out);
            return hf_error_set(err, HF_EUSAGE, "--data '%s': invalid; use pairs of hexadecimal digits", text);
        }
        out[i / 2] = (uint8_t)strtoul(pair, NULL, 16);
    }
    *data = out;
    *size = (uint32_t)(n / 2);
    return 0;
}

/* "0001,0000": numbers of boot options, as BootOrder and BootNext hold them. */
static int parse_order(const char *text, uint8_t **data, uint32_t *size, struct hf_error *err)
{
    uint8_t *out = (uint8_t *)malloc(strlen(text) + 2);
    uint32_t n = 0;

    if (!out)
        return hf_error_nomem(err);
    for (const char *p = text; *p;) {
        char *end;
        unsigned long value = strtoul(p, &end, 16);

        if (end != p + 4 || !is_hex(*p) || (*end && *end != ',')) {
            free(out);
            return hf_error_set(err, HF_EUSAGE,
                                "--order '%s': invalid; use four hexadecimal digits for each, with "
                                "commas: 0001,0000",
                                text);
        }
        out[n++] = (uint8_t)value;
        out[n++] = (uint8_t)(value >> 8);
        p = *end ? end + 1 : end;
    }
    *data = out;
    *size = n;
    return 0;
}

static int parse_ucs2(const char *text, uint8_t **data, uint32_t *size, struct hf_error *err)
{
    size_t room = 2 * (strlen(text) + 1);
    uint8_t *out = (uint8_t *)malloc(room);
    int n = out ? hf_ucs2_from_utf8(text, out, room) : -HF_ENOMEM;

    if (n < 0) {
        free(out);
        return hf_error_set(err, (enum hf_code) - n, "--ucs2: out of memory, or not valid UTF-8");
    }
    *data = out;
    *size = (uint32_t)n;
    return 0;
}

int hf_var_data_parse(const struct hf_invocation *inv, uint8_t **data, uint32_t *size, struct hf_error *err)
{
    const char *hex = hf_value(inv, "data"), *text = hf_value(inv, "text"), *ucs2 = hf_value(inv, "ucs2"),
               *order = hf_value(inv, "order"), *file = hf_value(inv, "file");
    uint64_t length;
    int r;

    if (!!hex + !!text + !!ucs2 + !!order + !!file != 1)
        return hf_error_set(err, HF_EUSAGE, "give the data with one of --data, --text, --ucs2, --order, --file");
    if (hex)
        return parse_hex(hex, data, size, err);
    if (order)
        return parse_order(order, data, size, err);
    if (ucs2)
        return parse_ucs2(ucs2, data, size, err);
    if (text) {
        *data = (uint8_t *)strdup(text);
        *size = (uint32_t)strlen(text);
        return *data ? 0 : hf_error_nomem(err);
    }
    r = hf_file_read(file, DATA_MAX, data, &length, err);
    if (r == 0)
        *size = (uint32_t)length;
    return r;
}

static void put_hex(json_t *object, const char *key, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    hf_auto(hf_cleanup_free) char *text = (char *)malloc(2 * size + 1);

    if (!text)
        return;
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
    hf_put_text(object, key, text);
}

void hf_var_put(json_t *object, const struct hf_var *var, bool data, bool reveal)
{
    hf_auto(hf_cleanup_free) char *name = hf_var_name_text(var);
    char guid[HF_GUID_TEXT_SIZE], text[32], meaning[2048];

    hf_guid_format(&var->guid, guid);
    hf_put_text(object, "name", name);
    hf_put_text(object, "guid", guid);
    hf_put_text(object, "vendor", hf_guid_name(&var->guid));
    hf_put_number(object, "attributes", var->attributes);
    hf_var_attributes_text(var->attributes, text);
    hf_put_text(object, "attributes_text", text);
    hf_put_number(object, "size", var->data_size);
    hf_var_time_text(var->time, text);
    hf_put_text(object, "time", text[0] ? text : NULL);
    hf_put_number(object, "count", (int64_t)var->count);
    hf_put_number(object, "key_index", var->key_index);
    hf_put_bool(object, "secret", hf_var_secret(var));
    hf_put_text(object, "meaning", hf_var_describe(var, meaning, sizeof meaning) ? meaning : NULL);
    if (data && (reveal || !hf_var_secret(var)))
        put_hex(object, "data", var->data, var->data_size);
}
