/* SPDX-License-Identifier: BSD-2-Clause */
/* EFI_TIME as variables carry it. */
#ifndef HF_KEY_TIME_H
#define HF_KEY_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To the second, as firmware compares signed updates. */
static inline bool hf_key_time_newer(const uint8_t a[16], const uint8_t b[16])
{
    static const uint8_t order[] = {1, 0, 2, 3, 4, 5, 6}; /* year (little-endian), month, day, hour, minute, second */

    for (size_t i = 0; i < sizeof order; i++)
        if (a[order[i]] != b[order[i]])
            return a[order[i]] > b[order[i]];
    return false;
}

#endif
