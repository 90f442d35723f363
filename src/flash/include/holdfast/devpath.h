/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device paths as text, in the notation of the UEFI specification (10.6): PciRoot(0x0)/Pci(0x1,0x1)/Ata(0x0).
 * Freestanding; any thread.
 */
#ifndef HOLDFAST_DEVPATH_H
#define HOLDFAST_DEVPATH_H

#include <stdbool.h>
#include <stddef.h>

#include <holdfast/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the text, cut with "..." at `text_size` (at least 16). Instances of a path with several are joined by a
 * comma; nodes that have no name here become Path(type,subtype,hex). False when the bytes end inside a node; the text
 * then has what came before. */
HF_PUBLIC bool hf_devpath_format(const void *path, size_t size, char *text, size_t text_size);

/* How many bytes the path takes up to and with its end node; 0 when it has none within `size`. */
HF_PUBLIC size_t hf_devpath_size(const void *path, size_t size);

#ifdef __cplusplus
}
#endif
#endif
