/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: rows of `chunk` from this id on only hold room; an interrupted reservation leaves them, the
 * next one removes them. */
#ifndef HF_RESERVE_H
#define HF_RESERVE_H

#include "container.h"

#define HF_RESERVE_FIRST ((int64_t)1 << 48)

/* Such rows, of `bytes` in all. In a transaction. */
int hf_reserve_fill(struct hf_container *c, uint64_t bytes, struct hf_error *err);

#endif
