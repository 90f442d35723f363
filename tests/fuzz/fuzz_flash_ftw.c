/* SPDX-License-Identifier: BSD-2-Clause */
/* The input is the working block's queue and, behind its first 256 bytes, the front of the spare area. */
#include "fuzz.h"

#include <holdfast/varstore.h>

enum { BANK = 0x20000, MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct hf_var vars[MAX];
    static uint8_t bank[BANK];
    size_t queue = size < 256 ? size : 256, spare = size - queue;
    struct hf_flash_image image;
    struct hf_error err = {0};
    struct hf_varstore s;
    size_t count;
    int r;

    MUST(hf_varstore_format(bank, BANK, HF_LAYOUT_2M, NULL) == 0);
    memcpy(bank + 0x10000, bank, 0xE000);
    memcpy(bank + 0xF000 + 32, bytes, queue);
    memcpy(bank + 0x10000, bytes + queue, spare < 0x10000 ? spare : 0x10000);
    hf_flash_identify(bank, BANK, NULL, 0, &image);
    MUST(image.kind == HF_FLASH_VARS);
    r = hf_varstore_open(bank, BANK, HF_VARSTORE_STRICT, vars, MAX, NULL, NULL, &s, &err);
    if (r < 0) {
        MUST(strlen(err.text) > 10);
        (void)hf_varstore_open(bank, BANK, HF_VARSTORE_SALVAGE, vars, MAX, NULL, NULL, &s, NULL);
        return 0;
    }
    count = s.count;
    MUST(hf_varstore_replay(bank, &s, &err) == 0);
    MUST(!s.pending && s.count == count);
    return 0;
}
