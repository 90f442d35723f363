/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which ROM files a machine loaded from QEMU's data directories: option ROMs of PCI devices (their property `romfile`)
 * and what stands in fw_cfg (`info roms`). QEMU's answers are hostile; a name is a bare file name or is left out.
 */
#ifndef HF_ROM_NAMES_H
#define HF_ROM_NAMES_H

#include "monitor.h"
#include "roms.h"

struct hf_rom_names {
    char name[HF_ROMS_MAX][HF_ROM_NAME_SIZE];
    size_t count;
};

/* The names out of `info roms` (x-query-roms), added to those already in `names`. HF_EREFUSED "roms": too many. */
int hf_rom_names_parse(const char *text, struct hf_rom_names *names, struct hf_error *err);

/* What the machine behind this monitor loaded. HF_EPROTO, HF_EREFUSED "roms", and what the monitor fails with. */
int hf_machine_roms_loaded(struct hf_monitor *m, struct hf_rom_names *out, struct hf_error *err);

#endif
