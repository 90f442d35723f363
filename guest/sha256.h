/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 (FIPS 180-4) of bytes in memory. The tool is one static file for whatever guest, so it brings its own. */
#ifndef HF_GUEST_SHA256_H
#define HF_GUEST_SHA256_H

#include <stddef.h>
#include <stdint.h>

void hf_sha256(const void *bytes, size_t size, uint8_t digest[32]);

#endif
