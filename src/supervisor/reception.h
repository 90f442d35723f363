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

#include "arguments.h"
#include "boots.h"
#include "receiving.h"
#include "run.h"
#include "stream_relay.h"
#include "words.h"

/* The guest, as the source told. */
struct hf_reception_guest {
    bool ran;                            /* when it left */
    bool alive;                          /* on trial, it showed a sign of life there */
    int64_t clock;                       /* how far it was ahead of UTC; INT64_MAX: not told */
    char machine[HF_GUEST_MACHINE_SIZE]; /* its machine type; "" until that is known */
};

/* What it needs of the rest of the run. */
struct hf_reception_ops {
    int (*check)(void *ctx, struct hf_error *err); /* the container is here: may its guest be taken in? */
    bool (*is_ended)(void *ctx);                   /* by its operator */
    bool (*has_qemu)(void *ctx);                   /* QEMU's process is there */
    /* The container is this host's, and the guest still paused. There is no other copy of it: what fails is said. */
    void (*claimed)(void *ctx, const struct hf_reception_guest *guest);
    void (*resumed)(void *ctx);
    void (*move_in)(void *ctx); /* a moment later: what has time until the guest runs */
    void *ctx;
};

struct hf_reception {
    struct hf_run *run;
    const char *program; /* QEMU's */
    struct hf_reception_ops ops;
    const struct hf_reception_options *given; /* NULL: the guest does not come from another host */
    struct hf_receiving receiving;            /* its pump is NULL once the guest is ours */
    struct hf_stream_relay *relay;
    struct hf_run_options options; /* the run's, with what the source adds */
    char **words;                  /* the source's arguments, NULL terminated */
    char host[HF_HOST_NAME_SIZE];
    struct hf_reception_guest guest;
    int qemu_fd;  /* its state, for QEMU; -1: QEMU has it */
    int fd_there; /* the same, in QEMU */
};

/* All of it outlives the reception; `program` is filled once the container is here. */
void hf_reception_init(struct hf_reception *n, struct hf_run *run, const struct hf_reception_options *given,
                       const char *program, const struct hf_reception_ops *ops);

/* In this order. meet: the container is here, and options, program and machine follow from it. */
int hf_reception_meet(struct hf_reception *n, struct hf_error *err);
/* The banks' sizes, as a power-on would tell them; drops those of the operator's arguments that were for the source. */
int hf_reception_plan(struct hf_reception *n, struct hf_boot_plan *plan, struct hf_arguments *arguments,
                      struct hf_error *err);
/* QEMU's arguments for it; the descriptor is to be kept for QEMU, and closed afterwards. */
int hf_reception_add_words(struct hf_reception *n, struct hf_words *words, int *keep_fd, struct hf_error *err);
/* QEMU runs: its state can be loaded. */
int hf_reception_load(struct hf_reception *n, struct hf_error *err);
/* Between turns (HF_TODO_RECEIVE). */
void hf_reception_go_on(struct hf_reception *n);
void hf_reception_on_migration(struct hf_reception *n, const json_t *data);
/* QEMU has ended, or never came to be. `why`: sent to the source where the guest was not claimed. */
void hf_reception_end(struct hf_reception *n, const struct hf_error *why);
/* Not claimed yet: nothing may be written. */
bool hf_reception_is_open(const struct hf_reception *n);
/* The guest comes from another host, or came. */
bool hf_reception_is_wanted(const struct hf_reception *n);

#endif
