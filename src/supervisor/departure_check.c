/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "container_needs.h"
#include "departure.h"
#include "machine_devices.h"
#include "machine_record.h"
#include "manifest.h"
#include "preflight.h"
#include "probe_told.h"
#include "supervision.h"

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static json_t *findings_of(const struct hf_verdict *v)
{
    json_t *findings = json_array();

    for (size_t i = 0; i < v->count; i++) {
        const struct hf_finding *f = &v->finding[i];

        (void)json_array_append_new(findings, json_pack("{s:s, s:b, s:b, s:s, s:s}", "rule", f->rule, "refused",
                                                        f->weight == HF_FINDING_REFUSE, "now", f->when == HF_WHEN_NOW,
                                                        "text", f->text, "remedy", f->remedy));
    }
    return findings;
}

static int verdict_of(const struct hf_verdict *v, const char *host, struct hf_error *err)
{
    for (size_t i = 0; i < v->count; i++) {
        const struct hf_finding *f = &v->finding[i];

        if (f->weight == HF_FINDING_REFUSE)
            return hf_error_refuse(err, f->rule, "host '%s': %s; %s", host, f->text, f->remedy);
    }
    return 0;
}

int hf_departure_is_emulated(struct hf_supervision *s, bool *emulated, struct hf_error *err)
{
    hf_auto(json_drop) json_t *kvm = NULL;
    int r = hf_monitor_execute(s->monitor, "query-kvm", NULL, &kvm, err);

    if (r == 0)
        *emulated = json_is_false(json_object_get(kvm, "enabled"));
    return r;
}

/* What QEMU itself tells of the guest that it runs. */
struct now {
    char devices[HF_MACHINE_DEVICES_MAX + 1];
    bool emulated;
    struct hf_vmm_version version;
};

static int look(struct hf_supervision *s, struct now *now, struct hf_error *err)
{
    int r = hf_machine_devices(s->monitor, now->devices, sizeof now->devices, err);

    if (r == 0)
        r = hf_vmm_version_parse(s->vmm, &now->version, err);
    return r < 0 ? r : hf_departure_is_emulated(s, &now->emulated, err);
}

/* What two hosts told of their QEMUs. */
struct told {
    const json_t *here, *there;
};

static int judge(struct hf_supervision *s, const struct hf_host_caps *host, const struct hf_manifests *manifests,
                 const struct now *now, const struct told *told, json_t **findings, struct hf_error *err)
{
    struct hf_container_needs *read = NULL;
    struct hf_guest_needs needs;
    struct hf_verdict v;
    int r = hf_container_needs_read(s->container, &read, err);

    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.manifest = hf_manifests_find(manifests, needs.code_digest);
    needs.manifests = manifests;
    needs.running = true;
    needs.under = now->version;
    needs.emulated = now->emulated;
    needs.devices = now->devices[0] ? now->devices : NULL; /* plugged in by now, not what the start recorded */
    hf_preflight(&needs, host, &v);
    if (told->here && told->there)
        r = hf_preflight_told(&needs, told->here, told->there, NULL, &v, err);
    hf_container_needs_free(read);
    if (r < 0)
        return r;
    *findings = findings_of(&v);
    return verdict_of(&v, host->host, err);
}

int hf_departure_check(struct hf_supervision *s, const char *caps, size_t size, const json_t *here, json_t **findings,
                       bool *probed, struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = json_loadb(caps, size, JSON_REJECT_DUPLICATES, NULL);
    hf_auto(hf_manifests_cleanup) struct hf_manifests *manifests = NULL;
    const struct told told = {.here = here, .there = json_object_get(json, "probe")};
    struct hf_host_caps *host = NULL;
    struct now now;
    int r = json ? 0 : hf_error_set(err, HF_EPROTO, "the other host's description of itself is no JSON");

    if (r == 0)
        r = hf_host_caps_read(json, &host, err);
    if (r < 0)
        return r;
    r = hf_manifests_open_default(&manifests, err);
    if (r == 0)
        r = look(s, &now, err);
    if (r == 0)
        r = judge(s, host, manifests, &now, &told, findings, err);
    *probed = told.here && told.there;
    hf_host_caps_free(host);
    return r;
}
