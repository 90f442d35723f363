/* SPDX-License-Identifier: BSD-2-Clause */
#include "virt_events.h"

#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <string.h>

#include "cleanup.h"
#include "virt_inside.h"

#define SECOND_MS 1000

#define FUNCTIONS(X)                                                                                                   \
    X(virConnectDomainEventRegisterAny)                                                                                \
    X(virConnectIsAlive)                                                                                               \
    X(virDomainGetUUIDString)                                                                                          \
    X(virDomainListGetStats)                                                                                           \
    X(virDomainReset)                                                                                                  \
    X(virDomainStatsRecordListFree)                                                                                    \
    X(virEventAddTimeout)                                                                                              \
    X(virEventRegisterDefaultImpl)                                                                                     \
    X(virEventRunDefaultImpl)
FUNCTIONS(HF_VIRT_POINTER)
HF_VIRT_POINTER(virConnectDomainQemuMonitorEventRegister)

static int load_events(struct hf_error *err)
{
    void *library = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return hf_error_set(err, HF_ENOTFOUND, "libvirt is not installed: %s", dlerror());
    FUNCTIONS(HF_VIRT_LOAD)
    library = dlopen("libvirt-qemu.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return hf_error_set(err, HF_ENOTFOUND, "libvirt's QEMU library is not installed: %s", dlerror());
    HF_VIRT_LOAD(virConnectDomainQemuMonitorEventRegister)
    return 0;
}

static bool is_ours(const struct hf_virt_events *events, virDomain *domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    return p_virDomainGetUUIDString(domain, uuid) == 0 && !strcmp(uuid, events->uuid);
}

/* QMP's events: docs/interop/qemu-qmp-ref, "RESET", "SHUTDOWN", "GUEST_PANICKED". */
static void heard(virConnect *connection, virDomain *domain, const char *event, long long seconds, unsigned micros,
                  const char *details, void *ctx)
{
    static const char *const names[] = {"RESET", "SHUTDOWN", "GUEST_PANICKED"};
    const struct hf_virt_events *events = ctx;
    hf_auto(json_decrefp) json_t *data = json_loads(details ? details : "{}", 0, NULL);
    const char *reason = json_string_value(json_object_get(data, "reason"));
    struct hf_virt_saw saw = {
        .by_guest = json_is_true(json_object_get(data, "guest")),
        .at_ms = seconds * 1000 + micros / 1000,
    };

    (void)connection;
    if (!is_ours(events, domain))
        return;
    for (unsigned i = 0; i < HF_ARRAY_SIZE(names); i++) {
        if (strcmp(event, names[i]) != 0)
            continue;
        saw.event = (enum hf_virt_event)i;
        saw.by_guest = saw.by_guest || saw.event == HF_VIRT_PANIC;
        if (saw.event == HF_VIRT_SHUTDOWN && reason && !strcmp(reason, "guest-reset"))
            saw.event = HF_VIRT_LAST_RESET;
        events->saw(events->ctx, &saw);
    }
}

static void agent_changed(virConnect *connection, virDomain *domain, int state, int reason, void *ctx)
{
    const struct hf_virt_events *events = ctx;
    const struct hf_virt_saw saw = {.event = HF_VIRT_AGENT};

    (void)connection, (void)reason;
    if (state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED && is_ours(events, domain))
        events->saw(events->ctx, &saw);
}

static void second(int timer, void *ctx)
{
    const struct hf_virt_events *events = ctx;

    (void)timer;
    events->each_second(events->ctx);
}

int hf_virt_events_open(const struct hf_virt_events *events, struct hf_virt **out, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;
    void *ctx = (void *)(uintptr_t)events;
    int r = load_events(err);

    if (r < 0)
        return r;
    if (p_virEventRegisterDefaultImpl() < 0) /* before the connection, or it hears of nothing */
        return hf_error_set(err, HF_EIO, "libvirt's event loop cannot be started");
    r = hf_virt_connect(NULL, &v, err);
    if (r < 0)
        return r;
    if (p_virConnectDomainQemuMonitorEventRegister(v->connection, NULL, NULL, heard, ctx, NULL, 0) < 0 ||
        p_virConnectDomainEventRegisterAny(v->connection, NULL, VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
                                           VIR_DOMAIN_EVENT_CALLBACK(agent_changed), ctx, NULL) < 0 ||
        p_virEventAddTimeout(SECOND_MS, second, ctx, NULL) < 0)
        return hf_virt_failed(err, "asking to hear of the domain's events");
    *out = hf_take_ptr(v);
    return 0;
}

int hf_virt_events_turn(struct hf_virt *v, struct hf_error *err)
{
    if (p_virEventRunDefaultImpl() < 0 || p_virConnectIsAlive(v->connection) != 1)
        return hf_error_set(err, HF_EIO, "libvirt closed the connection");
    return 0;
}

/* "block.0.rd.reqs": libvirt's name for the reads of the first disk (virConnectGetAllDomainStats). */
static bool is_reads(const char *field)
{
    const char *end = strrchr(field, '.');

    return !strncmp(field, "block.", 6) && end && end - field > 3 && !strcmp(end - 3, ".rd.reqs");
}

int hf_virt_reads(struct hf_virt *v, uint64_t *reads, struct hf_error *err)
{
    virDomain *domains[] = {v->domain, NULL};
    virDomainStatsRecord **records = NULL;
    int n =
        p_virDomainListGetStats(domains, VIR_DOMAIN_STATS_BLOCK, &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    uint64_t sum = 0;

    if (n < 0)
        return hf_virt_failed(err, "asking for the disks' statistics");
    for (int i = 0; i < n; i++)
        for (int j = 0; j < records[i]->nparams; j++)
            if (records[i]->params[j].type == VIR_TYPED_PARAM_ULLONG && is_reads(records[i]->params[j].field))
                sum += records[i]->params[j].value.ul;
    p_virDomainStatsRecordListFree(records);
    *reads = sum;
    return 0;
}

int hf_virt_reset(struct hf_virt *v, struct hf_error *err)
{
    return p_virDomainReset(v->domain, 0) < 0 ? hf_virt_failed(err, "resetting the domain") : 0;
}
