/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks. Each prints one TAP line per case through the report. */
#ifndef HF_CHECKS_H
#define HF_CHECKS_H

#include "peer.h"
#include "report.h"

/* Registers, directory, DMA: what QEMU's device does, case by case. */
void check_device(struct hf_qtest *p, struct report *r, unsigned slots);

/* The etc/smi files: every request, lock, reset. Skipped where the files are not. */
void check_smi(struct hf_qtest *p, struct report *r);

/* The etc/negotiate files: docs/negotiation.md. Skipped where the files are not. */
void check_negotiation(struct hf_qtest *p, struct report *r);

/* Random operations on the peer and on this library's device at once; every answer must be the same. The seed is
 * printed; the same seed makes the same operations. */
void check_lockstep(struct hf_qtest *p, struct report *r, unsigned slots, uint64_t seed, unsigned long operations);

/* Up to `max` directory rows in their order; returns how many there are. */
size_t list_files(struct hf_qtest *p, struct hf_fwcfg_file *files, size_t max);

#endif
