/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes are identified, with the decompressor, and paired with themselves. */
#include "fuzz.h"

#include <holdfast/flash_image.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint16_t work[128 * 1024 / 2];
    struct hf_flash_image image;
    struct hf_pairing pairing;

    hf_flash_identify(bytes, size, work, sizeof work, &image);
    MUST(image.size == size && image.kind < HF_FLASH_KIND_MAX && image.layout < HF_LAYOUT_MAX);
    MUST(image.kind != HF_FLASH_UNKNOWN || image.note[0]);
    MUST(strlen(image.version) < sizeof image.version && strlen(image.note) < sizeof image.note);
    hf_flash_pair(&image, &image, &pairing);
    MUST(pairing.fits != HF_YES || image.kind == HF_FLASH_VARS);
    return 0;
}
