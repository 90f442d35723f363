/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * States of the guest in files: one that is saved (the guest migrates to a file and QEMU ends), and one that is loaded
 * (-incoming). A loaded state holds both banks, and QEMU writes its variables over the container's when the guest goes
 * on; so the guest stays stopped until the lifecycle has looked at what is in memory.
 */
#ifndef HF_ARRIVAL_H
#define HF_ARRIVAL_H

#include "machine.h"
#include "run.h"

struct hf_arrival {
    struct hf_run *run;
    const struct hf_machine *machine; /* the guest's */
    bool saved;                       /* the guest's state is in a file, and it has not run since */
};

/* Both outlive it. */
void hf_arrival_init(struct hf_arrival *a, struct hf_run *run, const struct hf_machine *machine);

/* begin: QEMU was let go; `loads`: it loads a state, and HF_TODO_ARRIVED is noted when that is done. end: it has ended;
 * a guest whose state was saved is recorded as suspended. */
void hf_arrival_begin(struct hf_arrival *a, bool loads);
void hf_arrival_end(struct hf_arrival *a);

/* Between turns (HF_TODO_ARRIVED): what the lifecycle says to the banks that the guest brought. */
int hf_arrival_compare(struct hf_arrival *a, struct hf_error *err);

/* Data of MIGRATION. RESUME. */
void hf_arrival_on_migration(struct hf_arrival *a, const json_t *data);
void hf_arrival_on_resume(struct hf_arrival *a);

#endif
