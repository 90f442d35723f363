/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_auth_directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <holdfast/ucs2.h>

#include "auth2.h"
#include "cleanup.h"
#include "var_rule.h"
#include "whole_file.h"

#define SUFFIX ".auth"
enum { FILE_MAX = 256 << 10, STEM_MAX = 16 };

static bool is_update(const char *name)
{
    size_t length = strlen(name), suffix = sizeof SUFFIX - 1;

    return length > suffix && strcmp(name + length - suffix, SUFFIX) == 0;
}

static int choose(const struct dirent *entry)
{
    return is_update(entry->d_name);
}

bool hf_var_auth_directory_is(const char *path)
{
    struct dirent **list = NULL;
    int n = scandir(path, &list, choose, NULL);

    for (int i = 0; i < n; i++)
        free(list[i]);
    free((void *)list);
    return n > 0;
}

/* People write DB.auth and db.auth. */
static const struct hf_var_rule *rule_of(const char *name)
{
    size_t length = strlen(name) - (sizeof SUFFIX - 1);
    const struct hf_var_rule *rule;

    for (size_t i = 0; (rule = hf_var_rule_at(i)) != NULL; i++)
        if (rule->attributes & HF_VAR_TIME_AUTHENTICATED &&
            (rule->form == HF_FORM_KEY || rule->form == HF_FORM_SIGNATURES) && strlen(rule->name) == length &&
            strncasecmp(rule->name, name, length) == 0)
            return rule;
    return NULL;
}

int hf_var_auth_directory_find(const char *directory, const char *variable, char **path, struct hf_error *err)
{
    struct dirent **list = NULL;
    int n = scandir(directory, &list, choose, alphasort), r = 0;
    char *found = NULL;

    if (n < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", directory, strerror(errno));
    for (int i = 0; i < n; i++) {
        const struct hf_var_rule *rule = rule_of(list[i]->d_name);

        if (r == 0 && !found && rule && strcmp(rule->name, variable) == 0 &&
            asprintf(&found, "%s/%s", directory, list[i]->d_name) < 0)
            r = hf_error_nomem(err);
        free(list[i]);
    }
    free((void *)list);
    if (r == 0)
        *path = found;
    return r;
}

static int add(const char *directory, const char *name, struct hf_var_set *set, struct hf_error *err)
{
    const struct hf_var_rule *rule = rule_of(name);
    hf_auto(hf_cleanup_free) char *path = NULL;
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint8_t ucs2[2 * STEM_MAX];
    struct hf_auth2 update;
    struct hf_var var;
    uint64_t size;
    int r;

    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return hf_error_nomem(err);
    r = hf_file_read(path, FILE_MAX, &bytes, &size, err);
    if (r == 0)
        r = hf_auth2_open(bytes, (size_t)size, &update, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s: ", path);
    if (update.payload_size == 0)
        return 0;
    if (!rule)
        return hf_error_set(err, HF_EDAMAGED, "%s: called after no variable; PK.auth, KEK.auth, db.auth, dbx.auth are",
                            path);
    var = (struct hf_var){.guid = rule->vendor,
                          .attributes = rule->attributes,
                          .name = ucs2,
                          .name_size = (uint32_t)hf_ucs2_from_utf8(rule->name, ucs2, sizeof ucs2),
                          .data = update.payload,
                          .data_size = (uint32_t)update.payload_size};
    memcpy(var.time, update.time, sizeof var.time);
    if (hf_var_set_find(set, &var))
        return hf_error_set(err, HF_EDAMAGED, "%s: more than one file for variable %s", path, rule->name);
    r = hf_var_check(&var, NULL, 0, err);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", path) : hf_var_set_put(set, &var, err);
}

int hf_var_auth_directory_read(const char *path, struct hf_var_set *set, struct hf_error *err)
{
    hf_auto(hf_var_set_done) struct hf_var_set read = {0};
    struct dirent **list = NULL;
    int n = scandir(path, &list, choose, alphasort), r = 0;

    if (n < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = add(path, list[i]->d_name, &read, err);
        free(list[i]);
    }
    free((void *)list);
    if (r < 0)
        return r;
    hf_var_set_done(set);
    *set = read;
    read = (struct hf_var_set){0};
    return 0;
}
