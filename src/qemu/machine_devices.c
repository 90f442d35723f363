/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_devices.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "device_tree.h"

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

/* A drive sits on a bus of its controller. */
static int on_device(void *ctx, const char *type, const char *controller, struct hf_error *err)
{
    char child[HF_DEVICE_TYPE_SIZE + 8], name[TYPE_MAX];

    if (!is_drive(type))
        return 0;
    (void)snprintf(child, sizeof child, "child<%s>", controller);
    if (!device_type(child, name))
        return 0;
    strcat(name, "/drive");
    add(ctx, name);
    return 0;
}

static int list_below(struct walk *w, const char *path, struct hf_error *err)
{
    hf_auto(json_drop) json_t *list = NULL;
    int r = hf_monitor_execute(w->monitor, "qom-list", json_pack("{s:s}", "path", path), &list, err);
    char type[TYPE_MAX];

    for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
        if (device_type(json_string_value(json_object_get(json_array_get(list, i), "type")), type))
            add(w, type);
    return r;
}

int hf_machine_devices(struct hf_monitor *m, char *list, size_t size, struct hf_error *err)
{
    static const char *const places[] = {"/machine/unattached", "/machine/peripheral", "/machine/peripheral-anon"};
    struct walk w = {.monitor = m, .list = list, .size = size};
    const struct hf_device_visitor visitor = {.device = on_device, .ctx = &w};
    int r = 0;

    list[0] = '\0';
    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(places); i++)
        r = list_below(&w, places[i], err);
    if (r == 0)
        r = hf_device_tree_ask(m, &visitor, err);
    if (r < 0 || w.full)
        list[0] = '\0';
    return r;
}
