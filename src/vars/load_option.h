/* SPDX-License-Identifier: BSD-2-Clause */
/* EFI_LOAD_OPTION (UEFI specification, 3.1.3): what Boot#### and its like hold. Pure; points into the caller's bytes.
 */
#ifndef HF_LOAD_OPTION_H
#define HF_LOAD_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

enum { HF_LOAD_ACTIVE = 1, HF_LOAD_HIDDEN = 8 };

struct hf_load_option {
    uint32_t attributes;
    const uint8_t *description; /* UCS-2 with its NUL */
    size_t description_size;
    const uint8_t *path; /* device paths, the first is the one that is started */
    size_t path_size;
    const uint8_t *data; /* for what is started */
    size_t data_size;
};

/* HF_EDAMAGED: the text names the field. */
int hf_load_option_read(const void *bytes, size_t size, struct hf_load_option *ret, struct hf_error *err);

/* The other way; allocated. HF_ENOMEM, HF_EUSAGE: the path is too long. */
int hf_load_option_write(const struct hf_load_option *option, uint8_t **bytes, uint32_t *size, struct hf_error *err);

#endif
