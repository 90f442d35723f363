/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom_names.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "device_tree.h"

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

static int on_romfile(void *ctx, const char *name, struct hf_error *err)
{
    return add_name(ctx, name, err);
}

int hf_machine_roms_loaded(struct hf_monitor *m, struct hf_rom_names *out, struct hf_error *err)
{
    hf_auto(json_drop) json_t *roms = NULL;
    struct hf_rom_names names = {0};
    const struct hf_device_visitor visitor = {.romfile = on_romfile, .ctx = &names};
    int r = hf_monitor_execute(m, "x-query-roms", NULL, &roms, err);
    const char *text = json_string_value(json_object_get(roms, "human-readable-text"));

    if (r < 0)
        return r;
    if (!text)
        return hf_error_set(err, HF_EPROTO, "QMP x-query-roms: no text in the answer");
    r = hf_rom_names_parse(text, &names, err);
    if (r == 0)
        r = hf_device_tree_ask(m, &visitor, err);
    if (r == 0)
        *out = names;
    return r;
}
