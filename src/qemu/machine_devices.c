/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_devices.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define TYPE_MAX 64

struct walk {
    struct hf_monitor *monitor;
    char *list;
    size_t size, used;
    bool full;
};

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* "child<ich9-ahci>" into "ich9-ahci"; false for what is no device's type. */
static bool device_type(const char *property_type, char type[TYPE_MAX])
{
    static const char *const no_devices[] = {"irq", "container", "memory-region"};
    size_t n;

    if (!property_type || strncmp(property_type, "child<", 6) != 0)
        return false;
    property_type += 6;
    n = strspn(property_type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+");
    if (n == 0 || n >= TYPE_MAX - sizeof "/drive" || strcmp(property_type + n, ">") != 0)
        return false;
    (void)snprintf(type, TYPE_MAX, "%.*s", (int)n, property_type);
    for (size_t i = 0; i < HF_ARRAY_SIZE(no_devices); i++)
        if (!strcmp(type, no_devices[i]))
            return false;
    return true;
}

static void add(struct walk *w, const char *type)
{
    size_t n = strlen(type);

    for (const char *at = w->list; *at; at += strcspn(at, " ") + 1)
        if (strncmp(at, type, n) == 0 && at[n] == ' ')
            return;
    if (w->used + n + 2 > w->size) {
        w->full = true;
        return;
    }
    w->used += (size_t)snprintf(w->list + w->used, w->size - w->used, "%s ", type);
}

static bool is_drive(const char *type)
{
    static const char *const drives[] = {"ide-hd", "ide-cd", "scsi-hd", "scsi-cd"};

    for (size_t i = 0; i < HF_ARRAY_SIZE(drives); i++)
        if (!strcmp(drives[i], type))
            return true;
    return false;
}

static int get_text(struct walk *w, const char *path, const char *property, char *text, size_t size,
                    struct hf_error *err)
{
    hf_auto(json_drop) json_t *value = NULL;
    int r = hf_monitor_execute(w->monitor, "qom-get", json_pack("{s:s, s:s}", "path", path, "property", property),
                               &value, err);

    if (r == 0)
        (void)snprintf(text, size, "%s", json_is_string(value) ? json_string_value(value) : "");
    return r;
}

/* The drive sits on a bus, which is a child of its controller: /machine/unattached/device[20]/ide.2 */
static int add_controller(struct walk *w, const char *drive, struct hf_error *err)
{
    char bus[512], type[TYPE_MAX], child[TYPE_MAX + 8];
    char *end;
    int r = get_text(w, drive, "parent_bus", bus, sizeof bus, err);

    end = r == 0 ? strrchr(bus, '/') : NULL;
    if (!end)
        return r;
    *end = '\0';
    r = get_text(w, bus, "type", type, sizeof type, err);
    if (r < 0)
        return r;
    (void)snprintf(child, sizeof child, "child<%s>", type);
    if (!device_type(child, type))
        return 0;
    strcat(type, "/drive");
    add(w, type);
    return 0;
}

static int walk_below(struct walk *w, const char *path, struct hf_error *err)
{
    hf_auto(json_drop) json_t *list = NULL;
    int r = hf_monitor_execute(w->monitor, "qom-list", json_pack("{s:s}", "path", path), &list, err);
    char type[TYPE_MAX], drive[512];

    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(entry, "name"));

        if (!name || !device_type(json_string_value(json_object_get(entry, "type")), type))
            continue;
        add(w, type);
        if (is_drive(type) && (size_t)snprintf(drive, sizeof drive, "%s/%s", path, name) < sizeof drive)
            r = add_controller(w, drive, err);
    }
    return r;
}

int hf_machine_devices(struct hf_monitor *m, char *list, size_t size, struct hf_error *err)
{
    static const char *const places[] = {"/machine/unattached", "/machine/peripheral", "/machine/peripheral-anon"};
    struct walk w = {.monitor = m, .list = list, .size = size};
    int r = 0;

    list[0] = '\0';
    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(places); i++)
        r = walk_below(&w, places[i], err);
    if (r < 0 || w.full)
        list[0] = '\0';
    return r;
}
