/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_check.h"

#include "cleanup.h"
#include "container_needs.h"
#include "probe_told.h"

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static void caps_done(struct hf_host_caps **caps)
{
    hf_host_caps_free(*caps);
}

static void needs_done(struct hf_container_needs **needs)
{
    hf_container_needs_free(*needs);
}

static int read_caps(const struct hf_peer_check *q, json_t **json, struct hf_host_caps **caps, struct hf_error *err)
{
    json_error_t where;
    int r;

    if (!q->caps)
        return hf_error_set(err, HF_EPROTO, "peer capabilities: not told by host '%s'", q->host);
    *json = json_loadb(q->caps, q->caps_size, JSON_REJECT_DUPLICATES, &where);
    if (!*json)
        return hf_error_set(err, HF_EPROTO, "peer capabilities: invalid JSON at byte %d", where.position);
    r = hf_host_caps_read(*json, caps, err);
    return r < 0 ? hf_error_prefix(err, r, "peer capabilities: ") : 0;
}

static int refusal_of(const struct hf_verdict *v, const char *host, struct hf_error *err)
{
    for (size_t i = 0; i < v->count; i++) {
        const struct hf_finding *f = &v->finding[i];

        if (f->weight == HF_FINDING_REFUSE)
            return hf_error_refuse(err, f->rule, "host '%s', %s: %s; %s", host,
                                   f->when == HF_WHEN_NOW ? "now" : "at the next reset", f->text, f->remedy);
    }
    return 0;
}

int hf_peer_check(const struct hf_peer_check *q, bool *probed, struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = NULL;
    hf_auto(caps_done) struct hf_host_caps *host = NULL;
    hf_auto(needs_done) struct hf_container_needs *read = NULL;
    hf_auto(hf_manifests_cleanup) struct hf_manifests *manifests = NULL;
    const json_t *there;
    struct hf_guest_needs needs;
    struct hf_verdict verdict;
    int r = read_caps(q, &json, &host, err);

    if (r == 0)
        r = hf_manifests_open_default(&manifests, err);
    if (r == 0)
        r = hf_container_needs_read(q->container, &read, err);
    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.manifest = hf_manifests_find(manifests, needs.code_digest);
    needs.manifests = manifests;
    if (q->complete)
        q->complete(q->ctx, &needs);
    hf_preflight(&needs, host, &verdict);
    there = q->here ? json_object_get(json, "probe") : NULL;
    if (there)
        r = hf_preflight_told(&needs, q->here, there, NULL, &verdict, err);
    if (r < 0)
        return r;
    if (q->judged)
        q->judged(q->ctx, host, &verdict);
    *probed = there != NULL;
    return refusal_of(&verdict, q->host, err);
}
