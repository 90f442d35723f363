/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ROMs of a machine belong to its guest too (L1): option ROMs and VGA BIOSes that QEMU loads from its data
 * directories by a bare file name. What a machine loaded is found over QMP while it is still stopped, recorded in the
 * container once, and from then on QEMU finds the recorded files first. With `set roms=host` they are the host's: QEMU
 * finds its own, and those of the last start are recorded.
 *
 * A ROM that the owner's arguments name by a path (romfile=/x/y.rom, -option-rom dir/z) is the owner's own, as a disk
 * is: it is neither recorded nor replaced. Nor is one of a device that was plugged in later, until the next start: QEMU
 * has no event for it, and at that start the device is in the arguments or gone.
 */
#ifndef HF_MACHINE_ROMS_H
#define HF_MACHINE_ROMS_H

#include <time.h>

#include "container.h"
#include "rom_names.h"

/* Puts the recorded ROMs of the active slot (none where they are the host's) into `dir`, which is made when missing,
 * and nothing else; *count says how many. HF_EREFUSED "rom": a file of the same name in the working directory would be
 * taken by QEMU before all others.
 */
int hf_machine_roms_publish(struct hf_container *c, const char *dir, size_t *count, struct hf_error *err);

/* Records those of `names` that are not recorded yet (or, where they are the host's, not as they are now), from the
 * directories where this QEMU found them: the working directory, the -L of its arguments, its own. `started` is when
 * QEMU was started (CLOCK_REALTIME): a file that changed later may not be what the machine has, and is refused ("rom").
 * *added says how many were recorded. */
struct hf_rom_search {
    const char *qemu;
    char *const *argv; /* QEMU's whole arguments */
    struct timespec started;
    int64_t now;
};
int hf_machine_roms_record(struct hf_container *c, const struct hf_rom_names *names, const struct hf_rom_search *search,
                           size_t *added, struct hf_error *err);

#endif
