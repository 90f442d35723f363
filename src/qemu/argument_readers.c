/* SPDX-License-Identifier: BSD-2-Clause */
#include "argument_options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "option_text.h"

/* ---- one pair at a time ---- */

static int refuse_firmware(const struct hf_argument_reading *r, const char *what, struct hf_error *err)
{
    return hf_error_refuse(
        err, "firmware",
        "-%s%s%s: the container defines the guest's firmware; remove it, or change the firmware with 'holdfast stage'",
        r->option, *what ? " " : "", what);
}

static int check_reserved(const struct hf_argument_reading *r, const char *key, const char *value, struct hf_error *err)
{
    const char *last = strrchr(key, '.');

    last = last ? last + 1 : key;
    if ((strcmp(last, "id") != 0 && strcmp(last, "node-name") != 0) || strncmp(value, "hf-", 3) != 0)
        return 0;
    return hf_error_refuse(err, "reserved", "-%s: name '%.60s' is reserved: holdfast uses names with 'hf-'", r->option,
                           value);
}

static int on_named_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    return check_reserved(ctx, key, value, err);
}

static int on_drive_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;

    if (!strcmp(key, "if") && !strcmp(value, "pflash"))
        return refuse_firmware(r, "if=pflash", err);
    return check_reserved(r, key, value, err);
}

static int on_device_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;

    if (!strcmp(key, "driver")) {
        if (!strncmp(value, "uefi-vars", 9))
            return hf_error_refuse(err, "uefi-vars",
                                   "-device %.60s: unsupported: QEMU's variable service has no flash; 'holdfast vars' "
                                   "reads and writes its JSON",
                                   value);
        if (!strncmp(value, "cfi.pflash", 10))
            return refuse_firmware(r, "cfi.pflash01", err);
        if (!strncmp(value, "tpm-", 4))
            r->args.tpm = true;
    }
    return check_reserved(r, key, value, err);
}

static const char *const confidential_objects[] = {"sev-guest", "sev-snp-guest", "tdx-guest", "s390-pv-guest",
                                                   "pef-guest", "rme-guest",     "igvm-cfg"};

static int refuse_confidential(const struct hf_argument_reading *r, const char *what, struct hf_error *err)
{
    return hf_error_refuse(err, "confidential",
                           "-%s %.60s: unsupported: a confidential guest's firmware is measured at launch and not in "
                           "flash; run it without holdfast",
                           r->option, what);
}

static int on_object_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;

    for (size_t i = 0; !strcmp(key, "qom-type") && i < HF_ARRAY_SIZE(confidential_objects); i++) {
        if (!strcmp(value, confidential_objects[i]))
            return refuse_confidential(r, value, err);
    }
    return check_reserved(r, key, value, err);
}

static int keep(const struct hf_argument_reading *r, char *to, const char *what, const char *value,
                struct hf_error *err)
{
    if (strlen(value) >= HF_MACHINE_NAME_MAX)
        return hf_error_set(err, HF_EUSAGE, "-%s: %s '%.40s...': too long; the limit is %d characters", r->option, what,
                            value, HF_MACHINE_NAME_MAX - 1);
    strcpy(to, value);
    return 0;
}

/* QEMU's words for a boolean; "auto" leaves it to the accelerator. */
static enum hf_switch switch_of(const char *value)
{
    static const char *const on[] = {"on", "yes", "true", "y"};

    if (!strcmp(value, "auto"))
        return HF_SWITCH_UNSET;
    for (size_t i = 0; i < HF_ARRAY_SIZE(on); i++) {
        if (!strcmp(value, on[i]))
            return HF_SWITCH_ON;
    }
    return HF_SWITCH_OFF;
}

static int on_machine_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;

    if (!strcmp(key, "type"))
        return keep(r, r->args.machine, "machine type", value, err);
    if (!strcmp(key, "accel"))
        return keep(r, r->args.accel, "accelerator", value, err);
    if (!strncmp(key, "pflash", 6) || !strcmp(key, "firmware"))
        return refuse_firmware(r, key, err);
    if (!strcmp(key, "confidential-guest-support") || !strcmp(key, "memory-encryption") || !strcmp(key, "igvm-cfg"))
        return refuse_confidential(r, key, err);
    if (!strcmp(key, "smm"))
        r->args.smm = switch_of(value);
    if (!strcmp(key, "memory-backend"))
        r->args.memory_named = true;
    return 0;
}

