/* SPDX-License-Identifier: BSD-2-Clause */
/* How processes that outlive us are started: see guard.h for the guard itself. */
#ifndef HF_GUARD_SPAWN_H
#define HF_GUARD_SPAWN_H

#include "guard.h"

/* Starts a watch whose end of the pair is `pair` (guard_watch.h). */
int hf_guard_spawn_watch(const struct hf_guard_config *config, int pair, struct hf_error *err);

/* fetch.h's two, in processes that are nobody's child. The first returns when the container is here and the guard waits
 * for the domain, or the error of the process, which ends by itself. */
int hf_fetch_spawn(const char *uuid, const char *origin, struct hf_error *err);
int hf_abandon_spawn(const char *uuid, const char *origin, struct hf_error *err);

/* `holdfast libvirt WHAT UUID` in a process that is nobody's child. */
int hf_libvirt_spawn(const char *what, const char *uuid, struct hf_error *err);

#endif
