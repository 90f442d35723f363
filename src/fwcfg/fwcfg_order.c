/* SPDX-License-Identifier: BSD-2-Clause */
/* The directory's order on machine types until 2.5, where a file's place was its name's rank in QEMU's table. */
#include "fwcfg_internal.h"

static const struct {
    const char *name;
    uint16_t rank;
} ranks[] = {
    {"etc/boot-menu-wait", 10},
    {"bootsplash.jpg", 11},
    {"bootsplash.bmp", 12},
    {"etc/boot-fail-wait", 15},
    {"etc/smbios/smbios-tables", 20},
    {"etc/smbios/smbios-anchor", 30},
    {"etc/e820", 40},
    {"etc/reserved-memory-end", 50},
    {"genroms/kvmvapic.bin", 55},
    {"genroms/linuxboot.bin", 60},
    /* 70: VGA ROMs, 80: network ROMs, 110: what devices add; all by the item's own rank */
    {"etc/system-states", 90},
    /* 100: what the user adds */
    {"etc/extra-pci-roots", 120},
    {"etc/acpi/tables", 130},
    {"etc/table-loader", 140},
    {"etc/tpm/log", 150},
    {"etc/acpi/rsdp", 160},
    {"bootorder", 170},
    {"etc/msr_feature_control", 180},
};

uint16_t hf_fwcfg_legacy_rank(const char *name)
{
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++)
        if (strlen(ranks[i].name) == strlen(name) && memcmp(ranks[i].name, name, strlen(name)) == 0)
            return ranks[i].rank;
    return 200;
}
