/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integers with their byte order in the type. Alignment 1, so a struct of them is its wire layout without `packed`;
 * they cannot be used as numbers by mistake. Wire layouts are pinned with _Static_assert on size and offsets.
 */
#ifndef HOLDFAST_ENDIAN_H
#define HOLDFAST_ENDIAN_H

#include <stdint.h>

#if defined(__cplusplus) && !defined(_Static_assert)
#define _Static_assert static_assert /* the wire headers pin their layouts in either language */
#endif

/* clang-format off */
typedef struct { uint8_t b[2]; } hf_le16;
typedef struct { uint8_t b[4]; } hf_le32;
typedef struct { uint8_t b[8]; } hf_le64;
typedef struct { uint8_t b[2]; } hf_be16;
typedef struct { uint8_t b[4]; } hf_be32;
typedef struct { uint8_t b[8]; } hf_be64;
/* clang-format on */

static inline uint16_t hf_le16_get(hf_le16 v)
{
    return (uint16_t)(v.b[0] | v.b[1] << 8);
}

static inline uint32_t hf_le32_get(hf_le32 v)
{
    return (uint32_t)v.b[0] | (uint32_t)v.b[1] << 8 | (uint32_t)v.b[2] << 16 | (uint32_t)v.b[3] << 24;
}

static inline uint64_t hf_le64_get(hf_le64 v)
{
    uint64_t n = 0;

    for (unsigned i = 8; i-- > 0;)
        n = n << 8 | v.b[i];
    return n;
}

static inline uint16_t hf_be16_get(hf_be16 v)
{
    return (uint16_t)(v.b[0] << 8 | v.b[1]);
}

static inline uint32_t hf_be32_get(hf_be32 v)
{
    return (uint32_t)v.b[0] << 24 | (uint32_t)v.b[1] << 16 | (uint32_t)v.b[2] << 8 | (uint32_t)v.b[3];
}

static inline uint64_t hf_be64_get(hf_be64 v)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | v.b[i];
    return n;
}

static inline hf_le16 hf_le16_of(uint16_t n)
{
    hf_le16 v = {{(uint8_t)n, (uint8_t)(n >> 8)}};

    return v;
}

static inline hf_le32 hf_le32_of(uint32_t n)
{
    hf_le32 v = {{(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)}};

    return v;
}

static inline hf_le64 hf_le64_of(uint64_t n)
{
    hf_le64 v;

    for (unsigned i = 0; i < 8; i++)
        v.b[i] = (uint8_t)(n >> 8 * i);
    return v;
}

static inline hf_be16 hf_be16_of(uint16_t n)
{
    hf_be16 v = {{(uint8_t)(n >> 8), (uint8_t)n}};

    return v;
}

static inline hf_be32 hf_be32_of(uint32_t n)
{
    hf_be32 v = {{(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};

    return v;
}

static inline hf_be64 hf_be64_of(uint64_t n)
{
    hf_be64 v;

    for (unsigned i = 0; i < 8; i++)
        v.b[i] = (uint8_t)(n >> (56 - 8 * i));
    return v;
}

#endif
