/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The probe of a move. The source says what the guest's machine is made of (docs/handover.md, "probe"); the destination
 * builds that with its own QEMU and stubs for everything outside it, and tells what it would show to firmware; the
 * source does the same with the QEMU that it has, and compares (probe_told.h). No disk, no network, no byte of the
 * guest's memory or flash is needed: banks and ROMs are zeros of their sizes.
 */
#ifndef HF_PEER_PROBE_H
#define HF_PEER_PROBE_H

#include <jansson.h>

#include "container.h"
#include "guest_needs.h"
#include "machine_record.h"
#include "rom_names.h"

/* What a source knows before it asks. The rest is of the machine as this host's QEMU builds it; empty where it does
 * not. */
struct hf_peer_probe {
    json_t *request; /* for the destination; NULL: nothing can be probed */
    json_t *here;    /* what this host's QEMU shows (probe_told.h) */
    char why[512];   /* without a request: why not */
    struct hf_vmm_version version;
    char devices[HF_MACHINE_DEVICES_MAX + 1]; /* machine_devices.h */
    struct hf_rom_names roms;                 /* files that it loads by a bare name */
};

/* With which arguments and which program the source's machine is built. */
struct hf_peer_probe_source {
    const char *program; /* NULL: that of the guest's last start */
    char *const *argv;   /* the owner's arguments for the destination's QEMU; NULL: those of the last start */
    int argc;
};

/* Whatever keeps this host from probing is no error, since a guest may have to leave it: `why` says it. HF_ENOMEM.
 * Starts a QEMU: about a second. */
int hf_peer_probe_prepare(struct hf_container *c, const struct hf_guest_needs *needs,
                          const struct hf_peer_probe_source *source, struct hf_peer_probe *ret, struct hf_error *err);
void hf_peer_probe_done(struct hf_peer_probe *p);

/* What a destination has of its own: the program that would run the guest (NULL: qemu-system-ARCHITECTURE), and its own
 * arguments instead of those that were told (NULL: none). */
struct hf_peer_probe_host {
    const char *program;
    char *const *argv;
    int argc;
    const char *fault; /* what will keep the guest from starting here whatever its machine; NULL: nothing is known */
};

/* Destination: puts the answer to `request` as "probe" into *caps, a host's description as JSON text, which becomes a
 * new one. `request` may be NULL, and is a stranger's: one that cannot be read gets no answer (HF_EPROTO). A QEMU that
 * does not build the machine is an answer. */
int hf_peer_probe_answer(const json_t *request, const struct hf_peer_probe_host *host, char **caps,
                         struct hf_error *err);

#endif
