/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that comes from another host while it runs there: the destination of departure.h. The container arrives, QEMU
 * is started on it with -S and takes the guest's state; it asks for the grant once the guest is complete and paused,
 * claims the container, and resumes the guest. From then on this is the supervisor of that guest like any other.
 *
 * Every failure before the claim ends QEMU here, and the guest continues at the source.
 */
#ifndef HF_RECEPTION_H
#define HF_RECEPTION_H

#include <stdbool.h>

#include <jansson.h>

#include "supervisor.h"

struct hf_reception_options {
    int in, out;         /* connected with the source; closed by the reception */
    const char *caps;    /* this host's description (host_caps.h); NULL: none is sent */
    unsigned timeout_s;  /* without a byte in either direction, then the reception fails */
    bool take_arguments; /* run QEMU with the arguments that the source sends where run_options has none */
    void (*housed)(void *ctx, const char *dir); /* the guest's runtime directory is known; QEMU not started yet */
    bool (*claiming)(void *ctx); /* before the claim: from now on the guest outlives the caller. False: the caller has ended */
    void (*settled)(void *ctx);  /* the guest is owned here, and the source was told */
    void *ctx;
};

/* hf_run() for such a guest; returns when it was powered off here, or with the reason why it did not come. `container`
 * of the options is where it is put. Further refusals: "live" (the source moves no running guest), "arguments"
 * (none were given, and those of the source are not to be taken), "machine". */
int hf_run_arriving(const struct hf_run_options *options, const struct hf_reception_options *reception,
                    struct hf_error *err);

struct hf_supervision;

/* For supervisor.c, in this order. meet: the container is here, and options, program and machine follow from it. */
int hf_reception_meet(struct hf_supervision *s, struct hf_error *err);
/* The banks' sizes, as a power-on would tell them. */
int hf_reception_plan(struct hf_supervision *s, struct hf_error *err);
/* QEMU's arguments for it; the descriptor is to be kept for QEMU, and closed afterwards. */
int hf_reception_add_words(struct hf_supervision *s, int *keep_fd, struct hf_error *err);
/* QEMU runs: its state can be loaded. */
int hf_reception_load(struct hf_supervision *s, struct hf_error *err);
/* Between turns (HF_TODO_RECEIVE). */
void hf_reception_go_on(struct hf_supervision *s);
void hf_reception_on_migration(struct hf_supervision *s, const json_t *data);
/* QEMU has ended, or never came to be. `why`: sent to the source where the guest was not claimed. */
void hf_reception_end(struct hf_supervision *s, const struct hf_error *why);
/* Not claimed yet: nothing may be written. */
bool hf_reception_is_open(const struct hf_supervision *s);

#endif
