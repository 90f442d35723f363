/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs one guest from its container: the flash server and QEMU as children, watched until the guest is off.
 *
 * Whatever dies, nothing is left behind: both children end with this process, and the container opens at the next run.
 * QEMU's standard streams are the caller's. Blocks and handles SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGUSR1;
 * call it once per process, from the main thread.
 *
 *   SIGINT, SIGTERM, SIGHUP, SIGQUIT  go to QEMU, which shuts down; the container is closed in order. QEMU is killed if
 *                                     it has not ended 10 s later
 *   SIGUSR1                           go on without storage: a guest that waits for its storage runs on
 */
#ifndef HF_SUPERVISOR_H
#define HF_SUPERVISOR_H

#include <stdbool.h>

#include <holdfast/error.h>

#include "mailbox_hardware.h"

struct hf_run_options {
    const char *container;  /* path */
    const char *qemu;       /* program; NULL: qemu-system-ARCHITECTURE */
    char *const *arguments; /* the owner's, NULL terminated */
    int argument_count;
    const char *reset;  /* "warm" or "cold": every reset of the guest ends QEMU and starts it again; NULL: as it is set
                           in the container, at each reset anew */
    bool force_restart; /* change firmware at a reset even where the machine would change */
    bool continue_without_storage;            /* do not stop the guest while what it writes to flash cannot be stored */
    enum hf_mailbox_mode mailbox;             /* put the mailbox into the machine, for good; OFF: as recorded */
    bool tpm_aware;                           /* the owner knows that the TPM will measure something else */
    void (*say)(void *ctx, const char *line); /* one sentence for the owner, no newline; may be NULL */
    void *say_ctx;
};

/* Returns 0 when the guest was powered off, or was shut down by a signal or over QEMU's monitor. Otherwise: HF_EIO
 * (QEMU ended badly, or the guest panicked: the text says how), HF_EREFUSED (rules of arguments.h, machine.h,
 * machine_roms.h, "mailbox-rom", "secure-boot" and "tpm-aware" for the mailbox, "version" for a QEMU older than 7.2,
 * "architecture" for one of another), HF_EOWNED, HF_EDAMAGED, HF_ENOSPC, ... */
int hf_run(const struct hf_run_options *options, struct hf_error *err);

/* A guest that comes from another host while it runs there. */
struct hf_reception_options {
    int in, out;         /* connected with the source; closed by the reception */
    const char *caps;    /* this host's description (host_caps.h); NULL: none is sent */
    unsigned timeout_s;  /* without a byte in either direction, then the reception fails */
    bool take_arguments; /* run QEMU with the arguments that the source sends where run_options has none */
    void (*housed)(void *ctx, const char *dir); /* the guest's runtime directory is known; QEMU not started yet */
    /* Before the claim: from now on the guest outlives the caller. False: the caller has ended. */
    bool (*claiming)(void *ctx);
    void (*settled)(void *ctx); /* the guest is owned here, and the source was told */
    void *ctx;
};

/* hf_run() for such a guest; returns when it was powered off here, or with the reason why it did not come. `container`
 * of the options is where it is put. Further refusals: "live" (the source moves no running guest), "arguments"
 * (none were given, and those of the source are not to be taken), "machine". */
int hf_run_arriving(const struct hf_run_options *options, const struct hf_reception_options *reception,
                    struct hf_error *err);

#endif
