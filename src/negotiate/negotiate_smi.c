/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/negotiate_smi.h>

#include "negotiate_internal.h"

#include <string.h>

static const struct hf_negotiate_rule rules[] = {
    {HF_SMI_CPU_HOTPLUG, HF_SMI_BROADCAST},
    {HF_SMI_CPU_HOT_UNPLUG, HF_SMI_BROADCAST},
    {HF_SMI_CPU_HOT_UNPLUG, HF_SMI_CPU_HOTPLUG},
};

struct hf_negotiate_domain hf_smi_domain(uint64_t features)
{
    return (struct hf_negotiate_domain){.name = HF_SMI_DOMAIN,
                                        .version = 1,
                                        .supported = hf_bits_of(features),
                                        .rules = rules,
                                        .n_rules = sizeof rules / sizeof rules[0]};
}

int hf_smi_view_init(struct hf_smi_view *view, struct hf_negotiate *n, struct hf_error *err)
{
    size_t i = hf_negotiate_index(n, HF_SMI_DOMAIN);

    if (i == n->n_domains)
        return hf_error_set(err, HF_ENOTFOUND, "SMI files: domain '%s' is not declared", HF_SMI_DOMAIN);
    *view = (struct hf_smi_view){.n = n};
    memcpy(view->supported.b, n->domains[i].supported.byte, sizeof view->supported.b);
    return 0;
}

void hf_smi_view_loaded(struct hf_smi_view *view)
{
    struct hf_bits agreed;

    view->ok = hf_negotiate_agreed(view->n, HF_SMI_DOMAIN, &agreed);
}

/* A locked domain stays as it is and features-ok reads 1, whatever stands in `requested` by then. */
void hf_smi_view_commit(struct hf_smi_view *view)
{
    size_t i = hf_negotiate_index(view->n, HF_SMI_DOMAIN);
    struct hf_bits wanted = hf_bits_of(hf_le64_get(view->requested));
    uint32_t bit, needs;

    if (!hf_negotiate_is_locked(view->n, i))
        (void)hf_negotiate_ask(view->n, i, &wanted, &bit, &needs);
    hf_smi_view_loaded(view);
}

void hf_smi_view_reset(struct hf_smi_view *view)
{
    view->requested = hf_le64_of(0);
    view->ok = 0;
}
