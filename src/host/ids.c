/* SPDX-License-Identifier: BSD-2-Clause */
#include "ids.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int hf_random_id(char id[HF_ID_TEXT_SIZE], struct hf_error *err)
{
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return hf_error_set(err, HF_EIO, "random numbers: %s", strerror(errno));
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * (size_t)i, 3, "%02x", bytes[i]);
    return 0;
}
