/* SPDX-License-Identifier: BSD-2-Clause */
/* A loader of ACPI tables for this example: it does what etc/table-loader says. */
#ifndef LOADER_H
#define LOADER_H

#include <holdfast/fwcfg_client.h>

#define LOADER_DOMAIN         "acpi-loader"
#define LOADER_DOMAIN_VERSION 1
#define LOADER_FEATURES       3u /* bit 0: files may be allocated above 4 GiB; bit 1: files without tables are marked */

/* 0, or minus an HF_ code. Says what it loads. */
int load_tables(struct hf_fwcfg_client *client);

#endif
