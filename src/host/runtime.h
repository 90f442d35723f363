/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two directories outside the container. Runtime (lost at boot): owner locks, commit counters, sockets, ROM directories,
 * the cache: $HOLDFAST_RUNTIME_DIR, or /run/holdfast for root, or $XDG_RUNTIME_DIR/holdfast, or /tmp/holdfast-UID. State (kept):
 * the host's identity and its register of epochs: $HOLDFAST_STATE_DIR, or /var/lib/holdfast for root, or
 * $XDG_STATE_HOME/holdfast, or ~/.local/state/holdfast; without any of these, and below a directory that everybody may
 * write, HF_EREFUSED says what to set. Made 0700 when missing; refused (HF_EREFUSED "permissions") when somebody else
 * owns, or can write, them or a directory on the way to them (own_directory.h).
 */
#ifndef HF_RUNTIME_H
#define HF_RUNTIME_H

#include <limits.h>

#include "ids.h"

int hf_runtime_dir(char dir[PATH_MAX], struct hf_error *err);
int hf_state_dir(char dir[PATH_MAX], struct hf_error *err);
/* runtime directory / container id: made 0700; for the sockets and ROM files of one guest. */
int hf_runtime_guest_dir(const char *container_id, char dir[PATH_MAX], struct hf_error *err);
/* The same path; makes and checks nothing. */
void hf_runtime_guest_path(const char *container_id, char dir[PATH_MAX]);

/* This host: an id made at first use and kept in the state directory, and its name. */
int hf_host_identity(char id[HF_ID_TEXT_SIZE], char name[HF_HOST_NAME_SIZE], struct hf_error *err);

/* The kernel's boot id: tells a crash of the host from everything else. $HOLDFAST_BOOT_ID overrides it, for tests. */
int hf_boot_id(char id[HF_UUID_TEXT_SIZE], struct hf_error *err);

#endif
