/* SPDX-License-Identifier: BSD-2-Clause */
/* An adopted domain as reports tell it. */
#ifndef HF_DOMAIN_REPORT_H
#define HF_DOMAIN_REPORT_H

#include "inventory.h"
#include "output.h"

/* One member of the lists of `libvirt list`, and the member "domain" of `libvirt status`. */
void hf_put_domain(json_t *object, const struct hf_inventory_row *row);

#endif
