/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine that the guest had at its last start, as far as a move asks for it: which devices, and the arguments that
 * build a machine of the same shape elsewhere. Kept as small named values like the life record, "machine.program",
 * "machine.devices.N" and "machine.arguments.N"; a text longer than one value goes on in the next N.
 */
#ifndef HF_MACHINE_RECORD_H
#define HF_MACHINE_RECORD_H

#include "container.h"
#include "state.h"

#define HF_MACHINE_DEVICES_MAX   (4 * (HF_STATE_VALUE_SIZE - 1))
#define HF_MACHINE_ARGUMENTS_MAX (12 * (HF_STATE_VALUE_SIZE - 1))

struct hf_machine_record {
    char program[HF_STATE_VALUE_SIZE];            /* the VMM; "" before the first start */
    char devices[HF_MACHINE_DEVICES_MAX + 1];     /* types, a space after each: "ich9-ahci ide-cd "; "": not known */
    char arguments[HF_MACHINE_ARGUMENTS_MAX + 1]; /* JSON; "": not known, or too long to keep */
};

/* HF_EDAMAGED. */
int hf_machine_record_load(struct hf_container *c, struct hf_machine_record *record, struct hf_error *err);

/* One transaction of its own, and none when nothing changed. Texts are printable ASCII. */
int hf_machine_record_save(struct hf_container *c, const struct hf_machine_record *record, struct hf_error *err);

#endif