/* Without a unit -m means MiB, and -object bytes. */
static int on_memory_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;
    size_t n = strlen(value);
    bool has_unit = n > 0 && (value[n - 1] < '0' || value[n - 1] > '9');

    if (strcmp(key, "size") != 0)
        return 0;
    if (n + 1 >= HF_MEMORY_SIZE_MAX)
        return hf_error_set(err, HF_EUSAGE, "-m: size '%.40s': too long; the limit is %d characters", value,
                            HF_MEMORY_SIZE_MAX - 2);
    (void)snprintf(r->args.memory, sizeof r->args.memory, "%s%s", value, has_unit ? "" : "M");
    return 0;
}

static int on_numa_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;

    if (!strcmp(key, "memdev") || !strcmp(key, "mem"))
        r->args.memory_named = true;
    return 0;
}

static int on_accel_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;

    return strcmp(key, "accel") != 0 ? 0 : keep(r, r->args.accel, "accelerator", value, err);
}

static int on_action_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_arguments *a = &((struct hf_argument_reading *)ctx)->args;

    if (!strcmp(key, "reboot"))
        a->on_reboot = !strcmp(value, "shutdown") ? HF_REBOOT_SHUTS_DOWN : HF_REBOOT_RESETS;
    else if (!strcmp(key, "shutdown"))
        a->on_shutdown = !strcmp(value, "pause") ? HF_SHUTDOWN_PAUSES : HF_SHUTDOWN_POWERS_OFF;
    else if (!strcmp(key, "panic"))
        a->on_panic = !strcmp(value, "pause")          ? HF_PANIC_PAUSES
                      : !strcmp(value, "exit-failure") ? HF_PANIC_EXITS_FAILED
                      : !strcmp(value, "none")         ? HF_PANIC_NOTHING
                                                       : HF_PANIC_SHUTS_DOWN;
    return 0;
}

static int on_rtc_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    struct hf_argument_reading *r = ctx;

    return strcmp(key, "base") != 0 ? 0 : keep(r, r->args.clock, "base", value, err);
}

static int refuse_user(const struct hf_argument_reading *r, struct hf_error *err)
{
    return hf_error_refuse(err, "user",
                           "-%s: unsupported: QEMU could not reconnect to its flash after a pause; start holdfast as "
                           "that user, or in that root",
                           r->option);
}

static int on_run_with_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    return !strcmp(key, "user") || !strcmp(key, "chroot") ? refuse_user(ctx, err) : 0;
}

static int check_uuid(const struct hf_argument_reading *r, const char *value, struct hf_error *err)
{
    const char *own = r->guest->uuid;

    if (!own || !own[0] || !strcasecmp(own, value))
        return 0;
    return hf_error_refuse(
        err, "uuid",
        "-%s: UUID %.40s, but the container's guest is %s; remove it, or make another guest with 'holdfast clone'",
        r->option, value, own);
}

static int on_smbios_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    return strcmp(key, "uuid") != 0 ? 0 : check_uuid(ctx, value, err);
}

/* ---- one option at a time ---- */

#define READ_PAIRS(name, implied, fn)                                                                                  \
    static int name(struct hf_argument_reading *r, const char *text, struct hf_error *err)                             \
    {                                                                                                                  \
        int s = hf_option_text_each(text, implied, fn, r, err);                                                        \
                                                                                                                       \
        return s == -HF_EUSAGE ? hf_error_prefix(err, s, "-%s: ", r->option) : s;                                      \
    }
READ_PAIRS(read_named, NULL, on_named_pair)
READ_PAIRS(read_drive, NULL, on_drive_pair)
READ_PAIRS(read_device, "driver", on_device_pair)
READ_PAIRS(read_object, "qom-type", on_object_pair)
READ_PAIRS(read_machine_pairs, "type", on_machine_pair)
READ_PAIRS(read_accel, "accel", on_accel_pair)
READ_PAIRS(read_action, NULL, on_action_pair)
READ_PAIRS(read_rtc, NULL, on_rtc_pair)
READ_PAIRS(read_run_with, NULL, on_run_with_pair)
READ_PAIRS(read_smbios, NULL, on_smbios_pair)
READ_PAIRS(read_memory, "size", on_memory_pair)
READ_PAIRS(read_numa, "type", on_numa_pair)
#undef READ_PAIRS

static int read_machine(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    if (text[0] == '{')
        return hf_error_refuse(err, "machine", "-%s: JSON is not supported by QEMU here; write type,key=value",
                               r->option);
    return read_machine_pairs(r, text, err);
}

