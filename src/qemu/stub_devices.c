/* SPDX-License-Identifier: BSD-2-Clause */
#include "stubbing.h"

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

static int device_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    static const char *const no_stub[] = {
        "vfio-*", "vhost-*",      "usb-host",           "tpm-*",        "ivshmem-doorbell", "virtio-input-host*",
        "loader", "guest-loader", "ccid-card-emulated", "virtio-*-gl*", "x-vfio-user*",     NULL};
    static const char *const raw_disks[] = {"scsi-block", "scsi-generic", NULL};
    struct hf_stubbing *s = ctx;

    if (!strcmp(key, "driver")) {
        hf_stubbing_note_kind(s, value);
        s->drop = hf_stands_in(value, no_stub);
        hf_stubbing_put(s, key, hf_stands_in(value, raw_disks) ? "scsi-hd" : value);
    } else if (!strcmp(key, "romfile") && strchr(value, '/')) {
        s->tell = true; /* the owner's own file, which is not here as a rule */
        hf_stubbing_put(s, key, "");
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

int hf_stub_set(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    if (!strncmp(text, "device.", 7) && !strstr(text, ".romfile="))
        hf_stubbing_emit(s, "set", text);
    return 0;
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
