/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of QEMU's command line that is holdfast's: flash over NBD, SMM where the firmware needs it, the guest's own
 * ROMs, machine type and UUID where the owner named none. The owner's arguments follow it.
 *
 *   x86   pflash0 = code, ends at 4 GiB; pflash1 = vars, right below; together at most 8 MiB
 *   virt  pflash0 = code at 0, pflash1 = vars at 64 MiB; each exactly 64 MiB
 *
 * SeaBIOS is one chip without variables. Pure. Any thread.
 */
#ifndef HF_MACHINE_H
#define HF_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

#include "board.h"
#include "words.h"

/* How long QEMU waits for its server to come back before a flash write fails. Holdfast restarts the server at once and
 * keeps the guest stopped meanwhile, so only a host in deep trouble gets near it. */
#define HF_RECONNECT_SECONDS 300

struct hf_machine {
    const char *type;   /* in effect: the owner's, or the container's, or the default */
    bool named;         /* the owner's arguments name it: it is not added */
    const char *uuid;   /* to be added; NULL: the owner's arguments have it, or there is none */
    uint64_t code_size; /* bytes of the banks; vars 0: the firmware keeps none */
    uint64_t vars_size;
    bool needs_smm;
    const char *socket;  /* of the NBD server with the exports "code" and "vars" */
    const char *rom_dir; /* first directory for ROMs; NULL: none */

    const char *mailbox; /* file of the window that the guest shares; NULL: the machine has none */
    const char *memory;  /* with a mailbox: size of the RAM ("2G"; "": QEMU's own default); NULL: its owner named it */
    bool mailbox_rom;    /* the driver comes in the ROM HF_MAILBOX_ROM_NAME of rom_dir */
};

#define HF_MAILBOX_DEVICE   "hf-mailbox" /* QEMU's id of the device */
#define HF_MAILBOX_ROM_NAME "holdfast-mailbox.rom"

/* HF_EREFUSED "machine" (no board that holdfast knows), "size" (banks that the board cannot map), "smm". */
int hf_machine_check(const struct hf_machine *m, struct hf_error *err);

/* Appends the arguments. The machine must have passed hf_machine_check() (asserted). HF_ENOMEM. */
int hf_machine_arguments(const struct hf_machine *m, struct hf_words *out, struct hf_error *err);

/* Appends what must stand behind the owner's arguments, so that no device of theirs gets another address. HF_ENOMEM. */
int hf_machine_last_arguments(const struct hf_machine *m, struct hf_words *out, struct hf_error *err);

/* Where the guest sees the banks. */
uint64_t hf_machine_vars_address(const struct hf_machine *m);
uint64_t hf_machine_code_address(const struct hf_machine *m);

#endif
