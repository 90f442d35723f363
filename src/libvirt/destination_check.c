/* SPDX-License-Identifier: BSD-2-Clause */
#include "destination_check.h"

#include "cleanup.h"
#include "container_needs.h"
#include "preflight.h"
#include "probe_told.h"

static void caps_done(struct hf_host_caps **caps)
{
    hf_host_caps_free(*caps);
}

static void needs_done(struct hf_container_needs **needs)
{
    if (*needs)
        hf_container_needs_free(*needs);
}

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static int read_caps(const char *text, size_t size, json_t **json, struct hf_host_caps **caps, struct hf_error *err)
{
    int r;

    *json = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!*json)
        return hf_error_set(err, HF_EPROTO, "the other host does not describe itself");
    r = hf_host_caps_read(*json, caps, err);
    return r < 0 ? hf_error_prefix(err, r, "what the other host says of itself: ") : 0;
}

static int verdict_of(const struct hf_verdict *v, const char *host, struct hf_error *err)
{
    for (size_t i = 0; i < v->count; i++) {
        const struct hf_finding *f = &v->finding[i];

        if (f->weight == HF_FINDING_REFUSE)
            return hf_error_refuse(err, f->rule, "host '%s', %s: %s. To do: %s", host,
                                   f->when == HF_WHEN_NOW ? "now" : "at the next reset", f->text, f->remedy);
    }
    return 0;
}

/* What the container does not record of a domain, the probe saw. */
static void add_probed(struct hf_guest_needs *needs, const struct hf_domain_probe *probe)
{
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

int hf_destination_check(struct hf_container *c, const struct hf_domain_probe *probe, const char *caps, size_t size,
                         bool *probed, struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = NULL;
    hf_auto(caps_done) struct hf_host_caps *host = NULL;
    hf_auto(needs_done) struct hf_container_needs *read = NULL;
    hf_auto(hf_manifests_cleanup) struct hf_manifests *manifests = NULL;
    const json_t *there;
    struct hf_guest_needs needs;
    struct hf_verdict verdict;
    int r = read_caps(caps, size, &json, &host, err);

    if (r == 0)
        r = hf_manifests_open_default(&manifests, err);
    if (r == 0)
        r = hf_container_needs_read(c, &read, err);
    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.manifest = hf_manifests_find(manifests, needs.code_digest);
    needs.manifests = manifests;
    add_probed(&needs, probe);
    hf_preflight(&needs, host, &verdict);
    there = probe->peer.request ? json_object_get(json, "probe") : NULL;
    if (there)
        r = hf_preflight_told(&needs, probe->peer.here, there, NULL, &verdict, err);
    if (r == 0)
        r = verdict_of(&verdict, host->host, err);
    if (r == 0)
        *probed = there != NULL;
    return r;
}
