/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware and machine agreed on since the last reset: one record per domain, bytes of that domain's own layout. */
#ifndef HF_CONTRACT_H
#define HF_CONTRACT_H

#include "container.h"

#define HF_CONTRACT_DOMAINS_MAX 64
#define HF_CONTRACT_NAME_SIZE   64
#define HF_CONTRACT_BYTES_MAX   4096

struct hf_contract {
    char domain[HF_CONTRACT_NAME_SIZE];
    size_t size;
    uint8_t bytes[HF_CONTRACT_BYTES_MAX];
};

/* HF_ENOTFOUND: nothing agreed. */
int hf_contract_get(struct hf_container *c, const char *domain, struct hf_contract *contract, struct hf_error *err);
/* In a transaction. HF_EREFUSED "contract" (number or size). */
int hf_contract_set(struct hf_container *c, const char *domain, const void *bytes, size_t size, struct hf_error *err);
/* In a transaction: a reset opens every domain anew. */
int hf_contract_clear(struct hf_container *c, struct hf_error *err);
int hf_contract_list(struct hf_container *c, int (*each)(void *ctx, const struct hf_contract *contract), void *ctx,
                     struct hf_error *err);

#endif
