/* SPDX-License-Identifier: BSD-2-Clause */
#include "contract.h"

#include <string.h>

#include "inside.h"

static int read_contract(const struct hf_rows *rows, struct hf_contract *contract, struct hf_error *err)
{
    int r = hf_row_text(rows, 0, contract->domain, sizeof contract->domain, err);

    if (r < 0)
        return r;
    if (rows->v[1].size > HF_CONTRACT_BYTES_MAX)
        return hf_damaged(rows->c, err, "contract '%s' of %zu bytes; the limit is %d", contract->domain,
                          rows->v[1].size, HF_CONTRACT_BYTES_MAX);
    contract->size = rows->v[1].size;
    if (contract->size)
        memcpy(contract->bytes, rows->v[1].p, contract->size);
    return 0;
}

int hf_contract_list(struct hf_container *c, int (*each)(void *ctx, const struct hf_contract *contract), void *ctx,
                     struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_contract contract;
    int r = hf_rows_open(c, HF_T_CONTRACT, 0, INT64_MAX, &rows, err);

    while (r == 0) {
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            return r;
        r = read_contract(&rows, &contract, err);
        if (r == 0)
            r = each(ctx, &contract);
    }
    return r;
}

/* 1: *id is the domain's row; 0: it is the first free one, and *count how many there are. */
static int find(struct hf_container *c, const char *domain, int64_t *id, unsigned *count, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rows_open(c, HF_T_CONTRACT, 0, INT64_MAX, &rows, err);

    *id = 1;
    *count = 0;
    while (r == 0 && (r = hf_rows_next(&rows, err)) > 0) {
        bool it = rows.v[0].size == strlen(domain) && memcmp(rows.v[0].p, domain, rows.v[0].size) == 0;

        ++*count;
        *id = it ? rows.id : rows.id + 1;
        if (it)
            return 1;
        r = 0;
    }
    return r;
}

int hf_contract_get(struct hf_container *c, const char *domain, struct hf_contract *contract, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    unsigned count;
    int64_t id;
    int r = find(c, domain, &id, &count, err);

    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: no contract in domain '%s'", c->place.path, domain);
    if (r > 0)
        r = hf_row_find(c, HF_T_CONTRACT, id, &rows, err);
    return r < 0 ? r : read_contract(&rows, contract, err);
}

int hf_contract_set(struct hf_container *c, const char *domain, const void *bytes, size_t size, struct hf_error *err)
{
    const struct hf_value v[] = {hf_text(domain), hf_blob(bytes, size)};
    unsigned count;
    int64_t id;
    int r = hf_may_change(c, err);

    if (r < 0)
        return r;
    if (v[0].size == 0 || v[0].size >= HF_CONTRACT_NAME_SIZE || size > HF_CONTRACT_BYTES_MAX)
        return hf_error_refuse(err, "contract", "domain name of %zu bytes, record of %zu; the limits are %d and %d",
                               v[0].size, size, HF_CONTRACT_NAME_SIZE - 1, HF_CONTRACT_BYTES_MAX);
    r = find(c, domain, &id, &count, err);
    if (r == 0 && count >= HF_CONTRACT_DOMAINS_MAX)
        r = hf_error_refuse(err, "contract", "%s: too many domains; the limit is %u", c->place.path, count);
    return r < 0 ? r : hf_row_put(c, HF_T_CONTRACT, id, v, err);
}

int hf_contract_clear(struct hf_container *c, struct hf_error *err)
{
    int r = hf_may_change(c, err);

    return r < 0 ? r : hf_rows_delete(c, HF_T_CONTRACT, 0, INT64_MAX, err);
}
