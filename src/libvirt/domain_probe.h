/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The probe of a domain's move (peer_probe.h): libvirt says with which arguments it would run the domain, and with
 * which QEMU. Its option ROMs are the hosts' own, so their sizes are compared, too.
 */
#ifndef HF_DOMAIN_PROBE_H
#define HF_DOMAIN_PROBE_H

#include "guest_needs.h"
#include "peer_probe.h"
#include "roms.h"
#include "virt.h"

struct hf_domain_probe {
    struct hf_peer_probe peer;
    bool running, emulated;
    json_t *files; /* this host's ROMs; what `roms` borrows from */
    struct hf_rom_need roms[HF_ROMS_MAX];
    size_t rom_count;
};

/* What keeps this host from probing is no error: peer.why says it. HF_EDAMAGED and the store's errors. Starts a QEMU:
 * about a second. */
int hf_domain_probe_prepare(struct hf_virt *v, struct hf_container *c, bool running, struct hf_domain_probe *ret,
                            struct hf_error *err);
void hf_domain_probe_done(struct hf_domain_probe *p);

/* For the introduction: NULL (nothing can be probed), or an object, the caller's reference. */
json_t *hf_domain_probe_extra(const struct hf_domain_probe *p);

/* Destination: as hf_peer_probe_answer(), to what hf_domain_probe_extra() gave there; `extra` may be NULL. */
int hf_domain_probe_answer(const json_t *extra, char **caps, struct hf_error *err);

#endif
