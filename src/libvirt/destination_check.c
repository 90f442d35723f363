/* SPDX-License-Identifier: BSD-2-Clause */
#include "destination_check.h"

#include "cleanup.h"
#include "container_needs.h"
#include "preflight.h"

static void caps_done(struct hf_host_caps **caps)
{
    hf_host_caps_free(*caps);
}

static void needs_done(struct hf_container_needs **needs)
{
    if (*needs)
        hf_container_needs_free(*needs);
}

static int read_caps(const char *text, size_t size, struct hf_host_caps **caps, struct hf_error *err)
{
    json_t *json = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int r;

    if (!json)
        return hf_error_set(err, HF_EPROTO, "the other host does not describe itself");
    r = hf_host_caps_read(json, caps, err);
    json_decref(json);
    return r < 0 ? hf_error_prefix(err, r, "what the other host says of itself: ") : 0;
}

int hf_destination_check(struct hf_container *c, const char *caps, size_t size, bool running, struct hf_error *err)
{
    hf_auto(caps_done) struct hf_host_caps *host = NULL;
    hf_auto(needs_done) struct hf_container_needs *read = NULL;
    hf_auto(hf_manifests_cleanup) struct hf_manifests *manifests = NULL;
    struct hf_guest_needs needs;
    struct hf_verdict verdict;
    int r = read_caps(caps, size, &host, err);

    if (r == 0)
        r = hf_manifests_open_default(&manifests, err);
    if (r == 0)
        r = hf_container_needs_read(c, &read, err);
    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.manifest = hf_manifests_find(manifests, needs.code_digest);
    needs.manifests = manifests;
    needs.running = running;
    needs.tpm_state_moves = running; /* libvirt takes it along */
    needs.rom_count = 0;             /* under libvirt they are the host's */
    hf_preflight(&needs, host, &verdict);
    for (size_t i = 0; i < verdict.count; i++) {
        const struct hf_finding *f = &verdict.finding[i];

        if (f->weight == HF_FINDING_REFUSE)
            return hf_error_refuse(err, f->rule, "host '%s', %s: %s. To do: %s", host->host,
                                   f->when == HF_WHEN_NOW ? "now" : "at the next reset", f->text, f->remedy);
    }
    return 0;
}
