/* SPDX-License-Identifier: BSD-2-Clause */
/* What a QEMU shows to firmware in a machine of the guest's shape, without running it. */
#ifndef HF_PROBE_LOOK_H
#define HF_PROBE_LOOK_H

#include "fwcfg_view.h"
#include "host_caps.h"
#include "machine_record.h"
#include "probe_machine.h"
#include "rom_names.h"

struct hf_probe_seen {
    struct hf_vmm_version version;
    struct hf_fwcfg_view *view;               /* hf_fwcfg_view_free() */
    char devices[HF_MACHINE_DEVICES_MAX + 1]; /* machine_devices.h; "": not known */
    struct hf_rom_names *roms; /* the caller's, or NULL: gets the files that the machine loads by a bare name */
};

/* `machine`'s banks read as zeros; *ret was zeroed by the caller (who may set `roms`). HF_EREFUSED "qemu": QEMU ended, with its own words;
 * HF_ENOTFOUND: no such program; HF_EPROTO, HF_ETIMEDOUT, HF_EIO, HF_ENOMEM. */
int hf_probe_look(const struct hf_probe_machine *machine, struct hf_probe_seen *ret, struct hf_error *err);

#endif
