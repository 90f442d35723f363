/* SPDX-License-Identifier: BSD-2-Clause */
#include "domains.h"

#include <stdio.h>
#include <string.h>

#include <holdfast/negotiate_guest.h>

#include "cleanup.h"
#include "setting_lists.h"

static const struct hf_negotiate_domain known[] = {
    {.name = HF_DOMAIN_LIFECYCLE, .version = 1, .supported = {{1u << HF_LIFECYCLE_STAGES}}},
    {.name = HF_ACPI_DOMAIN, .version = HF_ACPI_DOMAIN_VERSION, .supported = {{HF_ACPI_FEATURES}}},
};
_Static_assert(HF_ARRAY_SIZE(known) <= HF_DOMAINS_MAX, "room for every domain");

size_t hf_domains_known(const struct hf_negotiate_domain **list)
{
    *list = known;
    return HF_ARRAY_SIZE(known);
}

/* Whether the first `size` bytes are "DOMAIN.BIT" of what there is. All that there is goes into `names`. */
static bool is_offered(const char *item, size_t size, char *names, size_t names_size)
{
    bool found = false;
    size_t used = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(known); i++) {
        for (unsigned bit = 0; bit < HF_NEGOTIATE_BITS; bit++) {
            char name[HF_NEGOTIATE_NAME_SIZE + 8];

            if (!hf_bits_has(&known[i].supported, bit))
                continue;
            (void)snprintf(name, sizeof name, "%s.%u", known[i].name, bit);
            found |= strlen(name) == size && !memcmp(name, item, size);
            if (used < names_size)
                used += (size_t)snprintf(names + used, names_size - used, "%s%s", used ? ", " : "", name);
        }
    }
    return found;
}

int hf_domains_check_mask(const char *value, struct hf_error *err)
{
    char names[HF_ERROR_TEXT_MAX / 2];

    for (const char *item = value; *item; item += strcspn(item, ",") + (item[strcspn(item, ",")] == ',')) {
        size_t size = strcspn(item, ",");

        if (!is_offered(item, size, names, sizeof names))
            return hf_error_set(err, HF_EUSAGE, "mask: unknown feature '%.*s'; offered are: %s",
                                (int)(size < 80 ? size : 80), item, names);
    }
    return 0;
}

static void mask(struct hf_negotiate_domain *d, const char *masked)
{
    for (unsigned bit = 0; bit < HF_NEGOTIATE_BITS; bit++) {
        if (hf_bits_has(&d->supported, bit) && hf_setting_has_bit(masked, d->name, bit))
            hf_bits_drop(&d->supported, bit);
    }
    hf_negotiate_close(&d->supported, d->rules, d->n_rules);
}

int hf_domains_offered(struct hf_container *c, struct hf_negotiate_domain *list, size_t *count, struct hf_error *err)
{
    char masked[HF_SETTING_VALUE_SIZE];
    int r = hf_setting_get(c, "mask", masked, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < HF_ARRAY_SIZE(known); i++) {
        list[i] = known[i];
        mask(&list[i], masked);
    }
    *count = HF_ARRAY_SIZE(known);
    return 0;
}

static const struct hf_agreement *find(const struct hf_agreement *contract, size_t count,
                                       const struct hf_negotiate_domain *d)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(contract[i].domain, d->name) == 0 && contract[i].version == d->version)
            return &contract[i];
    return NULL;
}

int hf_domains_arrived(struct hf_container *c, const struct hf_agreement *contract, size_t contract_count,
                       struct hf_negotiate_domain *list, size_t *count, struct hf_error *err)
{
    int r = hf_domains_offered(c, list, count, err);

    for (size_t i = 0; r == 0 && i < *count; i++) {
        const struct hf_agreement *was = find(contract, contract_count, &known[i]);

        if (!was)
            continue;
        list[i].supported = known[i].supported;
        for (unsigned bit = 0; bit < HF_NEGOTIATE_BITS; bit++)
            if (!hf_bits_has(&was->offered, bit))
                hf_bits_drop(&list[i].supported, bit);
        hf_negotiate_close(&list[i].supported, list[i].rules, list[i].n_rules);
    }
    return r;
}
