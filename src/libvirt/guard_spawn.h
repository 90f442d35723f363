/* SPDX-License-Identifier: BSD-2-Clause */
/* How processes that outlive us are started: see guard.h for the guard itself. */
#ifndef HF_GUARD_SPAWN_H
#define HF_GUARD_SPAWN_H

#include "guard.h"

/* Starts a watch whose end of the pair is `pair` (guard_watch.h). */
int hf_guard_spawn_watch(const struct hf_guard_config *config, int pair, struct hf_error *err);

/* `holdfast libvirt WHAT UUID` in a process that is nobody's child. */
int hf_libvirt_spawn(const char *what, const char *uuid, struct hf_error *err);

#endif
