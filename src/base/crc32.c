/* SPDX-License-Identifier: BSD-2-Clause */
#include "crc32.h"

static uint32_t reflected(uint32_t polynomial, uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    crc = ~crc;
    while (size-- > 0) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (polynomial & (0U - (crc & 1U)));
    }
    return ~crc;
}

uint32_t hf_crc32(uint32_t crc, const void *bytes, size_t size)
{
    return reflected(0xEDB88320U, crc, bytes, size);
}

uint32_t hf_crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return reflected(0x82F63B78U, crc, bytes, size);
}
