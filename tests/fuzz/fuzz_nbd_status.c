/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of the NBD server's status pipe: what is understood is written and read back as the same. */
#include <stdint.h>
#include <string.h>

#include "fuzz.h"
#include "nbd_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[HF_NBD_STATUS_LINE_MAX], again[HF_NBD_STATUS_LINE_MAX];
    struct hf_nbd_status s, t;

    if (size >= sizeof line)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    if (hf_nbd_status_parse(line, &s, NULL) < 0)
        return 0;
    again[hf_nbd_status_format(&s, again) - 1] = '\0';
    MUST(hf_nbd_status_parse(again, &t, NULL) == 0);
    MUST(t.kind == s.kind && t.code == s.code && t.since == s.since && t.bytes == s.bytes);
    return 0;
}
