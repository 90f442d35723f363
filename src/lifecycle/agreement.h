/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contract's records (contract.h): what was offered to the firmware of this boot in a domain, what it asked for
 * last, and what was agreed. One per offered domain; the record is written before the guest learns the answer.
 */
#ifndef HF_AGREEMENT_H
#define HF_AGREEMENT_H

#include <holdfast/negotiate_wire.h>

#include "contract.h"

struct hf_agreement {
    char domain[HF_NEGOTIATE_NAME_SIZE];
    uint32_t version;                /* of the domain */
    bool asked_once;                 /* `asked` and `status` are set */
    bool locked;                     /* `agreed` holds until the next reset */
    enum hf_negotiate_status status; /* of the last answer */
    struct hf_bits offered, asked, agreed;
};

#define HF_AGREEMENTS_MAX HF_CONTRACT_DOMAINS_MAX

/* HF_EDAMAGED: a record of the contract is none of these. */
int hf_agreement_list(struct hf_container *c, struct hf_agreement list[HF_AGREEMENTS_MAX], size_t *count,
                      struct hf_error *err);
/* In a transaction. */
int hf_agreement_put(struct hf_container *c, const struct hf_agreement *a, struct hf_error *err);

/* "0,1", or "none": room for a few bits; a set of many ends in "...". */
#define HF_BITS_TEXT_SIZE 64
const char *hf_bits_text(const struct hf_bits *set, char text[HF_BITS_TEXT_SIZE]);

#endif
