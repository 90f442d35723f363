/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's current firmware, for a guest whose policy takes it; with hf_lifecycle_wants_offer() of boots.h. */
#ifndef HF_OFFER_H
#define HF_OFFER_H

#include "boots.h"
#include "life_work.h"

/* Stages what boot->offer has where the policy asks for it at this boot, or notes why it was not taken. Before whatever
 * the boot then applies. */
int hf_offer_follow(struct hf_life_work *w, const struct hf_boot *boot);

#endif
