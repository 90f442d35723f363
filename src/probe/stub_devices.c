/* SPDX-License-Identifier: BSD-2-Clause */
#include "stubbing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stub_allowed.h"

/* ---- what stays, a pair at a time ---- */

static int machine_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const not_ours[] = {"type", "accel",   "kernel-irqchip", "kernel", "initrd",  "append",
                                           "dtb",  "dumpdtb", "firmware",       "shim",   "pflash*", NULL};
    struct hf_stubbing *s = ctx;
    char name[64];

    snprintf(name, sizeof name, "%s", key);
    for (char *p = name; *p; p++) /* QEMU knows both spellings */
        *p = *p == '_' ? '-' : *p;
    if (hf_stub_switch_allowed(name))
        hf_stubbing_put(s, name, value);
    else if (!hf_stands_in(name, not_ours))
        hf_stubbing_omit(s, key);
    return 0;
}

static int device_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const raw_disks[] = {"scsi-block", "scsi-generic", NULL};
    struct hf_stubbing *s = ctx;

    if (!strcmp(key, "driver")) {
        const char *driver = hf_stands_in(value, raw_disks) ? "scsi-hd" : value;

        hf_stubbing_note_kind(s, value);
        s->drop = s->drop || !hf_stub_device_allowed(driver);
        hf_stubbing_put(s, key, driver);
    } else if (hf_stub_property_allowed(key, value)) {
        hf_stubbing_put(s, key, value);
    } else {
        hf_stubbing_omit(s, key);
        if (!strcmp(key, "romfile"))
            hf_stubbing_put(s, key, ""); /* else it would have the one of its kind */
    }
    return 0;
}

static int object_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const kept[] = {"memory-backend-*", "rng-*",          "iothread", "throttle-group",
                                       "cryptodev-*",      "acpi-generic-*", "can-bus",  NULL};
    static const char *const silent[] = {"secret*", "tls-*", "authz-*", "filter-*", "input-*", "thread-context", NULL};
    static const char *const of_memory[] = {"id", "size", "x-use-canonical-path-for-ramblock-id", NULL};
    static const char *const of_others[] = {"id", "pci-dev", "node", "cpu", NULL};
    struct hf_stubbing *s = ctx;
    bool memory = !strncmp(s->kind, "memory-backend-", 15);

    if (!strcmp(key, "qom-type")) {
        hf_stubbing_note_kind(s, value);
        s->drop = !hf_stands_in(value, kept);
        if (hf_stands_in(value, silent))
            s->kind[0] = '\0';
        hf_stubbing_put(s, key,
                        !strncmp(value, "memory-backend-", 15) ? "memory-backend-ram"
                        : !strncmp(value, "rng-", 4)           ? "rng-builtin"
                        : !strncmp(value, "cryptodev-", 10)    ? "cryptodev-backend-builtin"
                                                               : value);
    } else if (hf_stands_in(key, memory ? of_memory : of_others)) {
        hf_stubbing_put(s, key, value);
    }
    return 0;
}

static int boot_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const kept[] = {"order", "once", "menu", "strict", "reboot-timeout", NULL};

    if (hf_stands_in(key, kept))
        hf_stubbing_put(ctx, key, value);
    return 0;
}

static int smbios_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_stubbing *s = ctx;

    s->drop = s->drop || !strcmp(key, "file");
    if (hf_stub_smbios_allowed(key))
        hf_stubbing_put(s, key, value);
    else
        hf_stubbing_omit(s, key);
    return 0;
}

static int fw_cfg_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_stubbing *s = ctx;

    s->drop = s->drop || !strcmp(key, "gen_id");
    if (!strcmp(key, "name")) {
        hf_stubbing_note_kind(s, value);
        hf_stubbing_put(s, key, value);
    }
    return 0;
}

/* ---- what stays, an option at a time ---- */

int hf_stub_machine(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    s->option = "machine";
    return hf_stubbing_rebuild(s, text, "type", machine_pair, err);
}

int hf_stub_device(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    return hf_stubbing_rebuild(s, text, "driver", device_pair, err);
}

