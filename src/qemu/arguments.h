/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the owner tells QEMU after `--`. The arguments reach QEMU untouched; this only reads them: it refuses by name
 * what contradicts the container, and takes out what the supervisor must know.
 *
 * QEMU's rules are followed: `-opt` equals `--opt`; an option that takes an argument takes the next word whatever it
 * looks like; repeated -machine options are merged, the later value of a key winning; -device, -object, -blockdev and
 * others also take JSON. Of an option that this table does not know, a following word that begins with '-' is read
 * as an option too, so that nothing slips through behind an unknown one.
 *
 * Refused, with these rules' names:
 *   firmware      -bios, -pflash, if=pflash (also by -set), pflash0= and pflash1= and firmware= of -machine
 *   global        a -global of cfi.pflash01, which would change the flash chips
 *   readconfig    -readconfig: it could hold any of these
 *   daemonize     -daemonize, -preconfig: the supervisor must see the process and its monitor
 *   machine       a machine type of another board than the container's, or another version than the one pinned there
 *   uuid          -uuid, or -smbios type=1,uuid=, that differs from the container's
 *   confidential  guests whose firmware is measured at launch
 *   uefi-vars     QEMU's own variable service
 *   reserved      an id or node name that begins with "hf-"
 *   user          -runas, -chroot, -run-with user= and chroot=: QEMU could not reach the flash's socket again
 *   smm           smm=off with firmware that needs it
 *
 * Pure. Any thread.
 */
#ifndef HF_ARGUMENTS_H
#define HF_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include <holdfast/error.h>

#include "board.h"

#define HF_MACHINE_NAME_MAX 64
#define HF_MEMORY_SIZE_MAX  32

/* What the container says. */
struct hf_arguments_guest {
    const char *architecture; /* "x86_64", "aarch64" */
    const char *machine;      /* as recorded; "" or NULL when none was */
    const char *uuid;         /* text form; "" or NULL when none was recorded */
    bool needs_smm;
};

enum hf_switch { HF_SWITCH_UNSET, HF_SWITCH_ON, HF_SWITCH_OFF };
enum hf_on_reboot { HF_REBOOT_RESETS, HF_REBOOT_SHUTS_DOWN };
enum hf_on_shutdown { HF_SHUTDOWN_POWERS_OFF, HF_SHUTDOWN_PAUSES };
enum hf_on_panic { HF_PANIC_SHUTS_DOWN, HF_PANIC_PAUSES, HF_PANIC_EXITS_FAILED, HF_PANIC_NOTHING };

/* Pointers are into argv. */
struct hf_arguments {
    char machine[HF_MACHINE_NAME_MAX]; /* as named by the owner; "" when not */
    char accel[HF_MACHINE_NAME_MAX];   /* the last one named: "kvm", "tcg", "kvm:tcg"; "" when none */
    enum hf_switch smm;
    enum hf_on_reboot on_reboot;
    enum hf_on_shutdown on_shutdown;
    enum hf_on_panic on_panic;
    char clock[HF_MACHINE_NAME_MAX]; /* base of -rtc: "utc", "localtime", a date; "" when not given */
    bool paused;                     /* -S */
    bool snapshot;                   /* -snapshot */
    bool tpm;                        /* a TPM device */
    bool memory_named;               /* the guest's RAM is an object or a file of the owner's own */
    char memory[HF_MEMORY_SIZE_MAX]; /* size of the RAM with its unit, as -object takes it: "2G"; "" when not given */
    bool uuid;                       /* -uuid was given (and equals the container's) */
    const char *incoming;            /* -incoming; NULL when not given */
    const char *loadvm;
    bool only_asks; /* -version, -help, "help" of some option: QEMU prints and exits */
};

/* HF_EREFUSED with one of the rules above; HF_EUSAGE: an option lacks its argument, or JSON cannot be read. */
int hf_arguments_read(int argc, char *const *argv, const struct hf_arguments_guest *guest, struct hf_arguments *out,
                      struct hf_error *err);

/* Whether the table knows the option, and whether it takes an argument; for the test that holds it to QEMU's help. */
bool hf_arguments_knows(const char *option, bool *takes_argument);

#endif
