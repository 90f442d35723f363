/* SPDX-License-Identifier: BSD-2-Clause */
#include "command_line.h"

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
