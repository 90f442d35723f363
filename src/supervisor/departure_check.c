/* SPDX-License-Identifier: BSD-2-Clause */
#include "departure_check.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "machine_devices.h"
#include "machine_record.h"
#include "peer_check.h"

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

int hf_departure_is_emulated(struct hf_run *run, bool *emulated, struct hf_error *err)
{
    hf_auto(json_drop) json_t *kvm = NULL;
    int r = hf_monitor_execute(run->monitor, "query-kvm", NULL, &kvm, err);

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

static int look(struct hf_run *run, const char *vmm, struct now *now, struct hf_error *err)
{
    int r = hf_machine_devices(run->monitor, now->devices, sizeof now->devices, err);

    if (r == 0)
        r = hf_vmm_version_parse(vmm, &now->version, err);
    return r < 0 ? r : hf_departure_is_emulated(run, &now->emulated, err);
}

struct asking {
    const struct now *now;
    json_t *findings;
};

static void complete(void *ctx, struct hf_guest_needs *needs)
{
    const struct now *now = ((struct asking *)ctx)->now;

    needs->running = true;
    needs->under = now->version;
    needs->emulated = now->emulated;
    needs->devices = now->devices[0] ? now->devices : NULL; /* plugged in by now, not what the start recorded */
}

static void judged(void *ctx, const struct hf_host_caps *host, const struct hf_verdict *verdict)
{
    (void)host;
    ((struct asking *)ctx)->findings = findings_of(verdict);
}

int hf_departure_check(struct hf_run *run, const char *vmm, const struct hf_exchange_peer *peer, const json_t *here,
                       json_t **findings, bool *probed, struct hf_error *err)
{
    struct now now;
    struct asking asking = {.now = &now};
    const struct hf_peer_check check = {.container = run->container,
                                        .host = peer->host.name,
                                        .caps = peer->caps,
                                        .caps_size = peer->caps_size,
                                        .here = here,
                                        .complete = complete,
                                        .judged = judged,
                                        .ctx = &asking};
    int r = look(run, vmm, &now, err);

    if (r == 0)
        r = hf_peer_check(&check, probed, err);
    *findings = asking.findings;
    return r;
}
