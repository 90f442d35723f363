/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_CRC32_H
#define HF_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 as in IEEE 802.3, zlib and the UEFI specification (CalculateCrc32): reflected polynomial 0xEDB88320.
 * Start with crc = 0; feed the result back to continue. */
uint32_t hf_crc32(uint32_t crc, const void *bytes, size_t size);

/* CRC-32C as in iSCSI (RFC 3720, B.4): reflected polynomial 0x82F63B78. */
uint32_t hf_crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
