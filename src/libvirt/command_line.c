/* SPDX-License-Identifier: BSD-2-Clause */
#include "command_line.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* A file node with that name among the "-blockdev '{...}'" arguments. libvirt quotes for a shell; a single quote inside
 * would end the JSON early and is then simply not found. */
static bool find_node(const char *line, const char *node, char path[PATH_MAX])
{
    static const char argument[] = "-blockdev '";

    for (const char *p = line; (p = strstr(p, argument));) {
        hf_auto(json_drop) json_t *json = NULL;
        const char *name, *file;

        p += sizeof argument - 1;
        json = json_loads(p, JSON_DISABLE_EOF_CHECK, NULL);
        name = json_string_value(json_object_get(json, "node-name"));
        file = json_string_value(json_object_get(json, "filename"));
        if (!name || !file || strcmp(name, node) || strlen(file) >= PATH_MAX)
            continue;
        memcpy(path, file, strlen(file) + 1);
        return true;
    }
    return false;
}

int hf_command_line_flash(const char *line, char code[PATH_MAX], char vars[PATH_MAX], bool *secure,
                          struct hf_error *err)
{
    char found[PATH_MAX];

    if (!find_node(line, "libvirt-pflash0-storage", found))
        return hf_error_set(err, HF_EPROTO, "libvirt's command line for the domain has no firmware in flash");
    memcpy(code, found, sizeof found);
    if (!find_node(line, "libvirt-pflash1-storage", vars))
        vars[0] = 0;
    *secure = strstr(line, "driver=cfi.pflash01,property=secure,value=on") != NULL;
    return 0;
}

/* ---- words ---- */

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || (*p == '\\' && p[1] == '\n'))
        p += *p == '\\' ? 2 : 1;
    return p;
}

/* Up to the space that ends it; NULL: a quote does not end. `to` has room for the rest of the line. */
static const char *take_word(const char *p, char *to)
{
    bool quoted = false;

    for (; *p && (quoted || !strchr(" \n\t", *p)); p++) {
        if (*p == '\'')
            quoted = !quoted;
        else if (*p == '\\' && !quoted && p[1])
            *to++ = *++p;
        else
            *to++ = *p;
    }
    *to = '\0';
    return quoted ? NULL : p;
}

int hf_command_line_words(const char *line, struct hf_words *ret, struct hf_error *err)
{
    hf_auto(hf_words_done) struct hf_words words = {0};
    hf_auto(hf_cleanup_free) char *word = malloc(strlen(line) + 1);

    if (!word)
        return hf_error_nomem(err);
    for (const char *p = skip_space(line); *p; p = skip_space(p)) {
        p = take_word(p, word);
        if (!p)
            return hf_error_set(err, HF_EPROTO, "libvirt's command line for the domain: a quote does not end");
        if (words.count || word[0] == '/' || !strchr(word, '='))
            hf_words_add(&words, word);
    }
    if (words.bad)
        return hf_error_nomem(err);
    if (!words.count)
        return hf_error_set(err, HF_EPROTO, "libvirt's command line for the domain names no program");
    *ret = words;
    words = (struct hf_words){0};
    return 0;
}
