/* SPDX-License-Identifier: BSD-2-Clause */
#include "argument_options.h"

#include <string.h>

/* Options of QEMU 7.2 to 11.1 in which nothing matters: they are here so that their arguments are known to be
 * arguments. */
static const char *const with_argument[] = {
    "add-fd",
    "acpitable",
    "append",
    "audio",
    "audiodev",
    "balloon",
    "boot",
    "cdrom",
    "compat",
    "cpu",
    "d",
    "D",
    "debugcon",
    "dfilter",
    "display",
    "dtb",
    "dump-vmstate",
    "echr",
    "fda",
    "fdb",
    "fsdev",
    "fw_cfg",
    "gdb",
    "hda",
    "hdb",
    "hdc",
    "hdd",
    "icount",
    "initrd",
    "iscsi",
    "k",
    "kernel",
    "L",
    "monitor",
    "msg",
    "mtdblock",
    "name",
    "net",
    "nic",
    "option-rom",
    "overcommit",
    "parallel",
    "pidfile",
    "plugin",
    "prom-env",
    "qmp",
    "qmp-pretty",
    "qtest",
    "qtest-log",
    "rotate",
    "sandbox",
    "sd",
    "seed",
    "semihosting-config",
    "serial",
    "shim",
    "smp",
    "soundhw",
    "spice",
    "tb-size",
    "tpmdev",
    "trace",
    "usbdevice",
    "vga",
    "virtfs",
    "vnc",
    "watchdog",
    "watchdog-action",
    "writeconfig",
    "xen-domid",
    NULL,
};

static const char *const without[] = {
    "async-teardown",
    "enable-fips",
    "enable-sync-profile",
    "full-screen",
    "jitdump",
    "mem-prealloc",
    "no-acpi",
    "no-fd-bootchk",
    "no-hpet",
    "no-user-config",
    "nodefaults",
    "nographic",
    "old-param",
    "one-insn-per-tb",
    "only-migratable",
    "perfmap",
    "portrait",
    "s",
    "semihosting",
    "singlestep",
    "usb",
    "win2k-hack",
    "xen-attach",
    "xen-domid-restrict",
    NULL,
};

static bool is_one_of(const char *name, const char *const *list)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

bool hf_argument_option(const char *name, struct hf_argument_option *ret)
{
    const struct hf_argument_option *reader = hf_argument_reader(name);
    struct hf_argument_option plain = {.name = name, .argument = is_one_of(name, with_argument)};

    if (reader)
        plain = *reader;
    else if (!plain.argument && !is_one_of(name, without))
        return false;
    *ret = plain;
    return true;
}

bool hf_arguments_knows(const char *option, bool *takes_argument)
{
    struct hf_argument_option found;
    bool known = hf_argument_option(option, &found);

    if (known)
        *takes_argument = found.argument;
    return known;
}
