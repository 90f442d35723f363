/* SPDX-License-Identifier: BSD-2-Clause */
#include "destination_check.h"

#include "peer_check.h"

/* What the container does not record of a domain, the probe saw. */
static void complete(void *ctx, struct hf_guest_needs *needs)
{
    const struct hf_domain_probe *probe = ctx;

    needs->running = probe->running;
    needs->tpm_state_moves = probe->running; /* libvirt takes it along */
    needs->emulated = probe->emulated;
    needs->under = probe->peer.version;
    if (probe->peer.devices[0])
        needs->devices = probe->peer.devices;
    needs->managed = true;
    needs->roms_from_host = true;
    needs->roms = probe->roms;
    needs->rom_count = probe->rom_count;
}

int hf_destination_check(struct hf_container *c, struct hf_domain_probe *probe, const struct hf_exchange_peer *peer,
                         bool *probed, struct hf_error *err)
{
    const struct hf_peer_check check = {.container = c,
                                        .host = peer->host.name,
                                        .caps = peer->caps,
                                        .caps_size = peer->caps_size,
                                        .here = probe->peer.request ? probe->peer.here : NULL,
                                        .complete = complete,
                                        .ctx = probe};

    return hf_peer_check(&check, probed, err);
}
