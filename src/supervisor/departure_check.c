/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "container_needs.h"
#include "departure.h"
#include "manifest.h"
#include "preflight.h"
#include "supervision.h"

#define DEVICES_MAX 512

static const char *const places[] = {"/machine/unattached", "/machine/peripheral", "/machine/peripheral-anon"};

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* "child<ich9-ahci>" is an ich9-ahci. */
static int add_devices(json_t *devices, const json_t *list, struct hf_error *err)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        const char *type = json_string_value(json_object_get(entry, "type"));
        size_t length = type ? strlen(type) : 0;

        if (length < 8 || strncmp(type, "child<", 6) != 0 || type[length - 1] != '>')
            continue;
        if (json_array_size(devices) == DEVICES_MAX)
            return hf_error_set(err, HF_EPROTO, "QEMU names more than %d devices", DEVICES_MAX);
        if (json_array_append_new(devices, json_stringn(type + 6, length - 7)) < 0)
            return hf_error_set(err, HF_EPROTO, "QEMU's name of a device is no text");
    }
    return 0;
}

static int read_devices(struct hf_supervision *s, json_t **ret, struct hf_error *err)
{
    json_t *devices = json_array();
    int r = devices ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");

    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(places); i++) {
        json_t *list = NULL;

        r = hf_monitor_execute(s->monitor, "qom-list", json_pack("{s:s}", "path", places[i]), &list, err);
        if (r == 0)
            r = add_devices(devices, list, err);
        json_decref(list);
    }
    if (r < 0)
        json_decref(devices);
    else
        *ret = devices;
    return r;
}

/* The names, NULL terminated; they live in `devices`. */
static const char **names_of(const json_t *devices)
{
    size_t count = json_array_size(devices);
    const char **names = calloc(count + 1, sizeof *names);

    for (size_t i = 0; names && i < count; i++)
        names[i] = json_string_value(json_array_get(devices, i));
    return names;
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

static int judge(struct hf_supervision *s, const struct hf_host_caps *host, const struct hf_manifests *manifests,
                 const char *const *devices, json_t **findings, struct hf_error *err)
{
    struct hf_container_needs *read = NULL;
    struct hf_guest_needs needs;
    struct hf_verdict v;
    int r = hf_container_needs_read(s->container, &read, err);

    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.manifest = hf_manifests_find(manifests, needs.code_digest);
    needs.running = true;
    needs.devices = devices;
    hf_preflight(&needs, host, &v);
    hf_container_needs_free(read);
    *findings = findings_of(&v);
    return verdict_of(&v, host->host, err);
}

int hf_departure_check(struct hf_supervision *s, const char *caps, size_t size, json_t **findings, struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = json_loadb(caps, size, JSON_REJECT_DUPLICATES, NULL);
    hf_auto(json_drop) json_t *devices = NULL;
    hf_auto(hf_manifests_cleanup) struct hf_manifests *manifests = NULL;
    hf_auto(hf_cleanup_free) const char **names = NULL;
    struct hf_host_caps *host = NULL;
    int r = json ? 0 : hf_error_set(err, HF_EPROTO, "the other host's description of itself is no JSON");

    if (r == 0)
        r = hf_host_caps_read(json, &host, err);
    if (r < 0)
        return r;
    r = hf_manifests_open_default(&manifests, err);
    if (r == 0)
        r = read_devices(s, &devices, err);
    if (r == 0) {
        names = names_of(devices);
        r = names ? judge(s, host, manifests, names, findings, err) : hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    hf_host_caps_free(host);
    return r;
}
