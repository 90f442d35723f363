/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's current firmware for a guest whose policy takes it: for the programs that start guests. */
#ifndef HF_HOST_OFFER_H
#define HF_HOST_OFFER_H

#include "boots.h"

struct hf_host_offer {
    struct hf_offer offer;
    uint8_t *bytes;
    char origin[512];
    char why[256];
};

/* Where to look. Any may be NULL: not known. */
struct hf_host_offer_place {
    const char *architecture;
    const char *machine;
    const char *qemu;
};

/* Fills boot->offer or boot->no_offer when the policy asks for the host's firmware at this boot; both borrow from `o`.
 * What is looked for: the setting `firmware`, else the name or path that the active image came from. A firmware that
 * is not found is no error: the guest starts with what it has. */
int hf_host_offer_find(struct hf_container *c, const struct hf_host_offer_place *place, struct hf_boot *boot,
                       struct hf_host_offer *o, struct hf_error *err);
void hf_host_offer_done(struct hf_host_offer *o);

#endif
