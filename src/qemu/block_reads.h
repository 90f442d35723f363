/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_BLOCK_READS_H
#define HF_BLOCK_READS_H

#include <stdint.h>

#include <jansson.h>

/* How often the guest's devices read their disks, from QEMU's answer to query-blockstats. The flash chips do their
 * reading elsewhere and stay at zero, and so does what cannot be read. Pure. */
uint64_t hf_block_reads(const json_t *blockstats);

#endif
