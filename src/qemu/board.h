/* SPDX-License-Identifier: BSD-2-Clause */
/* The boards whose flash holdfast knows, from the name of a machine type. Pure; any thread. */
#ifndef HF_BOARD_H
#define HF_BOARD_H

#include <stdbool.h>

#include <holdfast/error.h>

enum hf_board {
    HF_BOARD_NONE, /* no machine type given */
    HF_BOARD_PC,   /* pc, pc-i440fx-* */
    HF_BOARD_Q35,  /* q35, pc-q35-* */
    HF_BOARD_VIRT, /* virt, virt-* (AArch64) */
    HF_BOARD_OTHER,
};

/* `machine` NULL or "": NONE. */
enum hf_board hf_board_of(const char *machine);

/* Whether the name is a versioned one ("pc-q35-7.2") and not an alias whose meaning changes with QEMU's version. */
bool hf_machine_is_pinned(const char *machine);

/* Whether a guest of this architecture can run, and on that machine type ("": the default). HF_EREFUSED, rule
 * "architecture" (holdfast runs x86_64, i386 and aarch64) or "machine" (no board of its architecture whose flash
 * holdfast knows). */
int hf_board_check(const char *machine, const char *architecture, struct hf_error *err);

/* The machine type to run when nobody named one: "q35" or "virt". */
const char *hf_machine_default(const char *architecture);

#endif
