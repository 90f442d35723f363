/* SPDX-License-Identifier: BSD-2-Clause */
/* libvirt's live migration, in a thread of its own, so that the container can go its way meanwhile. */
#ifndef HF_MOVER_H
#define HF_MOVER_H

#include <pthread.h>

#include "virt.h"

struct hf_mover {
    struct hf_virt *here, *there; /* both the mover's to close */
    struct hf_virt_migration options;
    int done; /* readable when it is over */
    bool started, over;
    int r; /* what came of it */
    struct hf_error err;
    pthread_t thread;
};

int hf_mover_new(struct hf_mover **out, struct hf_error *err);
int hf_mover_start(struct hf_mover *m, struct hf_error *err);
/* After `done`: *m says what came of it. */
void hf_mover_take(struct hf_mover *m);
/* One whose libvirt was not waited for stays, with its connections: its thread uses them. */
void hf_mover_free(struct hf_mover *m);

#endif
