/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_NEGOTIATE_INTERNAL_H
#define HF_NEGOTIATE_INTERNAL_H

#include <holdfast/negotiate_host.h>

/* In the caller's block: this struct, the declarations, the directory file. The directory's rows are the state. */
struct hf_negotiate {
    const struct hf_negotiate_domain *domains;
    size_t n_domains;
    uint32_t generation;
    struct hf_negotiate_directory *head;
    struct hf_negotiate_row *rows;
};

/* n->n_domains when there is none of that name. */
size_t hf_negotiate_index(const struct hf_negotiate *n, const char *name);
bool hf_negotiate_is_locked(const struct hf_negotiate *n, size_t i);
void hf_negotiate_lock(struct hf_negotiate *n, size_t i, const struct hf_bits *agreed);
enum hf_negotiate_status hf_negotiate_ask(struct hf_negotiate *n, size_t i, const struct hf_bits *wanted, uint32_t *bit,
                                          uint32_t *needs);

#endif
