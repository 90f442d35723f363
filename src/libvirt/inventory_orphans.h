/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to inventory: containers of domains that are gone, and what its two files share. */
#ifndef HF_INVENTORY_ORPHANS_H
#define HF_INVENTORY_ORPHANS_H

#include "inventory.h"

/* A new row of zeros; the pointer lives until the next call. */
int hf_inventory_add(struct hf_inventory *inventory, size_t *room, struct hf_inventory_row **row, struct hf_error *err);
/* The row's problem, unless it has one. */
void hf_inventory_say(struct hf_inventory_row *row, const char *fmt, ...) HF_PRINTF(2, 3);
void hf_inventory_look(struct hf_inventory_row *row, int64_t now);

/* Adds the adoptions whose domain is not among the rows, and the containers in HF_LIBVIRT_STATE that no row has. */
int hf_inventory_add_orphans(struct hf_inventory *inventory, size_t *room, int64_t now, struct hf_error *err);

/* The record of an adopted domain of that name or UUID, whether it is defined or not. HF_ENOTFOUND. */
int hf_inventory_orphan_find(const char *domain, struct hf_adoption *adoption);

#endif
