/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who takes over when a guard is killed: a second, tiny process beside each guard that serves.
 *
 *      guard  <-- socket pair -->  watch
 *
 * A guard that ends in order says so first. When the watch sees the pair end without that word, it starts another guard
 * of the running domain, which takes over what the dead one's server had answered for; when the guard sees it, it
 * starts another watch. Only who kills both at once leaves the domain alone, until libvirtd is started again.
 */
#ifndef HF_GUARD_WATCH_H
#define HF_GUARD_WATCH_H

#include "guard.h"

/* Starts the watch; *fd is the guard's end: readable when the watch is gone. The guard's configuration has `running`
 * and `serve` set, for its successor. */
int hf_guard_watch_start(const struct hf_guard_config *config, int *fd, struct hf_error *err);

/* The guard ends in order. Closes fd. */
void hf_guard_watch_end(int fd);

/* The watch itself, at the other end `fd`: returns when nothing is left to watch. */
int hf_guard_watch_run(const struct hf_guard_config *config, int fd, struct hf_error *err);

#endif
