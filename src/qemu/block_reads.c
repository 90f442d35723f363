/* SPDX-License-Identifier: BSD-2-Clause */
#include "block_reads.h"

uint64_t hf_block_reads(const json_t *blockstats)
{
    const json_t *entry;
    uint64_t sum = 0;
    size_t i;

    json_array_foreach(blockstats, i, entry) {
        json_int_t n = json_integer_value(json_object_get(json_object_get(entry, "stats"), "rd_operations"));

        if (n > 0)
            sum += (uint64_t)n;
    }
    return sum;
}
