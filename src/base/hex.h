/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_HEX_H
#define HF_HEX_H

/* The value of one hexadecimal digit of either case, or -1. */
static inline int hf_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

#endif
