/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_operands.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"

bool hf_takes_container(const struct hf_verb *verb, int n)
{
    const char *word = verb->synopsis;

    for (int i = 0; *word; i++) {
        size_t length = strcspn(word, " ");
        bool repeats = length > 3 && !strncmp(word + length - 3, "...", 3);

        if (i == n || (i < n && repeats))
            return !strncmp(word, "G.hold", 6);
        word += length;
        word += strspn(word, " ");
    }
    return false;
}

static int resolve(struct hf_invocation *inv, int n, struct hf_error *err)
{
    const char *name = inv->operands[n] + sizeof HF_DOMAIN_PREFIX - 1;
    char path[PATH_MAX];
    int r;

    if (!*name || strchr(name, '/')) { /* no domain has such a name */
        if (strstr(inv->verb->synopsis, HF_DOMAIN_PREFIX "URI"))
            return 0;
        return hf_error_set(err, HF_EUSAGE, "'%s': not a domain's name; a file of that name is './%s'",
                            inv->operands[n], inv->operands[n]);
    }
    r = hf_inventory_container(name, path, err);
    if (r < 0)
        return hf_error_prefix(err, r, "'%s': ", inv->operands[n]);
    inv->resolved[n] = strdup(path);
    if (!inv->resolved[n])
        return hf_error_nomem(err);
    inv->operands[n] = inv->resolved[n];
    return 0;
}

int hf_domain_operands(struct hf_invocation *inv, struct hf_error *err)
{
    int r = 0;

    for (int n = 0; r == 0 && n < inv->operand_count; n++)
        if (!strncmp(inv->operands[n], HF_DOMAIN_PREFIX, sizeof HF_DOMAIN_PREFIX - 1) &&
            hf_takes_container(inv->verb, hf_is_for_each(inv) ? n + 1 : n))
            r = resolve(inv, n, err);
    return r;
}
