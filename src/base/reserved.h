/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_RESERVED_H
#define HF_RESERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a caller left zero in a struct of the library's interface. */
static inline bool hf_is_reserved_zero(const uint64_t *reserved, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (reserved[i] != 0)
            return false;
    return true;
}

#define HF_RESERVED_IS_ZERO(s) hf_is_reserved_zero((s)->reserved, sizeof(s)->reserved / sizeof(s)->reserved[0])

#endif
