/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things of an adopted domain are.
 *
 *   HF_LIBVIRT_STATE/NAME.hold            its container, unless another place was given
 *   HF_LIBVIRT_STATE/UUID/code.fd         the code image that QEMU reads: published, readable by everybody
 *   HF_LIBVIRT_STATE/UUID/adoption.json   what `release` and the hook need to know
 *   HF_LIBVIRT_STATE/UUID/original.xml    the domain's XML before
 *   HF_LIBVIRT_RUN/UUID/vars.sock         the NBD socket: for the user that this QEMU runs as, and nobody else
 *   HF_LIBVIRT_RUN/UUID/bank              the variables as they were in the guest's memory, for a moment (resync.h)
 *   HF_LIBVIRT_RUN/UUID/writer            which process writes them in this start (writer_record.h)
 *   HF_LIBVIRT_RUN/UUID/guard.sock        the process that serves it listens to the hook here: for root
 *
 * They are not in holdfast's own directories because those are closed to other users, QEMU among them.
 */
#ifndef HF_PLACES_H
#define HF_PLACES_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include <holdfast/error.h>

#define HF_LIBVIRT_STATE "/var/lib/libvirt/holdfast"
#define HF_LIBVIRT_RUN   "/run/holdfast-libvirt"

#define HF_PUBLISHED_CODE "code.fd"
#define HF_ORIGINAL_XML   "original.xml"
#define HF_VARS_SOCKET    "vars.sock"
#define HF_GUARD_SOCKET   "guard.sock"
#define HF_BANK_FILE      "bank"
#define HF_PAUSED_MARK    "paused"
#define HF_HOLD_MARK      "hold"
#define HF_RECEIVE_LOCK   "receiving"
#define HF_WRITER_FILE    "writer"

/* HF_LIBVIRT_STATE/UUID/name and HF_LIBVIRT_RUN/UUID/name. */
void hf_libvirt_state_path(const char *uuid, const char *name, char path[PATH_MAX]);
void hf_libvirt_run_path(const char *uuid, const char *name, char path[PATH_MAX]);

/* Whether HF_LIBVIRT_RUN/UUID/name is there. */
bool hf_libvirt_has_mark(const char *uuid, const char *name);

/* Make the directories. State: passable for everybody. Run: for root and that group; with (gid_t)-1 one that is there
 * already stays as open as it is. */
int hf_libvirt_make_state(const char *uuid, struct hf_error *err);
int hf_libvirt_make_run(const char *uuid, gid_t gid, struct hf_error *err);

/* Removes what stands in the run directory of a domain that does not run, and the directory. */
void hf_libvirt_clean_run(const char *uuid);

#endif
