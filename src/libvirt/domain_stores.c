/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_stores.h"

#include <stdlib.h>
#include <string.h>

#include "adoption.h"
#include "cleanup.h"
#include "domain_xml.h"
#include "virt.h"

struct visit {
    int (*each)(void *ctx, const char *domain, const char *path, const char *why, struct hf_error *err);
    void *ctx;
};

static int visit_adopted(const struct visit *v, const struct hf_domain *d, struct hf_error *err)
{
    struct hf_adoption adoption;
    struct hf_error why;

    if (hf_adoption_load(d->uuid, &adoption, &why) < 0)
        return v->each(v->ctx, d->name, d->nvram, why.text, err);
    return v->each(v->ctx, d->name, adoption.container, NULL, err);
}

static int visit_domain(void *ctx, const struct hf_virt_domain *domain, struct hf_error *err)
{
    const struct visit *v = (const struct visit *)ctx;
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    const struct hf_domain *d;
    struct hf_error why;

    if (hf_domain_xml_parse(domain->xml, strlen(domain->xml), &doc, &why) < 0)
        return v->each(v->ctx, domain->name, "?", why.text, err);
    d = hf_domain_facts(doc);
    switch (d->nvram_kind) {
    case HF_NVRAM_OURS:
        return visit_adopted(v, d, err);
    case HF_NVRAM_FILE:
    case HF_NVRAM_BLOCK:
        return v->each(v->ctx, d->name, d->nvram, NULL, err);
    case HF_NVRAM_OTHER:
        return v->each(v->ctx, d->name, "?", "its variables are on a network source", err);
    default:
        break;
    }
    if (d->varstore)
        return v->each(v->ctx, d->name, "?", "its variables are in QEMU's uefi-vars device", err);
    if (strcmp(d->firmware, "efi") == 0 && !d->stateless)
        return v->each(v->ctx, d->name, "?", "it was never started: libvirt has not chosen its firmware yet", err);
    return 0; /* no UEFI, or UEFI without a variable store */
}

int hf_domain_stores(const char *uri,
                     int (*each)(void *ctx, const char *domain, const char *path, const char *why,
                                 struct hf_error *err),
                     void *ctx, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *virt = NULL;
    struct visit visit = {.each = each, .ctx = ctx};
    int r = hf_virt_connect(*uri ? uri : NULL, &virt, err);

    return r < 0 ? r : hf_virt_each(virt, visit_domain, &visit, err);
}
