/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware that is no edk2: SeaBIOS, qboot, option ROMs. */
#ifndef HF_LEGACY_IMAGE_H
#define HF_LEGACY_IMAGE_H

#include <stdbool.h>

#include <holdfast/flash_image.h>

/* False, with nothing changed, when it is none of them. */
bool hf_legacy_identify(const uint8_t *bytes, size_t size, struct hf_flash_image *image);

#endif
