/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom_names.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define QOM_NODES_MAX 8192U

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* ---- names ---- */

/* A bare file name as the container takes it; a path is not ours. */
static bool is_bare_name(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n < HF_ROM_NAME_SIZE && name[0] != '.' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

static int add_name(struct hf_rom_names *names, const char *name, struct hf_error *err)
{
    if (!is_bare_name(name))
        return 0;
    for (size_t i = 0; i < names->count; i++) {
        if (!strcmp(names->name[i], name))
            return 0;
    }
    if (names->count == HF_ROMS_MAX)
        return hf_error_refuse(err, "roms", "too many ROMs; the limit is %d", HF_ROMS_MAX);
    strcpy(names->name[names->count++], name);
    return 0;
}

/* Lines such as: fw=genroms/kvmvapic.bin size=0x002400 name="kvmvapic.bin" */
static int parse_line(const char *line, size_t size, struct hf_rom_names *names, struct hf_error *err)
{
    static const char *const kinds[] = {"fw=genroms/", "fw=vgaroms/"};
    char name[HF_ROM_NAME_SIZE];

    for (size_t i = 0; i < HF_ARRAY_SIZE(kinds); i++) {
        size_t head = strlen(kinds[i]), end;
        if (size <= head || strncmp(line, kinds[i], head) != 0)
            continue;
        end = strcspn(line + head, " \n");
        if (end >= sizeof name)
            return 0;
        memcpy(name, line + head, end);
        name[end] = '\0';
        return add_name(names, name, err);
    }
    return 0;
}

int hf_rom_names_parse(const char *text, struct hf_rom_names *names, struct hf_error *err)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        int r = parse_line(text, size, names, err);
        if (r < 0)
            return r;
        text += size + (text[size] == '\n');
    }
    return 0;
}

/* ---- what the machine has ---- */

struct walk {
    struct hf_monitor *monitor;
    struct hf_rom_names *names;
    unsigned nodes;
};

static int look_at_rom_property(struct walk *w, const char *path, struct hf_error *err)
{
    hf_auto(json_drop) json_t *value = NULL;
    int r = hf_monitor_execute(w->monitor, "qom-get", json_pack("{s:s, s:s}", "path", path, "property", "romfile"),
                               &value, err);

    if (r < 0)
        return r;
    return json_is_string(value) ? add_name(w->names, json_string_value(value), err) : 0;
}

/* The devices lie at most two levels below /machine (peripheral, peripheral-anon, unattached, the board's own). */
static int walk_below(struct walk *w, const char *path, unsigned levels, struct hf_error *err)
{
    hf_auto(json_drop) json_t *list = NULL;
    int r = hf_monitor_execute(w->monitor, "qom-list", json_pack("{s:s}", "path", path), &list, err);

    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(entry, "name"));
        const char *type = json_string_value(json_object_get(entry, "type"));
        char child[512];
        if (!name || !type || strchr(name, '/') || ++w->nodes > QOM_NODES_MAX)
            return hf_error_set(err, HF_EPROTO, "QMP qom-list %s: not a list of properties, or too long", path);
        if (!strcmp(name, "romfile"))
            r = look_at_rom_property(w, path, err);
        else if (levels && !strncmp(type, "child<", 6) && strcmp(type, "child<irq>") != 0 &&
                 strcmp(type, "child<memory-region>") != 0 &&
                 (size_t)snprintf(child, sizeof child, "%s/%s", path, name) < sizeof child)
            r = walk_below(w, child, levels - 1, err);
    }
    return r;
}

int hf_machine_roms_loaded(struct hf_monitor *m, struct hf_rom_names *out, struct hf_error *err)
{
    hf_auto(json_drop) json_t *roms = NULL;
    struct hf_rom_names names = {0};
    struct walk w = {.monitor = m, .names = &names};
    int r = hf_monitor_execute(m, "x-query-roms", NULL, &roms, err);
    const char *text = json_string_value(json_object_get(roms, "human-readable-text"));

    if (r < 0)
        return r;
    if (!text)
        return hf_error_set(err, HF_EPROTO, "QMP x-query-roms: no text in the answer");
    r = hf_rom_names_parse(text, &names, err);
    if (r == 0)
        r = walk_below(&w, "/machine", 2, err);
    if (r == 0)
        *out = names;
    return r;
}
