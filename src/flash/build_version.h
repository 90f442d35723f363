/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_BUILD_VERSION_H
#define HF_BUILD_VERSION_H

#include <stddef.h>
#include <stdint.h>

/* The version a distribution built into edk2: the UCS-2 string the firmware shows ("2025.02-8+deb13u1",
 * "edk2-20240524-4.fc40"), else the source directory in a debugging path ("edk2-2022.11"). "" when there is none.
 * `out_size` is at least 2. */
void hf_build_version(const uint8_t *bytes, size_t size, char *out, size_t out_size);

#endif