int hf_stub_object(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, "qom-type", object_pair, s, err);

    if (r < 0)
        return hf_error_prefix(err, r, "-object: ");
    if (!s->drop && s->size)
        hf_stubbing_emit(s, "object", s->text);
    else if (s->kind[0])
        hf_stubbing_tell(s, s->kind);
    return 0;
}

int hf_stub_boot(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    return hf_stubbing_rebuild(s, text, "order", boot_pair, err);
}

int hf_stub_smbios(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    return hf_stubbing_rebuild(s, text, NULL, smbios_pair, err);
}

int hf_stub_fw_cfg(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, "name", fw_cfg_pair, s, err);

    hf_stubbing_put(s, "string", "stub");
    if (r == 0 && s->drop)
        hf_stubbing_tell(s, s->kind);
    else if (r == 0)
        hf_stubbing_emit(s, "fw_cfg", s->text);
    return r;
}

struct global {
    char driver[64], property[64];
    char *value;
};

static int global_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct global *g = ctx;

    if (!strcmp(key, "driver"))
        snprintf(g->driver, sizeof g->driver, "%s", value);
    else if (!strcmp(key, "property"))
        snprintf(g->property, sizeof g->property, "%s", value);
    else if (!strcmp(key, "value")) {
        free(g->value);
        g->value = strdup(value);
    }
    return 0;
}

/* "driver.property=value", whose value may hold commas, or driver=...,property=...,value=...: what is written is always
 * the second, so that QEMU cannot read something else in it. */
int hf_stub_global(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    struct global g = {.value = NULL};
    size_t driver = strcspn(text, ".="), property = strcspn(text + driver, "=");
    int r = 0;

    if (text[driver] == '.' && text[driver + property] == '=') {
        snprintf(g.driver, sizeof g.driver, "%.*s", (int)driver, text);
        snprintf(g.property, sizeof g.property, "%.*s", (int)property - 1, text + driver + 1);
        g.value = strdup(text + driver + property + 1);
    } else {
        r = hf_option_text_each_as_is(text, NULL, global_pair, &g, err);
    }
    if (r < 0)
        return hf_error_prefix(err, r, "-global: ");
    if (!g.driver[0] || !g.value || !hf_stub_property_allowed(g.property, g.value)) {
        snprintf(s->kind, sizeof s->kind, "%.30s.%.30s", g.driver, g.property);
        s->drop = true;
    }
    hf_stubbing_put(s, "driver", g.driver);
    hf_stubbing_put(s, "property", g.property);
    hf_stubbing_put(s, "value", g.value ? g.value : "");
    free(g.value);
    hf_stubbing_finish(s);
    return 0;
}

/* device.ID.property=value. Its driver was looked at where the device is. */
int hf_stub_set(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    static const char device[] = "device.";
    const char *id = text + strlen(device), *equal = strchr(text, '='), *id_end;
    char property[64];

    if (!equal || strncmp(text, device, strlen(device)))
        return 0;
    id_end = memchr(id, '.', (size_t)(equal - id));
    if (!id_end)
        return 0;
    snprintf(property, sizeof property, "%.*s", (int)(equal - id_end - 1), id_end + 1);
    return hf_stub_property_allowed(property, equal + 1) ? hf_stub_keep(s, text, err) : hf_stub_leave_out(s, text, err);
}

int hf_stub_cpu(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    bool hosts = !strncmp(text, "host", 4) && (text[4] == ',' || text[4] == '\0');
    size_t n = strcspn(text, ",");

    hf_stubbing_emit(s, "cpu", NULL); /* without its features: software emulation may lack them */
    hf_words_addf(&s->stub.words, "%.*s", hosts ? 3 : (int)n, hosts ? "max" : text);
    return 0;
}

int hf_stub_usbdevice(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    static const char *const plain[] = {"tablet", "mouse", "keyboard", "wacom-tablet", NULL};

    if (!hf_stands_in(text, plain))
        return hf_stub_leave_out(s, text, err);
    return hf_stub_keep(s, text, err);
}
