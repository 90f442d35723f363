/* SPDX-License-Identifier: BSD-2-Clause */
#include "stubbing.h"

#include <stdio.h>
#include <string.h>

/* ---- what stays, a pair at a time ---- */

static int machine_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const not_ours[] = {"type",   "accel", "kernel-irqchip", "kernel_irqchip", "kernel", "initrd",
                                           "append", "dtb",   "firmware",       "pflash*",        "shim",   "dumpdtb",
                                           NULL};

    if (!hf_stands_in(key, not_ours))
        hf_stubbing_put(ctx, key, value);
    return 0;
}

/* By this property a device opens a file of the host's, some to write it, or reaches its hardware or network. */
static bool is_of_host(const char *property, const char *value)
{
    static const char *const all[] = {
        "pcap",     "rootdir",  "file",     "sdrfile", "frudatafile", "cdat",    "hidraw",    "evdev",
        "jsonfile", "sysfsdev", "vhostdev", "vhostfd", "fd",          "host_ip", "spdm_port", "wayland-socket-path",
        NULL};

    return hf_stands_in(property, all) || (!strcmp(property, "romfile") && strchr(value, '/'));
}

static int device_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const no_stub[] = {"vfio-*",
                                          "vhost-*",
                                          "usb-host",
                                          "usb-mtp",
                                          "tpm-*",
                                          "u2f-*",
                                          "canokey",
                                          "ccid-card-emulated",
                                          "ivshmem-doorbell",
                                          "virtio-input-host*",
                                          "virtio-gpu-gl*",
                                          "virtio-vga-gl*",
                                          "virtio-gpu-rutabaga*",
                                          "virtio-vga-rutabaga*",
                                          "loader",
                                          "guest-loader",
                                          "uefi-vars*",
                                          "hv-syndbg",
                                          "pvrdma",
                                          "x-vfio-user*",
                                          "x-pci-proxy-dev",
                                          NULL};
    static const char *const raw_disks[] = {"scsi-block", "scsi-generic", NULL};
    struct hf_stubbing *s = ctx;

    if (!strcmp(key, "driver")) {
        hf_stubbing_note_kind(s, value);
        s->drop = hf_stands_in(value, no_stub);
        hf_stubbing_put(s, key, hf_stands_in(value, raw_disks) ? "scsi-hd" : value);
    } else if (is_of_host(key, value)) {
        s->tell = true;
        if (!strcmp(key, "romfile"))
            hf_stubbing_put(s, key, ""); /* else it would have the one of its kind */
    } else if (!strchr(key, '.')) {
        hf_stubbing_put(s, key, value);
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

struct global {
    char property[64];
    bool is_path, drop;
};

/* "driver.property=value", or driver=...,property=...,value=... */
static int global_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    const char *dot = strchr(key, '.');
    struct global *g = ctx;

    if (dot && is_of_host(dot + 1, value))
        g->drop = true;
    if (!strcmp(key, "property"))
        snprintf(g->property, sizeof g->property, "%s", value);
    if (!strcmp(key, "value"))
        g->is_path = strchr(value, '/') != NULL;
    return 0;
}

static int boot_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    if (strcmp(key, "splash") != 0 && strcmp(key, "splash-time") != 0)
        hf_stubbing_put(ctx, key, value);
    return 0;
}

static int smbios_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_stubbing *s = ctx;

    s->drop = s->drop || !strcmp(key, "file");
    s->tell = s->tell || !strcmp(key, "path");
    if (strcmp(key, "path") != 0)
        hf_stubbing_put(s, key, value);
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
    if (!s->drop)
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

int hf_stub_global(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    struct global g = {.drop = false};
    int r = hf_option_text_each_as_is(text, NULL, global_pair, &g, err);

    if (r < 0)
        return hf_error_prefix(err, r, "-global: ");
    return g.drop || is_of_host(g.property, g.is_path ? "/" : "") ? hf_stub_leave_out(s, text, err)
                                                                  : hf_stub_keep(s, text, err);
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
    return !strcmp(property, "driver") || is_of_host(property, equal + 1) ? hf_stub_leave_out(s, text, err)
                                                                          : hf_stub_keep(s, text, err);
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
