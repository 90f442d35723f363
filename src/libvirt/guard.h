/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard: for each adopted domain that runs, one process that owns the container, serves its variables, and ends
 * when libvirt says that QEMU has ended. The hook starts it and talks to it (guard_link.h); libvirtd may come and go.
 *
 *        spawn                serve                       end
 *   hook ----> [decide, publish] ----> [server runs] ----------> server stopped, container closed
 *                                        |     ^
 *                                        '-----' server died: started again, what it had answered for is not lost
 *
 * A guard that is killed has a successor (guard_watch.h), which begins with `running`.
 *
 * While the store falls behind, the guard pauses the domain through libvirt, from a process of its own, since a hook or
 * a process that a hook waits for must not call libvirt.
 */
#ifndef HF_GUARD_H
#define HF_GUARD_H

#include <stdbool.h>

#include <holdfast/error.h>

#include "guard_link.h"

struct hf_guard_config {
    const char *uuid;
    const char *vmm;    /* QEMU's major.minor; NULL: unknown */
    bool restore;       /* a saved state is loaded: the firmware may not change */
    bool running;       /* QEMU runs already (the guard before died): nothing is decided, the server starts at once */
    bool incoming;      /* the container is being received: it is served to be read until it is claimed (receive.h) */
    const char *origin; /* with incoming: the host from which it is fetched (fetch.h); NULL: the source moves it */
    struct hf_guard_request serve; /* with running: for whom */
};

/* Starts a guard that outlives us and waits until it has decided and published, or failed: then the error is the
 * guard's. HF_EOWNED: another guard of this domain runs, or another process has the container. */
int hf_guard_spawn(const struct hf_guard_config *config, struct hf_error *err);

/* The guard itself: decides, publishes, writes its answer to `answer_fd`, then serves until it is told to end. */
int hf_guard_run(const struct hf_guard_config *config, int answer_fd, struct hf_error *err);

#endif
