/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: what hf_arrived_add() of transfer.h keeps. */
#ifndef HF_ARRIVED_H
#define HF_ARRIVED_H

#include "transfer.h"

struct hf_arrived_chunk {
    uint8_t *bytes;
    size_t size;
};

/* NULL and 0: nothing of that image. */
const struct hf_arrived_chunk *hf_arrived_get(const struct hf_arrived *arrived, const struct hf_digest *digest,
                                              uint32_t *count);

#endif
