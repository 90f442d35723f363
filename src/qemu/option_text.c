/* SPDX-License-Identifier: BSD-2-Clause */
#include "option_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"

#define DEPTH_MAX 16

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static void dashes(char *key)
{
    for (; *key; key++) {
        if (*key == '_')
            *key = '-';
    }
}

/* Ends the part at `text` (",," stays in it as one comma) in place and returns where the next begins, or NULL. */
static char *cut_part(char *text)
{
    char *to = text;

    for (;; text++) {
        if (*text == ',' && text[1] == ',')
            text++;
        else if (*text == ',' || *text == '\0')
            break;
        *to++ = *text;
    }
    bool more = *text == ',';
    *to = '\0';
    return more ? text + 1 : NULL;
}

static int each_part(char *text, const char *implied, bool as_is, hf_option_pair_fn *fn, void *ctx,
                     struct hf_error *err)
{
    for (char *next; text; text = next, implied = NULL) {
        char *value;
        int r;
        next = cut_part(text);
        value = strchr(text, '=');
        if (value)
            *value++ = '\0';
        if (!value && implied) {
            r = fn(ctx, implied, text, err);
        } else {
            if (!as_is)
                dashes(text);
            r = *text ? fn(ctx, text, value ? value : "on", err) : 0;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int each_member(const char *prefix, const json_t *json, unsigned depth, bool as_is, hf_option_pair_fn *fn,
                       void *ctx, struct hf_error *err);

static int one_member(const char *key, const json_t *value, unsigned depth, bool as_is, hf_option_pair_fn *fn,
                      void *ctx, struct hf_error *err)
{
    char number[32];

    if (json_is_object(value) || json_is_array(value))
        return each_member(key, value, depth + 1, as_is, fn, ctx, err);
    if (json_is_string(value))
        return fn(ctx, key, json_string_value(value), err);
    if (json_is_boolean(value))
        return fn(ctx, key, json_is_true(value) ? "on" : "off", err);
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    return fn(ctx, key, json_is_integer(value) ? number : "", err);
}

static int one_named(const char *prefix, const char *name, const json_t *value, unsigned depth, bool as_is,
                     hf_option_pair_fn *fn, void *ctx, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *key = NULL;

    if (asprintf(&key, "%s%s%s", prefix, *prefix ? "." : "", name) < 0)
        return hf_error_nomem(err);
    if (!as_is)
        dashes(key);
    return one_member(key, value, depth, as_is, fn, ctx, err);
}

static int each_member(const char *prefix, const json_t *json, unsigned depth, bool as_is, hf_option_pair_fn *fn,
                       void *ctx, struct hf_error *err)
{
    const char *name;
    json_t *value;
    int r = 0;

    if (depth > DEPTH_MAX)
        return hf_error_set(err, HF_EUSAGE, "JSON nested too deep; the limit is %d", DEPTH_MAX);
    for (size_t i = 0; r == 0 && i < json_array_size(json); i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        r = one_named(prefix, index, json_array_get(json, i), depth, as_is, fn, ctx, err);
    }
    if (r < 0 || !json_is_object(json))
        return r;
    json_object_foreach((json_t *)json, name, value) {
        r = one_named(prefix, name, value, depth, as_is, fn, ctx, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int each(const char *text, const char *implied, bool as_is, hf_option_pair_fn *fn, void *ctx,
                struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *copy = NULL;

    if (text[0] == '{') {
        json_error_t why;
        hf_auto(json_drop) json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
        if (!json)
            return hf_error_set(err, HF_EUSAGE, "invalid JSON: %s", why.text);
        return each_member("", json, 0, as_is, fn, ctx, err);
    }
    copy = strdup(text);
    if (!copy)
        return hf_error_nomem(err);
    return each_part(copy, implied, as_is, fn, ctx, err);
}

int hf_option_text_each(const char *text, const char *implied, hf_option_pair_fn *fn, void *ctx, struct hf_error *err)
{
    return each(text, implied, false, fn, ctx, err);
}

int hf_option_text_each_as_is(const char *text, const char *implied, hf_option_pair_fn *fn, void *ctx,
                              struct hf_error *err)
{
    return each(text, implied, true, fn, ctx, err);
}
