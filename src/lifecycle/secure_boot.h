/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the guest's firmware runs signed code only. Two things decide it: the variables (keys are enrolled, the
 * switch is not off) and the image (a build with Secure Boot). */
#ifndef HF_SECURE_BOOT_H
#define HF_SECURE_BOOT_H

#include <holdfast/flash_image.h>

#include "variables.h"

enum hf_secure_boot_mode {
    HF_SECURE_BOOT_UNKNOWN, /* the image, or the variables, cannot be read */
    HF_SECURE_BOOT_NONE,    /* the image has no Secure Boot */
    HF_SECURE_BOOT_SETUP,   /* no platform key: nothing is enforced, and anybody may enrol keys */
    HF_SECURE_BOOT_OFF,     /* keys are enrolled, and the switch in the firmware's menu is off */
    HF_SECURE_BOOT_ON,
    HF_SECURE_BOOT_MODE_MAX,
};

/* A PK is enrolled and the switch of the firmware's menu is not off. Variables that cannot be read enforce nothing:
 * firmware formats them. */
bool hf_secure_boot_enforced(const struct hf_variables *v);

/* What firmware of that kind (hf_flash_image.secure_boot) makes of these variables. */
enum hf_secure_boot_mode hf_secure_boot_mode(enum hf_answer image, const struct hf_variables *v);

/* "on", "off", "setup mode", "unknown"; "off" also where the image has none. */
const char *hf_secure_boot_mode_name(enum hf_secure_boot_mode mode);

/* Whether Secure Boot stays what it is when `next` takes the place of `now` over these variables. HF_EREFUSED
 * "secure-boot": the variables enforce it, and
 *   - `next` does not, or cannot be told to, where `now` did; or
 *   - `now` keeps the keys from the guest's operating system by System Management Mode, and `next` does not.
 * The text says which, and what to do. */
int hf_secure_boot_keep(const struct hf_flash_image *now, const struct hf_flash_image *next,
                        const struct hf_variables *v, struct hf_error *err);

#endif
