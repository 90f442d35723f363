/* SPDX-License-Identifier: BSD-2-Clause */
/* Device paths of what a guest can boot, made without the guest (UEFI specification 2.10, 3.1.2 and 10.3). Pure. */
#ifndef HF_BOOT_PATH_H
#define HF_BOOT_PATH_H

#include "gpt.h"

#include <holdfast/flash_image.h>

struct hf_boot_path {
    uint8_t *bytes; /* free() */
    size_t size;
};

/* A file on a partition, whatever controller its disk is on: HD(...)/\EFI\.... Slashes are taken for backslashes.
 * `partition` NULL: on whatever disk firmware finds it first. HF_EUSAGE, HF_ENOMEM. */
int hf_boot_path_file(const struct hf_gpt_partition *partition, const char *file, struct hf_boot_path *ret,
                      struct hf_error *err);

/* Over HTTP, by whatever network card: Uri(http://...). HF_EUSAGE: another scheme. */
int hf_boot_path_uri(const char *uri, struct hf_boot_path *ret, struct hf_error *err);

/* An application inside firmware of that layout: "ui" (setup), "shell". HF_EUSAGE: another word. */
#define HF_BOOT_APP_WORDS "ui shell"
int hf_boot_path_app(const char *app, enum hf_layout layout, struct hf_boot_path *ret, struct hf_error *err);

#endif
