/* SPDX-License-Identifier: BSD-2-Clause */
/* UEFI variables as Linux' efivarfs shows them: a file NAME-GUID, four bytes of attributes, the data. */
#ifndef HF_GUEST_EFIVARS_H
#define HF_GUEST_EFIVARS_H

#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#define EFIVARS         "/sys/firmware/efi/efivars"
#define EFIVAR_SIZE_MAX (1U << 20) /* of a file that is believed to be one */

struct efivar {
    uint32_t attributes;
    uint8_t *data; /* allocated */
    size_t size;
};

/* HF_ENOTFOUND: the variable is not there. HF_EDAMAGED: the file is not one. HF_EIO, HF_ENOMEM. */
int efivar_read(const char *directory, const char *name, const char *vendor, struct efivar *ret, struct hf_error *err);

#endif