static int refuse_this(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    return refuse_firmware(r, "", err);
}

static int refuse_readconfig(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    return hf_error_refuse(
        err, "readconfig",
        "-readconfig: unsupported: its file could name other firmware; give its options as arguments");
}

static int refuse_detached(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    return hf_error_refuse(err, "daemonize", "-%s: unsupported: holdfast has to watch QEMU itself; remove it%s",
                           r->option, !strcmp(r->option, "daemonize") ? " and put holdfast into the background" : "");
}

static int read_mem_path(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    r->args.memory_named = true;
    return 0;
}

static int read_user(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    return refuse_user(r, err);
}

/* "driver.property=value", or driver=...,property=...,value=... */
static int on_global_pair(void *ctx, const char *key, const char *value, struct hf_error *err)
{
    if (strncmp(key, "cfi.pflash", 10) != 0 && (strcmp(key, "driver") != 0 || strncmp(value, "cfi.pflash", 10) != 0))
        return 0;
    return hf_error_refuse(err, "global", "-global %.60s: the container defines the flash; remove it",
                           strcmp(key, "driver") != 0 ? key : value);
}

static int read_global(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    return hf_option_text_each(text, NULL, on_global_pair, r, err);
}

/* group.id.argument=value */
static int read_set(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    const char *id = strchr(text, '.'), *value = strchr(text, '=');

    if (id && !strncmp(id + 1, "hf-", 3))
        return hf_error_refuse(err, "reserved", "-set %.60s: reserved: holdfast uses names with 'hf-'", text);
    if (value && value - text >= 3 && !strncmp(value - 3, ".if", 3) && !strcmp(value + 1, "pflash"))
        return refuse_firmware(r, "if=pflash", err);
    return 0;
}

static int read_uuid(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    r->args.uuid = true;
    return check_uuid(r, text, err);
}

static int read_incoming(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    r->args.incoming = text;
    return 0;
}

static int read_loadvm(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    r->args.loadvm = text;
    return 0;
}

static int read_flag(struct hf_argument_reading *r, const char *text, struct hf_error *err)
{
    struct hf_arguments *a = &r->args;

    if (!strcmp(r->option, "S"))
        a->paused = true;
    else if (!strcmp(r->option, "snapshot"))
        a->snapshot = true;
    else if (!strcmp(r->option, "no-reboot"))
        a->on_reboot = HF_REBOOT_SHUTS_DOWN;
    else if (!strcmp(r->option, "no-shutdown"))
        a->on_shutdown = HF_SHUTDOWN_PAUSES;
    else if (!strcmp(r->option, "enable-kvm"))
        strcpy(a->accel, "kvm");
    else
        a->only_asks = true;
    return 0;
}

static const struct hf_argument_option readers[] = {
    {"bios", true, refuse_this},
    {"pflash", true, refuse_this},
    {"drive", true, read_drive},
    {"set", true, read_set},
    {"machine", true, read_machine},
    {"M", true, read_machine},
    {"accel", true, read_accel},
    {"enable-kvm", false, read_flag},
    {"global", true, read_global},
    {"readconfig", true, refuse_readconfig},
    {"daemonize", false, refuse_detached},
    {"preconfig", false, refuse_detached},
    {"runas", true, read_user},
    {"chroot", true, read_user},
    {"run-with", true, read_run_with},
    {"uuid", true, read_uuid},
    {"smbios", true, read_smbios},
    {"device", true, read_device},
    {"object", true, read_object},
    {"blockdev", true, read_named},
    {"chardev", true, read_named},
    {"netdev", true, read_named},
    {"mon", true, read_named},
    {"action", true, read_action},
    {"no-reboot", false, read_flag},
    {"no-shutdown", false, read_flag},
    {"S", false, read_flag},
    {"snapshot", false, read_flag},
    {"incoming", true, read_incoming},
    {"loadvm", true, read_loadvm},
    {"m", true, read_memory},
    {"mem-path", true, read_mem_path},
    {"numa", true, read_numa},
    {"h", false, read_flag},
    {"help", false, read_flag},
    {"version", false, read_flag},
    {"audio-help", false, read_flag},
    {"rtc", true, read_rtc},
};

const struct hf_argument_option *hf_argument_reader(const char *name)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(readers); i++) {
        if (!strcmp(readers[i].name, name))
            return &readers[i];
    }
    return NULL;
}
