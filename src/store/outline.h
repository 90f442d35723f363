/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a variable bank looks like from afar: which of its pages repeat one byte, and which. All but a few do (erased flash,
 * AAVMF's padding), and of those a whole bank that arrives can be compared without reading a row for each.
 */
#ifndef HF_OUTLINE_H
#define HF_OUTLINE_H

#include "container.h"

struct hf_outline;

/* Of the bank as it is now. Outside a transaction. HF_ENOTFOUND: there is none. */
int hf_outline_read(struct hf_container *c, struct hf_outline **out, struct hf_error *err);
/* Whether the bank is still what it was then: 1 or 0. */
int hf_outline_fits(struct hf_container *c, const struct hf_outline *outline, struct hf_error *err);
void hf_outline_free(struct hf_outline *outline);

/* The byte that the page repeats; -1: another page, or none of the bank's. */
int hf_outline_byte(const struct hf_outline *outline, uint64_t page);

#endif
